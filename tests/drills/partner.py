"""A partner in virtual time that loses answers, answers late, contradicts itself and changes its mind.

It keeps its own book, which nothing of ours can see but through answers. All chance comes from the order's own
generator, in the order of the calls, so that the same order meets the same partner in memory and on a database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from integrations.reloadly.table import REFUSALS, SUBMIT
from voucher_service.fulfilment.abilities import NeverHappened, TooLate, Undone
from voucher_service.fulfilment.providers import (
    Accepted,
    Capabilities,
    Delivered,
    ErrorClass,
    Found,
    Idempotency,
    Lookup,
    Mode,
    NotFound,
    Ref,
    Refused,
    Reversed,
    Submitted,
    TopUp,
    Unknown,
)

SYNC_LIMIT = timedelta(seconds=30)
QUANTITY = 500
TIME_OUT, LATE, FAULTY = 0.20, 0.10, 0.20
"""Of sendings: the answer is lost; accepted and done later; an error code comes instead."""
REVERSAL = 0.01
NEVER_CALLS, REPLAYED, CONTRADICTED = 0.20, 0.10, 0.02
"""Of deliveries: no callback; of callbacks: it comes twice; it says the opposite of what happened."""
ASK_LOST, TAKE_BACK_LOST, LAGS = 0.05, 0.20, 0.05

# How often each came in a year of production. What it means is what the adapter's own table says.
CODES: dict[str, int] = {
    "INSUFFICIENT_BALANCE": 7687,
    "CANNOT_BE_PROCESSED": 4562,
    "PHONE_RECENTLY_RECHARGED": 3627,
    "CUSTOM_IDENTIFIER_ALREADY_USED": 2385,
    "OPERATOR_UNAVAILABLE": 1530,
    "COULD_NOT_AUTO_DETECT_OPERATOR": 812,
    "OPERATOR_NOT_FOUND": 361,
    "INVALID_RECIPIENT_PHONE": 275,
    "AUTH_ERROR": 219,
    "INVALID_AMOUNT": 177,
    "RECIPIENT_HAS_PENDING": 151,
    "FAILED_ON_OPERATOR": 116,
}
_NAMES = {code: (code, REFUSALS[SUBMIT, 400, code]) for code in CODES}
_CODES, _WEIGHTS = list(CODES), list(CODES.values())
_NOT_BOOKED = {ErrorClass.PARTNER_PRECONDITION, ErrorClass.TRANSIENT_BEFORE_SEND}
DUPLICATES_PAID = 1483 / 2393


class Lost(TimeoutError):
    """The answer never came."""


@dataclass(slots=True)
class Entry:
    """One line of the partner's book."""

    code: str  # "delivered", or why not
    done_at: datetime
    reversed_at: datetime | None = None
    visible_at: datetime | None = None

    def delivered(self, at: datetime) -> bool:
        """Say whether the person has the value at that time."""
        return self.code == "delivered" and self.done_at <= at and (self.reversed_at is None or self.reversed_at > at)


@dataclass(slots=True)
class CallbackDue:
    """A callback on its way to us."""

    at: datetime
    ours: UUID
    body: bytes
    says_delivered: bool


CAREFUL = Capabilities(
    mode=Mode.DIRECT,
    needs_number=False,
    sync_limit=SYNC_LIMIT,
    lookup=Lookup.BY_REFERENCE,
    idempotency=Idempotency.ENFORCED,
)
CARELESS = Capabilities(
    mode=Mode.DIRECT,
    needs_number=False,
    sync_limit=SYNC_LIMIT,
    lookup=Lookup.BY_REFERENCE,
    idempotency=Idempotency.CONTRADICTED,
    reversal=True,
)


@dataclass(slots=True)
class Partner:
    """The partner as one order meets it. `careless` pays a replayed reference again; it can take back."""

    chance: Random
    clock: Callable[[], datetime]
    careless: bool = False
    book: dict[UUID, list[Entry]] = field(default_factory=dict)
    tombs: set[UUID] = field(default_factory=set)
    calling: list[CallbackDue] = field(default_factory=list)
    calls: int = 0

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        return CARELESS if self.careless else CAREFUL

    def submit(self, top_up: TopUp) -> Submitted:
        """Take an order, or lose it, or lose the answer."""
        chance, now, ref = self.chance, self.clock(), top_up.reference
        self.calls += 1
        if self.calls > 200:
            raise AssertionError("an order that never ends")
        lost = chance.random() < TIME_OUT
        if lost and chance.random() < 0.5:
            raise Lost  # it never arrived
        if ref in self.book and not self.careless:
            return Refused("CUSTOM_IDENTIFIER_ALREADY_USED", ErrorClass.DUPLICATE)
        if ref in self.tombs:
            return Refused("REVERSED_BEFORE", ErrorClass.REFUSED_FINAL)
        answer = self._take(ref, now)
        if lost:
            raise Lost
        return answer

    def _take(self, ref: UUID, now: datetime) -> Submitted:
        chance = self.chance
        code, kind = "delivered", None
        if chance.random() < FAULTY:
            code, kind = _NAMES[chance.choices(_CODES, _WEIGHTS)[0]]
            if kind in _NOT_BOOKED:
                return Refused(code, kind)
        late = chance.random() < LATE
        # From ten seconds to thirty hours, even on a logarithmic scale: some later than anyone waits.
        done_at = now + timedelta(seconds=10 * 10 ** (chance.random() * 4.03)) if late else now
        paid = kind is None or (kind is ErrorClass.DUPLICATE and chance.random() < DUPLICATES_PAID)
        if kind is ErrorClass.UNKNOWN:
            paid = chance.random() < 0.5
        entry = Entry("delivered" if paid else code, done_at)
        if chance.random() < LAGS:
            entry.visible_at = now + timedelta(seconds=chance.random() * 30)
        if paid and chance.random() < REVERSAL:
            entry.reversed_at = done_at + timedelta(hours=1 + chance.random() * 47)
        self.book.setdefault(ref, []).append(entry)
        self._call_back(ref, entry, paid)
        if kind in {ErrorClass.DUPLICATE, ErrorClass.UNKNOWN}:
            return Refused(code, kind)
        if late:
            return Accepted(f"P{ref.hex[:20]}")
        return self._final(ref, entry)

    def _call_back(self, ref: UUID, entry: Entry, paid: bool) -> None:
        chance = self.chance
        if chance.random() < NEVER_CALLS:
            return
        at = entry.done_at + timedelta(seconds=chance.random() * 7200 - 60)
        wrong = chance.random() < CONTRADICTED
        says = paid is not wrong
        self.calling.append(CallbackDue(at, ref, f"{ref} {says} {self.calls}".encode(), says))
        if chance.random() < REPLAYED:
            again = at + timedelta(seconds=chance.random() * 86400)
            self.calling.append(CallbackDue(again, ref, f"{ref} {says} {self.calls}".encode(), says))
        if entry.reversed_at is not None and chance.random() < 0.5:
            self.calling.append(CallbackDue(entry.reversed_at, ref, f"{ref} reversed".encode(), says_delivered=False))
        self.calling.sort(key=lambda call: call.at, reverse=True)

    def query(self, ref: Ref) -> Found:
        """Say what became of an order."""
        now = self.clock()
        self.calls += 1
        if self.chance.random() < ASK_LOST:
            raise Lost
        entries = self.book.get(ref.ours)
        if entries is None or (entries[-1].visible_at is not None and entries[-1].visible_at > now):
            return NotFound(as_of=now)
        entry = entries[-1]
        if entry.done_at > now:
            return Accepted(f"P{ref.ours.hex[:20]}")
        if entry.reversed_at is not None and entry.reversed_at <= now:
            return Reversed(f"P{ref.ours.hex[:20]}")
        return self._final(ref.ours, entry)

    def reverse(self, ref: Ref) -> Undone:
        """Take back what is there; what is not there can never come any more."""
        now, entries = self.clock(), self.book.get(ref.ours)
        self.calls += 1
        lost = self.chance.random() < TAKE_BACK_LOST
        if lost and self.chance.random() < 0.5:
            raise Lost
        answer: Undone
        if entries is None:
            self.tombs.add(ref.ours)
            answer = NeverHappened("404")
        elif entries[-1].code != "delivered":
            answer = NeverHappened(entries[-1].code)
        elif self.chance.random() < 0.1:
            answer = TooLate("final")
        else:
            for entry in entries:
                entry.reversed_at = min(entry.reversed_at or now, now)
            answer = Reversed(f"P{ref.ours.hex[:20]}")
        if lost:
            raise Lost
        return answer

    @staticmethod
    def _final(ref: UUID, entry: Entry) -> Delivered | Refused | Unknown:
        if entry.code == "delivered":
            return Delivered(f"P{ref.hex[:20]}", QUANTITY)
        code, kind = _NAMES[entry.code]
        final = kind in {ErrorClass.DUPLICATE, ErrorClass.UNKNOWN}
        return Refused(code, ErrorClass.REFUSED_FINAL if final else kind)

    def holds(self, at: datetime) -> int:
        """Return how often the person has the value, by the partner's book."""
        return sum(entry.delivered(at) for entries in self.book.values() for entry in entries)

    def ever(self, at: datetime) -> bool:
        """Say whether the person had it, even if it was taken back since."""
        return any(
            entry.code == "delivered" and entry.done_at <= at for entries in self.book.values() for entry in entries
        )
