"""The class of every difference between a statement and our orders, as queries. Nothing is written here.

A line and the order it claimed agree (and are absent from the result), or differ in one way. An unclaimed
line is a duplicate, a code used too early, not to be decided, or unexpected. An order of ours that no line
claims is missing at the partner, or awaited there while a later statement may still carry it.

Nearly all lines agree plainly. One reading of all lines (`seen`) finds the others; only those are looked at closely.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy import union_all as union
from sqlalchemy.sql.expression import SelectBase, Subquery

from voucher_service.fulfilment.models import Order, OrderState, StockItem
from voucher_service.fulfilment.settle import STATEMENT
from voucher_service.ledger.models import Transfer
from voucher_service.reconciliation.agreement import plainly_agreed
from voucher_service.reconciliation.days import days_of
from voucher_service.reconciliation.match import PASSES, claimed, left_over, own_order, pairs
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, Statement, StatementLine, lines_of
from voucher_service.reconciliation.products import TOLD, other_product, other_products
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.scratch import LOOSE, SEEN, UNCLAIMED
from voucher_service.reconciliation.sums import summed_up

PRIORITIES: dict[BreakClass, int] = {
    BreakClass.AMOUNT_DIFFERS: 2,
    BreakClass.PRODUCT_DIFFERS: 2,
    BreakClass.DELIVERED_HERE_REFUSED_THERE: 1,
    BreakClass.REFUSED_HERE_DELIVERED_THERE: 1,
    BreakClass.MISSING_AT_PARTNER: 2,
    BreakClass.AWAITED_AT_PARTNER: 4,
    BreakClass.UNEXPECTED_AT_PARTNER: 1,
    BreakClass.DUPLICATE_AT_PARTNER: 1,
    BreakClass.DELIVERED_THERE_OPEN_HERE: 1,
    BreakClass.REFUSED_THERE_OPEN_HERE: 2,
    BreakClass.REVERSED_AFTER_DELIVERY: 2,
    BreakClass.CODE_USED_BEFORE_REVEAL: 1,
    BreakClass.CODE_REVEALED_NEVER_USED: 4,
    BreakClass.LATE_DELIVERY: 1,
    BreakClass.TOTAL_DIFFERS: 2,
    BreakClass.BALANCE_DIFFERS: 2,
    BreakClass.STATEMENT_MISSING: 2,
    BreakClass.UNCLASSIFIED: 1,
}

_DELIVERED, _REFUSED, _REVERSED = LineStatus.DELIVERED, LineStatus.REFUSED, LineStatus.REVERSED
_Found = Select[Any, Any, Any, Any, Any]


def priority_of(kind: ColumnElement[str]) -> ColumnElement[int]:
    """Return the priority of a class as an expression: 1 is the most urgent."""
    return case({name.value: priority for name, priority in PRIORITIES.items()}, value=kind, else_=1)


def same_amount() -> ColumnElement[bool]:
    """Return the condition "the quantity of the line seen is the one we ordered"."""
    return SEEN.c.quantity == SEEN.c.ordered


def _state(*states: OrderState) -> ColumnElement[bool]:
    return SEEN.c.state.in_([state.value for state in states])


def _claimed_kind() -> ColumnElement[str | None]:
    """The class of a line seen with the order it claimed; NULL when they agree."""
    given_back = or_(
        _state(OrderState.GIVEN_BACK, OrderState.REVERSED, OrderState.LOST),
        and_(_state(OrderState.MANUAL), exists().where(Transfer.resolves_id == SEEN.c.hold_id)),
    )
    said_delivered = case(
        (given_back, BreakClass.REFUSED_HERE_DELIVERED_THERE.value),
        (_state(OrderState.HELD), BreakClass.CODE_USED_BEFORE_REVEAL.value),
        # Before the amount: what may be sent a second time is the most urgent to know.
        (_state(OrderState.WAITING, OrderState.SENDING), BreakClass.DELIVERED_THERE_OPEN_HERE.value),
        (or_(SEEN.c.unit != SEEN.c.ordered_unit, SEEN.c.other == 1), BreakClass.PRODUCT_DIFFERS.value),
        (~same_amount(), BreakClass.AMOUNT_DIFFERS.value),
        (_state(OrderState.DELIVERED), null()),
        else_=BreakClass.DELIVERED_THERE_OPEN_HERE.value,
    )
    said_no = case(
        (given_back, null()),
        (
            and_(_state(OrderState.DELIVERED), SEEN.c.status == _REVERSED.value),
            BreakClass.REVERSED_AFTER_DELIVERY.value,
        ),
        (_state(OrderState.DELIVERED), BreakClass.DELIVERED_HERE_REFUSED_THERE.value),
        else_=BreakClass.REFUSED_THERE_OPEN_HERE.value,
    )
    return case((SEEN.c.status == _DELIVERED.value, said_delivered), else_=said_no)


def look_at(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Lines with the order each claimed, if any: the columns of `SEEN`."""
    return (
        select(*TOLD, case((other_product(), 1), else_=0).label("other"))
        .join(LineClaim, LineClaim.line_id == StatementLine.id, isouter=True)
        .join(Order, Order.id == LineClaim.order_id, isouter=True)
        .where(which)
    )


def seen(statement: Statement, *, products: bool, kept: bool = False) -> SelectBase:
    """The lines of the statement that do not plainly agree with an order they claimed: the columns of `SEEN`.

    `products`: some lines state one. What otherwise agrees plainly is then looked for among them. `kept`: this run
    has matched, and kept in `ODD` all that could be among them.
    """
    odd = look_at(and_(left_over() if kept else lines_of(statement.number), plainly_agreed().is_not(true())))
    return odd.union(other_products(statement)) if products else odd


def claimed_lines() -> _Found:
    """Lines seen to differ from the order they claimed: (line_id, order_id, kind, quantity, unit)."""
    kind = _claimed_kind()
    delivered = SEEN.c.status == _DELIVERED.value
    difference = case(
        # Another product in the same unit counts by what it was more or less, which may be nothing.
        (
            and_(
                kind.in_([BreakClass.AMOUNT_DIFFERS.value, BreakClass.PRODUCT_DIFFERS.value]),
                SEEN.c.unit == SEEN.c.ordered_unit,
            ),
            SEEN.c.quantity - SEEN.c.ordered,
        ),
        (delivered, SEEN.c.quantity),
        (_state(OrderState.DELIVERED), -SEEN.c.ordered),
        else_=0,
    )
    unit = case((delivered, SEEN.c.unit), else_=SEEN.c.ordered_unit)
    return (
        select(SEEN.c.line_id, SEEN.c.order_id, kind.label("kind"))
        .add_columns(difference.label("quantity"), unit.label("unit"))
        .where(SEEN.c.order_id.is_not(None), kind.is_not(None))
    )


def _pointed(statement: Statement) -> Subquery:
    """Each loose line once, with the first order it points to, if any, and whether another line claimed that order."""
    told = (LOOSE.c.status, LOOSE.c.unit, LOOSE.c.quantity, LOOSE.c.serial)
    parts = [
        pairs(statement, by).add_columns(literal(rank).label("rank"), claimed().label("taken"), *told)
        for rank, by in enumerate(PASSES)
    ]
    nothing = cast(null(), Order.id.type).label("order_id")
    last = (literal(len(PASSES)).label("rank"), false().label("taken"))
    every = union(*parts, select(LOOSE.c.id.label("line_id"), nothing, *last, *told)).subquery()
    turn = func.row_number().over(partition_by=every.c.line_id, order_by=(every.c.rank, every.c.order_id))
    ranked = select(every, turn.label("turn")).subquery()
    return select(ranked).where(ranked.c.turn == 1).subquery()


def unclaimed_lines(statement: Statement) -> _Found:
    """Loose lines, which claimed nothing in the end, each with its class."""
    line = _pointed(statement)
    delivered = line.c.status == _DELIVERED.value
    early_code = exists().where(
        StockItem.partner_id == statement.partner_id,
        StockItem.serial == line.c.serial,
        StockItem.order_id.is_(None),
    )
    kind = case(
        (and_(line.c.taken, line.c.status == _REVERSED.value), BreakClass.REVERSED_AFTER_DELIVERY.value),
        (line.c.taken, BreakClass.DUPLICATE_AT_PARTNER.value),
        (line.c.order_id.is_not(None), BreakClass.UNCLASSIFIED.value),
        (and_(delivered, early_code), BreakClass.CODE_USED_BEFORE_REVEAL.value),
        else_=BreakClass.UNEXPECTED_AT_PARTNER.value,
    )
    difference = case(
        (delivered, line.c.quantity),
        (kind == BreakClass.REVERSED_AFTER_DELIVERY.value, -line.c.quantity),
        else_=0,
    )
    return select(line.c.line_id, line.c.order_id, kind.label("kind"), difference.label("quantity"), line.c.unit)


def unclaimed_orders(statement: Statement) -> Select[UUID]:
    """Our deliveries of the statement's days that no line of any statement claims, nor sums up with another total."""
    return select(Order.id.label("order_id")).where(_unclaimed(statement, _of_its_days(statement)))


def missing_orders(since: datetime) -> _Found:
    """What is kept in `UNCLAIMED`, with its class. Those from `since` on are not missing yet: `grace.awaited_since`."""
    return _missing(Order.id.in_(select(UNCLAIMED.c.order_id)), since)


def missing_again(statement: Statement, order_id: UUID, since: datetime) -> _Found:
    """The same of one order, also when it was found missing on other days, or booked on the word of a statement."""
    known = exists().where(Break.order_id == Order.id, Break.line_id.is_(None))
    told = Order.outcome_code == STATEMENT
    return _missing(_unclaimed(statement, and_(Order.id == order_id, or_(_of_its_days(statement), known, told))), since)


def _unclaimed(statement: Statement, which: ColumnElement[bool]) -> ColumnElement[bool]:
    of_partner = and_(own_order(statement.partner_id), Order.state == OrderState.DELIVERED.value)
    return and_(of_partner, which, ~claimed(), ~summed_up(statement.partner_id))


def _of_its_days(statement: Statement) -> ColumnElement[bool]:
    start, end = days_of(statement)
    return and_(Order.final_at >= start, Order.final_at < end)


def _missing(which: ColumnElement[bool], since: datetime) -> _Found:
    code = exists().where(StockItem.order_id == Order.id)
    kind = case(
        (code, BreakClass.CODE_REVEALED_NEVER_USED.value),
        (Order.final_at >= since, BreakClass.AWAITED_AT_PARTNER.value),
        else_=BreakClass.MISSING_AT_PARTNER.value,
    )
    return (
        select(cast(null(), BigInteger).label("line_id"), Order.id.label("order_id"), kind.label("kind"))
        .add_columns((-Order.quantity).label("quantity"), Order.unit.label("unit"))
        .where(which)
    )


def line_differences(statement: Statement) -> Subquery:
    """All lines of the statement that do not simply agree. What was seen and what is loose was kept before."""
    return union(claimed_lines(), unclaimed_lines(statement)).subquery()
