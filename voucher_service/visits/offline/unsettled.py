"""What one member of staff accepted without the server and the books did not simply confirm, for *Mon service*."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from voucher_service.staff.device_models import Shift
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.paper.models import PaperLine


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


def promised(session: Session, scan_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Return those of the scans that were accepted without the server, by a device or on paper, and then not confirmed.

    The value says whether the coordination has settled it. The scan itself is recorded as a refusal, which nobody
    who accepted in good faith should be shown.
    """
    asked = [
        select(table.scan_id, table.closed_at.is_not(None)).where(
            table.scan_id.in_(scan_ids), table.status != Status.CONFIRMED.value
        )
        for table in (OfflineEntry, PaperLine)
    ]
    return {scan_id: bool(settled) for scan_id, settled in session.execute(union_all(*asked))}
