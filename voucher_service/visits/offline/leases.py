"""Leases: how far a device may go before we hear of it again. A window that only ever moves on (docs/offline.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.ids import local_day, new_id
from voucher_service.staff.device_models import Device, Lease, LeaseValue
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import LEASE_FOR, VALUE_WINDOW, Status, missing, reach, received_to

_RENEW_AFTER: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry a device says it made: its number (0: none yet) and hash."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """What we have of a device's chain. `restored`, `forked`: see docs/offline.md."""

    received_to: int
    missing: list[tuple[int, int]]
    restored: bool
    forked: bool


@dataclass(frozen=True, slots=True)
class Leased:
    """A lease with how far it reaches in each unit."""

    lease: Lease
    up_to_value: dict[str, int]


def progress(session: Session, device: Device, head: Head | None = None) -> Progress:
    """Return what we have of the device's chain, held against what it says itself."""
    seqs = _seqs(session, device.id)
    highest = seqs[-1] if seqs else 0
    if head is None:
        return Progress(received_to(seqs), missing(seqs, highest), restored=False, forked=device.forked_at is not None)
    ours = session.scalar(
        select(OfflineEntry.entry_hash).where(
            OfflineEntry.device_id == device.id, OfflineEntry.placed == 1, OfflineEntry.seq == head.seq
        )
    )
    forked = device.forked_at is not None or (ours is not None and ours != head.hash)
    return Progress(received_to(seqs), missing(seqs, max(highest, head.seq)), highest > head.seq, forked)


def renew(session: Session, device_id: UUID, head: Head, *, window: int, now: datetime) -> Leased | None:
    """Return the device's lease, moved on as far as what we have received allows; None: it may accept nothing.

    `window` counts vouchers. What is promised already is never taken back.
    """
    device = session.scalar(select(Device).where(Device.id == device_id).with_for_update())
    assert device is not None, "the door has seen it"
    known = progress(session, device, head)
    if known.forked and device.forked_at is None:
        device.forked_at = now
    if window == 0 or known.restored or known.forked or device.revoked_at is not None:
        return None
    if known.received_to == head.seq:
        device.caught_up_on = local_day(now)
    leased = _reach(session, device, known.received_to, window, now)
    device.lease_until_on = local_day(leased.lease.valid_until)
    session.flush()
    return leased


def _reach(session: Session, device: Device, received: int, window: int, now: datetime) -> Leased:
    last = latest(session, device.id)
    count, values = _open(session, device.id)
    got = _received_values(session, device.id, received)
    up_to_seq = reach(received, window, count, last.lease.up_to_seq if last else 0)
    up_to_value = {
        unit.value: reach(got[unit.value], most, values[unit.value], last.up_to_value.get(unit.value, 0) if last else 0)
        for unit, most in VALUE_WINDOW.items()
    }
    same = last is not None and (last.lease.up_to_seq, last.up_to_value) == (up_to_seq, up_to_value)
    if last is not None and same and now - last.lease.granted_at < _RENEW_AFTER:
        return last
    lease = Lease(id=new_id(), device_id=device.id, granted_at=now, valid_until=now + LEASE_FOR, up_to_seq=up_to_seq)
    session.add(lease)
    session.flush()
    session.add_all(LeaseValue(lease_id=lease.id, unit=unit, up_to=most) for unit, most in up_to_value.items())
    session.flush()
    return Leased(lease, up_to_value)


def latest(session: Session, device_id: UUID) -> Leased | None:
    """Return the last lease the device was given."""
    lease = session.scalar(
        select(Lease).where(Lease.device_id == device_id).order_by(Lease.granted_at.desc(), Lease.id.desc()).limit(1)
    )
    if lease is None:
        return None
    values = session.execute(select(LeaseValue.unit, LeaseValue.up_to).where(LeaseValue.lease_id == lease.id))
    return Leased(lease, dict(values.all()))


def _seqs(session: Session, device_id: UUID) -> list[int]:
    return list(
        session.scalars(
            select(OfflineEntry.seq)
            .where(OfflineEntry.device_id == device_id, OfflineEntry.placed == 1)
            .order_by(OfflineEntry.seq)
        )
    )


def _received_values(session: Session, device_id: UUID, received: int) -> Counter[str]:
    rows = session.execute(
        select(OfflineEntry.unit, func.sum(OfflineEntry.value))
        .where(OfflineEntry.device_id == device_id, OfflineEntry.placed == 1, OfflineEntry.seq <= received)
        .group_by(OfflineEntry.unit)
    )
    return Counter({unit: int(total) for unit, total in rows})


def _open(session: Session, device_id: UUID) -> tuple[int, Counter[str]]:
    """Return what was promised in vain and no person has closed: how many, and how much of each unit."""
    rows = session.execute(
        select(OfflineEntry.unit, func.count(), func.sum(OfflineEntry.value))
        .where(
            OfflineEntry.device_id == device_id,
            OfflineEntry.placed == 1,
            OfflineEntry.status != Status.CONFIRMED.value,
            OfflineEntry.closed_at.is_(None),
        )
        .group_by(OfflineEntry.unit)
    ).all()
    return sum(count for _, count, _ in rows), Counter({unit: int(total) for unit, _, total in rows})
