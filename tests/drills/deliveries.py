"""A million deliveries through the real decisions, in virtual time: `python -m tests.drills.deliveries 1000000 [seed]`.

Each order meets a partner of its own chance. Then comes the day's statement, made from the partner's book, and
the two books are compared. Ends with 1 when anything is wrong; the order named is made again by its number.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from uuid import UUID

from tests.drills.memory import LEASE, Row, Rules, live
from tests.drills.partner import Partner
from voucher_service.fulfilment.decide import LATE_DELIVERY, fact
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.providers import Delivered, Reversed
from voucher_service.fulfilment.schedule import CUT_OFF

BEGIN = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
HORIZON = timedelta(days=7)
PORTION = 10_000


@dataclass
class Result:
    """What was counted: ends, faults with the first order of each, books."""

    orders: int = 0
    calls: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    ours: int = 0
    theirs: int = 0
    declared: Counter[str] = field(default_factory=Counter)
    longest_unknown: timedelta = timedelta()

    def add(self, other: Result) -> None:
        """Take another portion's counts in."""
        self.orders += other.orders
        self.calls += other.calls
        self.ours += other.ours
        self.theirs += other.theirs
        for mine, more in ((self.ends, other.ends), (self.faults, other.faults), (self.declared, other.declared)):
            mine.update(more)
        self.first = other.first | self.first
        self.longest_unknown = max(self.longest_unknown, other.longest_unknown)

    def fault(self, name: str, number: int) -> None:
        """Count something that must not be."""
        self.faults[name] += 1
        self.first.setdefault(name, number)

    @property
    def balances(self) -> bool:
        """Say whether our book equals the partner's, plus and minus what is declared open."""
        return self.ours + sum(self.declared.values()) == self.theirs


def order_id(seed: int, number: int) -> UUID:
    """The id of an order: a UUIDv7 of its own."""
    return UUID(int=(seed & 0xFFFF) << 96 | 0x7 << 76 | 0x2 << 62 | number)


def chance_of(seed: int, number: int) -> Random:
    """The chance of an order, the same wherever it runs."""
    return Random(seed * 1_000_003 + number)


def partner_of(seed: int, number: int, clock: Callable[[], datetime]) -> Partner:
    """The partner that the order meets."""
    chance = chance_of(seed, number)
    return Partner(chance, clock, careless=chance.random() < 0.3)


def meet(seed: int, number: int, rules: Rules) -> tuple[Row, Partner, datetime]:
    """Live one order; return it, its partner and the instant at which all has come to rest."""
    at = [BEGIN]
    partner = partner_of(seed, number, lambda: at[0])
    row = Row(order_id(seed, number), BEGIN)
    live(row, partner, rules, at, BEGIN + HORIZON)
    return row, partner, BEGIN + HORIZON


def judge(result: Result, number: int, row: Row, partner: Partner, end: datetime) -> None:
    """Compare the order with the partner's book before the statement, and after it."""
    held = partner.holds(end)
    result.orders += 1
    result.calls += partner.calls
    result.longest_unknown = max(result.longest_unknown, row.longest_unknown)
    if held > 1:
        result.fault("delivered twice", number)
    if row.state is OrderState.GIVEN_BACK and held:
        result.fault("refunded but delivered", number)
    if row.state is OrderState.DELIVERED and not partner.ever(end):
        result.fault("confirmed but never delivered", number)
    if row.longest_unknown > CUT_OFF + LEASE:
        result.fault("unknown for more than a day", number)
    if row.state not in _AT_REST:
        result.fault(f"never came to rest: {row.state}", number)
    result.ends[f"{row.state} {row.code}" if row.state is OrderState.MANUAL else str(row.state)] += 1
    _statement(row, partner, end)
    _books(result, number, row, held)


_AT_REST = {OrderState.DELIVERED, OrderState.GIVEN_BACK, OrderState.REVERSED, OrderState.MANUAL}


def _statement(row: Row, partner: Partner, end: datetime) -> None:
    """The partner's lines, as facts: what it holds as delivered, and what it delivered and took back."""
    said = Delivered("S") if partner.holds(end) else Reversed("S") if partner.ever(end) else None
    if said is not None and (verdict := fact(row.state, row.code, said)) is not None:
        row.enact(verdict)


def _books(result: Result, number: int, row: Row, held: int) -> None:
    ours = row.books["delivered"]
    result.ours += ours
    result.theirs += held
    if row.state is OrderState.REVERSED:
        result.declared["taken back, open until two people decide"] -= 1
    elif row.state is OrderState.MANUAL and row.code == LATE_DELIVERY:
        result.declared["late deliveries, in both books, paid out of variance"] += 0
    if row.holding != (row.state is OrderState.MANUAL and row.code != LATE_DELIVERY):
        result.fault("a hold that no open order explains", number)
    if ours - (row.state is OrderState.REVERSED) != held:
        result.fault("our book and the partner's differ", number)


def portion(seed: int, first: int, count: int, rules: Rules | None = None) -> Result:
    """Live the orders `first` to `first + count - 1`."""
    result = Result()
    for number in range(first, first + count):
        try:
            judge(result, number, *meet(seed, number, rules or Rules()))
        except AssertionError as fault:  # what the ledger, or the partner's patience, would have refused
            result.orders += 1
            result.fault(f"refused: {fault}", number)
    return result


def _job(job: tuple[int, int, int]) -> Result:
    return portion(*job)


def main(arguments: list[str]) -> int:
    """Live so many orders on all cores; print what became of them."""
    count = int(arguments[0])
    seed = int(arguments[1]) if len(arguments) > 1 else SystemRandom().randrange(10**6)
    start, result = time.monotonic(), Result()
    jobs = [(seed, first, min(PORTION, count - first)) for first in range(0, count, PORTION)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for done in pool.imap_unordered(_job, jobs):
            result.add(done)
            if result.orders % (10 * PORTION) == 0:
                _say(f"{result.orders} deliveries, {time.monotonic() - start:.0f} s")
    _say(f"seed {seed}: {result.orders} deliveries, {result.calls} calls, {time.monotonic() - start:.0f} s")
    for name, number in sorted(result.ends.items()):
        _say(f"  {name:32} {number:9}")
    declared = ", ".join(f"{name}: {number}" for name, number in result.declared.items())
    _say(f"  delivered in our book {result.ours}, in the partner's {result.theirs}; {declared}")
    _say(f"  longest unknown: {result.longest_unknown}")
    for name, number in result.faults.items():
        _say(f"  FAULT {name}: {number}, first order {result.first[name]}")
    if not result.balances:
        _say("  FAULT the books do not agree")
    return bool(result.faults) or not result.balances


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
