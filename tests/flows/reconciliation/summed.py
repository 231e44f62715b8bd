"""A statement that sums up days, right at first, and ways to spoil it. Some top-ups have a line of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID

from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, Wanted, World, add_orders, make_world, random_instant
from voucher_service.fulfilment.models import OrderState
from voucher_service.ids import PROGRAMME_ZONE, new_id
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.models import BreakClass

HEADER = "our ref;partner ref;montant;unit;status;date;nombre de recharges;code produit"
_WORDS = {OrderState.DELIVERED: "Livré", OrderState.GIVEN_BACK: "Refusé"}
Key = tuple[date, str, OrderState]


@dataclass
class Total:
    """A line to be that sums up: cents and how many. Each is spoiled once at most."""

    key: Key
    orders: list[UUID]
    cents: int
    count: int
    expected: BreakClass | None = None


class NoneLeft(Exception):  # no fault of the program's
    """Every total of delivered top-ups is spoiled already."""


@dataclass
class Summary:
    """A world, the totals of its statement and the lines about one top-up; `extra` are lines too many."""

    world: World
    random: Random
    totals: list[Total]
    singles: dict[UUID, tuple[Key, int]]
    extra: list[Total] = field(default_factory=list)

    def free(self) -> Total:
        """A total that nothing has spoiled, of delivered top-ups. Raises NoneLeft."""
        whole = [one for one in self.totals if one.expected is None and one.key[2] is OrderState.DELIVERED]
        if not whole:
            raise NoneLeft
        total = self.random.choice(whole)
        total.expected = BreakClass.TOTAL_DIFFERS
        return total

    def file(self) -> tuple[bytes, dict[int, BreakClass], dict[UUID, int]]:
        """The statement, what must be found at which line, and which line must claim each order it sums up."""
        lines = [HEADER]
        expected: dict[int, BreakClass] = {}
        claims: dict[UUID, int] = {}
        for order, (key, cents) in self.singles.items():
            lines.append(f"{order};;{_euros(cents)};EUR;{_WORDS[key[2]]};{key[0]};;")
        for total in (*self.totals, *self.extra):
            lines.append(
                f";;{_euros(total.cents)};EUR;{_WORDS[total.key[2]]};{total.key[0]};{total.count};{total.key[1]}"
            )
            if total.expected:
                expected[len(lines)] = total.expected
            else:
                claims |= dict.fromkeys(total.orders, len(lines))
        return "\n".join([*lines, f"TOTAL;{len(lines) - 1}"]).encode(), expected, claims


def _euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def make_summary(session: Session, seed: int) -> Summary:
    """Make some hundred top-ups of two products over five days, with the true totals; some at midnight."""
    random = Random(seed)
    world = make_world(session, f"Opérateur S{seed}")
    second = Offer(
        id=new_id(), code=world.offer_code + 1000, partner_id=world.partner_id, name_fr="Vingt", name_en="Twenty",
        unit=world.unit.value, route="sandbox", product_code="R20",
    )  # fmt: skip
    session.add(second)
    session.flush()
    wanted: dict[str, list[Wanted]] = {"R10": [], "R20": []}
    for days in range(5):
        day = DAY + timedelta(days=days)
        midnight = datetime.combine(day, time(), PROGRAMME_ZONE)
        edges = [midnight, midnight + timedelta(days=1, microseconds=-1)]
        for product in wanted.values():
            product += [
                Wanted(random.choice([*_WORDS, OrderState.DELIVERED]), random.choice([500, 1000, 1550]), at)
                for at in (*edges, *(random_instant(random, day, 1) for _ in range(8)))
            ]
    groups: defaultdict[Key, list[tuple[UUID, int]]] = defaultdict(list)
    singles: dict[UUID, tuple[Key, int]] = {}
    for code, orders in wanted.items():
        offer = world if code == "R10" else replace(world, offer_id=second.id)
        for order, want in zip(add_orders(session, offer, orders), orders, strict=True):
            key = (want.at.astimezone(PROGRAMME_ZONE).date(), code, want.state)
            if random.random() < 0.2:
                singles[order] = key, want.quantity
            else:
                groups[key].append((order, want.quantity))
    totals = [Total(key, [o for o, _ in some], sum(c for _, c in some), len(some)) for key, some in groups.items()]
    return Summary(world, random, totals, singles)


def sum_too_high(case: Summary) -> None:
    """The partner's total is a cent too high; the number is right."""
    case.free().cents += 1


def count_too_low(case: Summary) -> None:
    """The total is right and the number is not."""
    case.free().count += 1


def two_that_cancel(case: Summary) -> None:
    """A cent too much on one line and too little on another: a net of zero proves nothing."""
    case.free().cents += 1
    case.free().cents -= 1


def single_left_out(case: Summary) -> None:
    """A top-up has no line of its own: it stands among those summed up, which then come to more than the total."""
    chosen = [(o, k) for o, (k, _) in case.singles.items() if any(t.key == k and not t.expected for t in case.totals)]
    if chosen:
        order, key = case.random.choice(chosen)
        del case.singles[order]
        next(t for t in case.totals if t.key == key).expected = BreakClass.TOTAL_DIFFERS


def said_twice(case: Summary) -> None:
    """The same line again."""
    total = case.free()
    total.expected = None
    case.extra.append(replace(total, expected=BreakClass.DUPLICATE_AT_PARTNER))


def unknown_product(case: Summary) -> None:
    """A product of which nothing was delivered."""
    key = (DAY, f"R{30 + len(case.extra)}", OrderState.DELIVERED)
    case.extra.append(Total(key, [], 1000, 1, BreakClass.UNEXPECTED_AT_PARTNER))


FAULTS: tuple[Callable[[Summary], None], ...] = (
    single_left_out, sum_too_high, count_too_low, two_that_cancel, said_twice, unknown_product,
)  # fmt: skip
