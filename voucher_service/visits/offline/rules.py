"""What becomes of an entry, and how far a lease reaches: decided here and nowhere else, over whatever keeps the books.

Pure: the same code judges over the database and over the drill's memory. Everything but the redemption itself is
decided from the entry, its lease and its shift, never from when it arrives, so the order of uploads does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from voucher_service.units import Unit
from voucher_service.visits.offline.wire import NO_ENTRY, Entry

LEASE_FOR: Final = timedelta(hours=72)
CLOCK_GRACE: Final = timedelta(minutes=10)
"""How far a device's reckoning of our time may be off at both ends of a lease or a shift."""

VALUE_WINDOW: Final[Mapping[Unit, int]] = {
    Unit.EUR_CENT: 100_000,
    Unit.MEGABYTE: 500_000,
    Unit.MINUTE: 20_000,
    Unit.SMS: 20_000,
    Unit.PIECE: 100,
}
"""The most value of each unit that a device may have promised and not yet told."""


class Status(StrEnum):
    """The answer to an entry; it never changes."""

    CONFIRMED = "confirmed"
    CONFLICT = "conflict"  # by the books the voucher is not there to be redeemed
    REFUSED = "refused"  # it cannot be judged by itself: a person looks


class Reason(StrEnum):
    """Why an entry was not confirmed."""

    USED = "used"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    EXPIRED = "expired"
    FORK = "fork"
    DEVICE_REVOKED = "device_revoked"
    OUTSIDE_LEASE = "outside_lease"
    OUTSIDE_SHIFT = "outside_shift"
    NOT_HOME = "not_home"
    UNREADABLE = "unreadable"
    FORGED = "forged"
    INCOMPLETE = "incomplete"


CONFLICTS: Final = frozenset({Reason.USED, Reason.CANCELLED, Reason.REPLACED, Reason.EXPIRED})


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease as the rules see it: whose, from when to when, how far."""

    device_id: UUID
    granted_at: datetime
    valid_until: datetime
    up_to_seq: int
    up_to_value: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stood:
    """A shift as the rules see it."""

    device_id: UUID
    opened_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What stands around a number: whether it or the scan is taken, the hash before, the one the next entry names."""

    taken: bool
    before: bytes | None
    named_by_next: bytes | None


class Books(Protocol):
    """What the rules ask of whatever keeps the books, about one device. `redeem` alone writes."""

    def revoked(self) -> bool:
        """Say whether the device was revoked."""

    def neighbours(self, entry: Entry) -> Neighbours:
        """Return what stands around the entry's number, and whether number or scan are taken."""

    def lease(self, lease_id: UUID) -> Granted | None:
        """Return the lease of that id, whoever's it is."""

    def shift(self, shift_id: UUID) -> Stood | None:
        """Return the shift of that id, whoever's it is."""

    def charged(self, unit: str) -> tuple[int, int]:
        """Return what was confirmed or in conflict of this unit, and the farthest any lease of the device reached."""

    def redeem(self, entry: Entry) -> Reason | None:
        """Redeem the entry's voucher in the device's branch; return None when that is done, else why not."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an entry; `placed`: it stands in the device's chain."""

    status: Status
    reason: Reason | None
    placed: bool


def decide(books: Books, entry: Entry) -> Decision:
    """Return what becomes of an entry never seen before, having redeemed its voucher if that is what becomes of it."""
    if not _follows(books.neighbours(entry), entry):
        return Decision(Status.REFUSED, Reason.FORK, placed=False)
    reason = _standing(books, entry) or books.redeem(entry)
    if reason is None:
        return Decision(Status.CONFIRMED, None, placed=True)
    return Decision(Status.CONFLICT if reason in CONFLICTS else Status.REFUSED, reason, placed=True)


def _follows(around: Neighbours, entry: Entry) -> bool:
    if around.taken or (entry.seq == 1) != (entry.prev == NO_ENTRY):
        return False
    if around.before is not None and around.before != entry.prev:
        return False
    return around.named_by_next is None or around.named_by_next == entry.hash()


def _standing(books: Books, entry: Entry) -> Reason | None:
    """Return why the device might not accept this by itself, or None."""
    if books.revoked():
        return Reason.DEVICE_REVOKED
    lease = books.lease(entry.lease_id)
    if lease is None or lease.device_id != entry.device_id or not _within(lease, entry):
        return Reason.OUTSIDE_LEASE
    charged, farthest = books.charged(entry.unit)
    if charged + entry.value > farthest:
        return Reason.OUTSIDE_LEASE  # the device's own count is not to be believed
    shift = books.shift(entry.shift_id)
    if shift is None or shift.device_id != entry.device_id:
        return Reason.OUTSIDE_SHIFT
    if not shift.opened_at - CLOCK_GRACE <= entry.accepted_at <= shift.ends_at + CLOCK_GRACE:
        return Reason.OUTSIDE_SHIFT
    return None


def _within(lease: Granted, entry: Entry) -> bool:
    return (
        entry.seq <= lease.up_to_seq
        and entry.total <= lease.up_to_value.get(entry.unit, 0)
        and lease.granted_at - CLOCK_GRACE <= entry.accepted_at <= lease.valid_until + CLOCK_GRACE
    )


def received_to(seqs: Iterable[int]) -> int:
    """Return the highest number up to which none is missing; `seqs` ascend."""
    head = 0
    for seq in seqs:
        if seq != head + 1:
            break
        head = seq
    return head


def missing(seqs: Iterable[int], head: int = 0) -> list[tuple[int, int]]:
    """Return the gaps, first and last number, below the highest of the ascending `seqs` and up to `head`."""
    gaps, last = [], 0
    for seq in (*seqs, head + 1):
        if seq > last + 1:
            gaps.append((last + 1, seq - 1))
        last = max(last, seq)
    return gaps


def reach(received: int, window: int, open_items: int, before: int) -> int:
    """Return how far the next lease reaches: a window beyond what is received, less what no person has closed.

    It never falls below `before`, which is promised already. Counts entries, or one unit's value.
    """
    return max(before, received + max(0, window - open_items))
