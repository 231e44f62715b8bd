"""How each class of break may be closed by a booking, and which movement that is. Pure: rows go in, a plan comes out.

    theirs     less there than here: delivered → available    more there: available → delivered
               given back here, delivered there: booked as a late delivery, which the gift pays
    write_off  less there: delivered → written off            more there: available → written off
    no_value   nothing moves on either side; two people say so, whatever the threshold
               a number that no statement has: the partner says that it never served, the programme agrees

A balance that differs, once the lines have been settled: less left there: available → variance (theirs) or written off;
more left there: variance → available.

A class that has none of these closes by what its next step says: the order is decided in "À traiter", or the partner
sends what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from voucher_service.fulfilment.decide import LATE_DELIVERY
from voucher_service.fulfilment.models import ItemState, Order, OrderState, StockItem
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.reconciliation.match import DECIDABLE
from voucher_service.reconciliation.models import Break, BreakClass
from voucher_service.reconciliation.work.models import Side, Way

_LESS_THERE = (
    BreakClass.DELIVERED_HERE_REFUSED_THERE,
    BreakClass.MISSING_AT_PARTNER,
    BreakClass.AWAITED_AT_PARTNER,
    BreakClass.REVERSED_AFTER_DELIVERY,
)
_MORE_THERE = (BreakClass.UNEXPECTED_AT_PARTNER, BreakClass.DUPLICATE_AT_PARTNER)
_ANY_GIFT = frozenset({*_MORE_THERE, BreakClass.CODE_USED_BEFORE_REVEAL, BreakClass.TOTAL_DIFFERS})
ELSEWHERE = frozenset(
    {
        BreakClass.DELIVERED_THERE_OPEN_HERE,
        BreakClass.REFUSED_THERE_OPEN_HERE,
        BreakClass.CODE_REVEALED_NEVER_USED,
        BreakClass.UNCLASSIFIED,
    }
)
"""Classes without a booking of their own: what their next step says closes them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A break with what its booking needs to know. `item`: the code that the line names, when no order has it;
    `gift`: that of a balance."""

    found: Break
    order: Order | None
    item: StockItem | None = None
    hold_ended: bool = True
    gift: int | None = None

    @property
    def kind(self) -> BreakClass:
        """Return the class."""
        return BreakClass(self.found.kind)

    @property
    def is_delivered(self) -> bool:
        """Say whether the order is delivered in our books."""
        return self.order is not None and self.order.state == OrderState.DELIVERED.value

    @property
    def needs_gift(self) -> bool:
        """Say whether a person must name the gift that bears it: no order of ours asked for what was taken."""
        return self.kind in _ANY_GIFT and self.found.quantity != 0


@dataclass(frozen=True, slots=True)
class Movement:
    """What the gift's book does: a quantity, from one account to another, and why."""

    source: AccountKind
    destination: AccountKind
    quantity: int
    reason: Reason


def ways_of(facts: Facts, side: Side = Side.PROGRAMME) -> tuple[Way, ...]:
    """Return how this side may close the break by a booking; nothing when that is not for a booking, or not for it."""
    is_theirs = facts.kind is BreakClass.STATEMENT_MISSING
    if facts.found.resolved_at is not None or facts.kind in ELSEWHERE or is_theirs is not (side is Side.PARTNER):
        return ()
    if facts.found.quantity == 0:
        is_other = facts.kind is BreakClass.PRODUCT_DIFFERS and facts.is_delivered
        return (Way.NO_VALUE,) if facts.order is None or is_other else ()
    if facts.kind is BreakClass.BALANCE_DIFFERS:
        return (Way.THEIRS, Way.WRITE_OFF) if facts.found.quantity < 0 else (Way.THEIRS,)
    if facts.kind in {BreakClass.LATE_DELIVERY, BreakClass.REFUSED_HERE_DELIVERED_THERE}:
        return (Way.THEIRS,) if _is_late(facts.order) else ()
    if facts.kind in {BreakClass.AMOUNT_DIFFERS, BreakClass.PRODUCT_DIFFERS}:
        return _amount(facts)
    return _whole(facts)


def _whole(facts: Facts) -> tuple[Way, ...]:
    """Of a whole top-up that one side has and the other has not."""
    if facts.kind in _LESS_THERE:
        return (Way.THEIRS, Way.WRITE_OFF) if facts.is_delivered else ()
    if facts.kind is BreakClass.TOTAL_DIFFERS:
        return (Way.THEIRS, Way.WRITE_OFF)
    if facts.kind is BreakClass.CODE_USED_BEFORE_REVEAL:
        in_stock = facts.item is not None and facts.item.state != ItemState.HELD.value
        return (Way.WRITE_OFF,) if facts.order is None and in_stock else ()
    assert facts.kind in _MORE_THERE, "every class is told of"
    return (Way.WRITE_OFF,)


def _amount(facts: Facts) -> tuple[Way, ...]:
    """Of an amount that differs, both in one unit: a quantity of another unit cannot be booked in this gift."""
    order = facts.order
    if order is None or order.unit != facts.found.unit:
        return ()
    is_final = order.state == OrderState.DELIVERED.value
    is_decidable = order.state in DECIDABLE and not facts.hold_ended
    return (Way.THEIRS, Way.WRITE_OFF) if is_final or is_decidable else ()


def _is_late(order: Order | None) -> bool:
    """Say whether the order's value went back: the delivery can be booked as late, and the gift pays it."""
    if order is None:
        return False
    late = order.state == OrderState.MANUAL.value and order.outcome_code == LATE_DELIVERY
    gone = order.state in {OrderState.GIVEN_BACK.value, OrderState.LOST.value} and order.outcome_code != LATE_DELIVERY
    return late or gone


def movement(facts: Facts, way: Way) -> Movement | None:
    """Return what the booking moves; None for a late delivery, whose steps the order decides, and for no value."""
    quantity = abs(facts.found.quantity)
    less_there = facts.found.quantity < 0
    if way is Way.NO_VALUE or facts.kind in {BreakClass.LATE_DELIVERY, BreakClass.REFUSED_HERE_DELIVERED_THERE}:
        return None
    if facts.kind is BreakClass.BALANCE_DIFFERS and way is Way.THEIRS:
        ends = (AccountKind.AVAILABLE, AccountKind.VARIANCE)
        return Movement(*(ends if less_there else ends[::-1]), quantity, Reason.CORRECTED)
    if facts.kind is BreakClass.BALANCE_DIFFERS:
        return Movement(AccountKind.AVAILABLE, AccountKind.WRITTEN_OFF, quantity, Reason.WRITTEN_OFF)
    if way is Way.THEIRS:
        ends = (AccountKind.DELIVERED, AccountKind.AVAILABLE)
        return Movement(*(ends if less_there else ends[::-1]), quantity, Reason.CORRECTED)
    source = AccountKind.DELIVERED if less_there else AccountKind.AVAILABLE
    return Movement(source, AccountKind.WRITTEN_OFF, quantity, Reason.WRITTEN_OFF)


def ends_order(facts: Facts) -> bool:
    """Say whether, once booked, the order no longer counts as delivered: it never was, or was taken back whole."""
    order = facts.order
    return (
        facts.kind in _LESS_THERE
        and order is not None
        and order.outcome_code != LATE_DELIVERY
        and order.quantity == abs(facts.found.quantity)
    )
