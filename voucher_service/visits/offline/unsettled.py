"""What one member of staff accepted without a network and the books did not simply confirm, for *Mon service*."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.staff.device_models import Shift
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Status


def unsettled_of(session: Session, staff_id: UUID, *, limit: int = 50) -> list[OfflineEntry]:
    """Return the conflicts and refusals of shifts of theirs, the open ones first, then newest first.

    An entry's shift is the device's word: it counts only when that shift was one of the same device.
    """
    found = session.scalars(
        select(OfflineEntry)
        .join(Shift, (Shift.id == OfflineEntry.shift_id) & (Shift.device_id == OfflineEntry.device_id))
        .where(Shift.staff_id == staff_id, OfflineEntry.status != Status.CONFIRMED.value)
        .order_by(OfflineEntry.closed_at.is_not(None), OfflineEntry.received_at.desc(), OfflineEntry.id)
        .limit(limit)
    )
    return list(found)
