"""What the coordination sees of devices: which there are, how much each has told us, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from voucher_service.staff.device_models import Device, Lease, Shift
from voucher_service.staff.models import Staff
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Status


@dataclass(frozen=True, slots=True)
class Told:
    """What came from a device: acceptances `received`, numbers `missing` below the highest, `unsettled` ones."""

    received: int = 0
    missing: int = 0
    unsettled: int = 0


def devices_query(*, branch_id: int | None = None, in_use: bool | None = None) -> Select[Device]:
    """Return the query for devices, of one branch or all, in use or withdrawn or both."""
    query = select(Device)
    if branch_id is not None:
        query = query.where(Device.branch_id == branch_id)
    if in_use is not None:
        query = query.where(Device.revoked_at.is_(None) if in_use else Device.revoked_at.is_not(None))
    return query


def entries_query(
    *, settled: bool = False, kept: bool = False, branch_id: int | None = None, device_id: UUID | None = None
) -> Select[OfflineEntry]:
    """Return the query for conflicts and refusals that wait for a person or are `settled`, or for what was `kept`."""
    closed = OfflineEntry.closed_at.is_not(None) if settled else OfflineEntry.closed_at.is_(None)
    query = select(OfflineEntry).where(OfflineEntry.status != Status.CONFIRMED.value, closed)
    if kept:  # confirmed, with something beside the visit
        query = select(OfflineEntry).where(
            OfflineEntry.status == Status.CONFIRMED.value, OfflineEntry.content_sealed.is_not(None)
        )
    if branch_id is not None:
        query = query.where(OfflineEntry.device_id.in_(select(Device.id).where(Device.branch_id == branch_id)))
    if device_id is not None:
        query = query.where(OfflineEntry.device_id == device_id)
    return query


def told(session: Session, device_ids: Sequence[UUID]) -> dict[UUID, Told]:
    """Return what each device has told us; a device that told nothing is absent."""
    placed = case((OfflineEntry.placed == 1, OfflineEntry.seq))
    unsettled = case(((OfflineEntry.status != Status.CONFIRMED.value) & OfflineEntry.closed_at.is_(None), 1))
    rows = session.execute(
        select(OfflineEntry.device_id, func.count(placed), func.max(placed), func.count(unsettled))
        .where(OfflineEntry.device_id.in_(device_ids))
        .group_by(OfflineEntry.device_id)
    )
    return {
        device_id: Told(received=received, missing=(highest or 0) - received, unsettled=waiting)
        for device_id, received, highest, waiting in rows
    }


def lease_ends(session: Session, device_id: UUID) -> datetime | None:
    """Return until when the device may accept without a network; None: it never could."""
    return session.scalar(select(func.max(Lease.valid_until)).where(Lease.device_id == device_id))


def at_the_device(session: Session, entry: OfflineEntry) -> Staff | None:
    """Return who stood at the device by the shift that the entry names; None when that shift was not this device's."""
    return session.scalar(
        select(Staff)
        .join(Shift, Shift.staff_id == Staff.id)
        .where(Shift.id == entry.shift_id, Shift.device_id == entry.device_id)
    )


def devices_of(session: Session, entries: Sequence[OfflineEntry]) -> dict[UUID, Device]:
    """Return the device of each entry, by its id."""
    ids = {entry.device_id for entry in entries}
    return {one.id: one for one in session.scalars(select(Device).where(Device.id.in_(ids)))}
