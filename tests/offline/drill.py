"""The offline drill's world in memory: a server that decides by the service's own rules, and devices.

The decisions are the service's own (`rules.decide`, `reach`, `received_to`); only the books around them are kept in
memory, so that thousands of weeks can be lived. What is decided over the real database is tested beside it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from voucher_service.visits.offline import rules
from voucher_service.visits.offline.rules import Decision, Granted, Neighbours, Reason, Status, Stood
from voucher_service.visits.offline.wire import NO_ENTRY, Entry

UNIT, VALUE, WINDOW, VALUES = "eur_cent", 500, 100, 40_000


class Made(Entry):
    """An entry as the drill's devices make it: hashed by the service's own code, once instead of some forty times."""

    __slots__ = ("_digest",)
    _digest: bytes

    def hash(self) -> bytes:
        """As in `Entry`."""
        try:
            return self._digest
        except AttributeError:
            digest = super().hash()
            object.__setattr__(self, "_digest", digest)
            return digest


@dataclass(slots=True)
class Chain:
    """What the server has of one device; `charged` and `vain` are sums over `placed`, kept as it grows."""

    branch: int
    revoked: bool = False
    forked: bool = False
    placed: dict[int, tuple[Entry, Decision]] = field(default_factory=dict)
    answers: dict[bytes, tuple[Entry, Decision]] = field(default_factory=dict)
    leases: list[UUID] = field(default_factory=list)
    charged: int = 0
    vain: int = 0

    def place(self, entry: Entry, decision: Decision) -> None:
        """Let it stand in the chain."""
        self.placed[entry.seq] = (entry, decision)
        self.charged += entry.value if decision.status is not Status.REFUSED else 0
        self.vain += decision.status is not Status.CONFIRMED


@dataclass(slots=True)
class Server:
    """The books in memory. `homes`: the branch of each voucher; `winners`: the scan that redeemed it."""

    homes: dict[int, int]
    winners: dict[int, UUID] = field(default_factory=dict)
    chains: dict[UUID, Chain] = field(default_factory=dict)
    leases: dict[UUID, Granted] = field(default_factory=dict)
    shifts: dict[UUID, Stood] = field(default_factory=dict)
    scans: set[UUID] = field(default_factory=set)

    def receive(self, entry: Entry) -> Decision:
        """Answer an entry; again, the same."""
        chain, digest = self.chains[entry.device_id], entry.hash()
        if digest in chain.answers:
            return chain.answers[digest][1]
        decision = rules.decide(self.books(chain), entry)
        chain.answers[digest] = (entry, decision)
        if decision.placed:
            chain.place(entry, decision)
            self.scans.add(entry.scan_id)
        chain.forked |= decision.reason is Reason.FORK
        return decision

    def books(self, chain: Chain) -> Books:
        """The books of one device."""
        return Books(self, chain)

    def renew(self, device: UUID, head: int, now: datetime, fresh: UUID) -> UUID | None:
        """Move the window on, as `leases.renew` does."""
        chain = self.chains[device]
        if chain.revoked or chain.forked or max(chain.placed, default=0) > head:
            return None
        received = rules.received_to(sorted(chain.placed))
        got = sum(entry.value for seq, (entry, _) in chain.placed.items() if seq <= received)
        vain = sum(decision.status is not Status.CONFIRMED for _, decision in chain.placed.values())
        last = self.leases[chain.leases[-1]] if chain.leases else None
        self.leases[fresh] = Granted(
            device,
            now,
            now + rules.LEASE_FOR,
            rules.reach(received, WINDOW, vain, last.up_to_seq if last else 0),
            {UNIT: rules.reach(got, VALUES, vain * VALUE, last.up_to_value[UNIT] if last else 0)},
        )
        chain.leases.append(fresh)
        return fresh


@dataclass(slots=True)
class Books:
    """What the rules ask, of memory."""

    server: Server
    chain: Chain

    def revoked(self) -> bool:
        """As in `rules.Books`."""
        return self.chain.revoked

    def neighbours(self, entry: Entry) -> Neighbours:
        """As in `rules.Books`."""
        placed = self.chain.placed
        before, after = placed.get(entry.seq - 1), placed.get(entry.seq + 1)
        return Neighbours(
            taken=entry.seq in placed or entry.scan_id in self.server.scans,
            before=before[0].hash() if before else None,
            named_by_next=after[0].prev if after else None,
        )

    def lease(self, lease_id: UUID) -> Granted | None:
        """As in `rules.Books`."""
        return self.server.leases.get(lease_id)

    def shift(self, shift_id: UUID) -> Stood | None:
        """As in `rules.Books`."""
        return self.server.shifts.get(shift_id)

    def charged(self, unit: str) -> tuple[int, int]:
        """As in `rules.Books`."""
        leases = self.chain.leases
        return self.chain.charged, self.server.leases[leases[-1]].up_to_value[unit] if leases else 0

    def redeem(self, entry: Entry) -> Reason | None:
        """The three guards of the real redemption come to this: the first takes it."""
        if self.server.homes[entry.serial] != self.chain.branch:
            return Reason.NOT_HOME
        if self.server.winners.setdefault(entry.serial, entry.scan_id) != entry.scan_id:
            return Reason.USED
        return None


@dataclass(slots=True)
class Device:
    """A device as the page is one. `skew`: how wrong its reckoning of our time is."""

    id: UUID
    branch: int
    skew: timedelta
    shift: UUID
    lease: Granted | None = None
    lease_id: UUID | None = None
    seq: int = 0
    prev: bytes = NO_ENTRY
    total: int = 0
    queue: list[Entry] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def copy(self) -> Device:
        """What a copy of its storage would be."""
        other = Device(self.id, self.branch, self.skew, self.shift, self.lease, self.lease_id, self.seq, self.prev)
        other.total, other.queue, other.seen = self.total, list(self.queue), set(self.seen)
        return other

    def accept(self, serial: int, now: datetime, rng: random.Random) -> Entry | None:
        """Accept offline if everything that docs/offline.md asks holds."""
        at, lease = now + self.skew, self.lease
        if lease is None or self.lease_id is None or serial in self.seen or at > lease.valid_until:
            return None
        if self.seq + 1 > lease.up_to_seq or self.total + VALUE > lease.up_to_value[UNIT]:
            return None
        self.seen.add(serial)
        self.seq, self.total = self.seq + 1, self.total + VALUE
        entry = Made(
            device_id=self.id,
            seq=self.seq,
            scan_id=any_id(rng),
            prev=self.prev,
            organisation=1,
            key_id=1,
            serial=serial,
            unit=UNIT,
            value=VALUE,
            total=self.total,
            accepted_at=at,
            age_ms=-1,
            lease_id=self.lease_id,
            shift_id=self.shift,
            sealed_hash=NO_ENTRY,
        )
        self.prev = entry.hash()
        self.queue.append(entry)
        return entry


def any_id(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128))
