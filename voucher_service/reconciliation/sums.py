"""Lines that sum up the top-ups of a day: each claims all the orders it stands for, or none.

It stands for the orders of its partner that no other line has claimed, final on its day, in its unit, of its product
where it names one, and in the state it tells. Their number and the sum of their quantities must be exactly its own.
Where they are not, the line has one difference, and those orders are not missing besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.expression import Subquery

from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.load import Load
from voucher_service.reconciliation.models import BreakClass, LineClaim, StatedSum, Statement, StatementLine
from voucher_service.reconciliation.reader.columns import Columns
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.scratch import SUMMABLE, keep
from voucher_service.vouchers.models import Voucher

BY_SUM = "sum"
_PLACES = 2**31
"""Where the places of summed claims begin among the ids of a statement: no file has so many lines."""
_STATES = {
    LineStatus.DELIVERED.value: OrderState.DELIVERED.value,
    LineStatus.REFUSED.value: OrderState.GIVEN_BACK.value,
    LineStatus.REVERSED.value: OrderState.REVERSED.value,
}
_Stated = tuple[int, str, str, datetime, int, str | None]


class Sums:
    """A loader that remembers the lines that sum up, on their way to `load`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.found: list[_Stated] = []

    def __call__(self, columns: Columns) -> None:
        """Load the lines."""
        self._load(columns)
        self.found.extend(columns.sums)


def write_sums(session: Session, statement: Statement, found: Sequence[_Stated], zone: ZoneInfo) -> None:
    """Keep what the lines of the statement sum up; their days are those of `zone`."""
    for line, unit, status, at, count, product in found:
        day = at.astimezone(zone).date()
        start, end = instants(day, day, zone)
        session.add(
            StatedSum(
                line_id=(statement.number << 32) + line, statement_id=statement.id, partner_id=statement.partner_id,
                count=count, unit=unit, status=status, product=product, from_at=start, until_at=end,
            )
        )  # fmt: skip
    session.flush()


def _of(statement: Statement) -> ColumnElement[bool]:
    first = statement.number << 32
    return StatedSum.line_id.between(first, first + _PLACES - 1)


def has_sums(session: Session, statement: Statement) -> bool:
    """Say whether any line of the statement sums up."""
    return session.scalar(select(StatedSum.line_id).where(_of(statement)).limit(1)) is not None


def stands_for() -> ColumnElement[bool]:
    """Return the condition that the line that sums up stands for the order, both in the query."""
    product = (
        exists()
        .where(Voucher.id == Order.voucher_id, Offer.id == Voucher.offer_id, Offer.product_code == StatedSum.product)
        .correlate(Order, StatedSum)  # else, inside another EXISTS, it would be about any order
    )
    return and_(
        Order.final_at >= StatedSum.from_at,
        Order.final_at < StatedSum.until_at,
        Order.unit == StatedSum.unit,
        Order.state == case(_STATES, value=StatedSum.status),
        or_(StatedSum.product.is_(None), product),
    )


def _has_claims() -> ColumnElement[bool]:
    claim = aliased(LineClaim)
    return exists().where(claim.summed_by == StatedSum.line_id)


def summed_up(partner_id: UUID | SQLColumnExpression[UUID]) -> ColumnElement[bool]:
    """Return the condition "a line that sums up stands for this order too, but with another total".

    Only lines of statements that nothing has replaced count.
    """
    replaced = exists().where(StatementReading.replaces_id == StatedSum.statement_id)
    return exists().where(
        StatedSum.partner_id == partner_id,
        stands_for(),
        ~_has_claims(),
        ~replaced,
    )


def match_sums(session: Session, statement: Statement, free: ColumnElement[bool]) -> None:
    """Claim for each line that sums up the `free` orders it stands for, if they come to its count and its sum.

    Of two lines that fit the same order, the first claims all of its own and the other nothing.
    """
    stood_for = (
        select(StatedSum.line_id, Order.id.label("order_id"), Order.quantity)
        .select_from(StatedSum)
        .join(Order, stands_for())
        .where(_of(statement), ~_has_claims(), free)
    )
    keep(session, SUMMABLE, stood_for)
    fits = (
        select(SUMMABLE.c.line_id)
        .join(StatedSum, StatedSum.line_id == SUMMABLE.c.line_id)
        .join(StatementLine, StatementLine.id == SUMMABLE.c.line_id)
        .group_by(SUMMABLE.c.line_id, StatedSum.count, StatementLine.quantity)
        .having(func.count() == StatedSum.count, func.sum(SUMMABLE.c.quantity) == StatementLine.quantity)
    )
    first = (
        select(SUMMABLE.c.order_id, func.min(SUMMABLE.c.line_id).label("line_id"))
        .where(SUMMABLE.c.line_id.in_(fits))
        .group_by(SUMMABLE.c.order_id)
        .subquery()
    )
    whole = (
        select(first.c.line_id)
        .join(StatedSum, StatedSum.line_id == first.c.line_id)
        .group_by(first.c.line_id, StatedSum.count)
        .having(func.count() == StatedSum.count)
    )
    low = (statement.number << 32) + _PLACES
    last = session.scalar(select(func.max(LineClaim.line_id)).where(LineClaim.line_id.between(low, low + _PLACES - 1)))
    place = literal(last or low) + func.row_number().over(order_by=first.c.order_id)
    claims = select(first.c.order_id, place, literal(BY_SUM), first.c.line_id).where(first.c.line_id.in_(whole))
    session.execute(insert(LineClaim).from_select(["order_id", "line_id", "matched_by", "summed_by"], claims))


def _told() -> Select[Any]:
    """Return the orders that a line in the query has summed up and that still are in the state it tells."""
    claim, order = aliased(LineClaim), aliased(Order)
    return (
        select(claim.summed_by)
        .join(order, order.id == claim.order_id)
        .where(
            claim.summed_by == StatementLine.id,
            order.unit == StatementLine.unit,
            order.state == case(_STATES, value=StatementLine.status),
        )
        .group_by(claim.summed_by)
        .having(func.sum(order.quantity) == StatementLine.quantity)
    ).correlate(StatementLine)


def sum_agrees() -> ColumnElement[bool]:
    """Return the condition that a line, in the query, sums up exactly what it claimed.

    Stated apart from the matching, so that a fault there shows as lines that nobody explains.
    """
    count = select(StatedSum.count).where(StatedSum.line_id == StatementLine.id).correlate(StatementLine)
    return _told().having(func.count() == count.scalar_subquery()).exists()


def sum_lines(statement: Statement) -> Select[Any, Any, Any, Any, Any]:
    """Lines that sum up and do not agree: (line_id, order_id, kind, quantity, unit).

    A free order counts against the first of the lines that stand for it.
    """
    ours = _ours(statement)
    quantity = func.coalesce(ours.c.quantity, 0)
    kind = case(
        (or_(ours.c.line_id.is_not(None), _has_claims()), BreakClass.TOTAL_DIFFERS.value),
        (_again(), BreakClass.DUPLICATE_AT_PARTNER.value),
        else_=BreakClass.UNEXPECTED_AT_PARTNER.value,
    )
    delivered = StatementLine.status == LineStatus.DELIVERED.value
    difference = case((delivered, StatementLine.quantity - quantity), else_=0)
    return (
        select(StatedSum.line_id, cast(null(), Order.id.type).label("order_id"), kind.label("kind"))
        .add_columns(difference.label("quantity"), StatementLine.unit)
        .select_from(StatedSum)
        .join(StatementLine, StatementLine.id == StatedSum.line_id)
        .join(ours, ours.c.line_id == StatedSum.line_id, isouter=True)
        .where(_of(statement), ~sum_agrees())
    )


def _ours(statement: Statement) -> Subquery:
    """What our orders come to, for each line that sums up and has any: (line_id, quantity)."""
    taken = exists().where(LineClaim.order_id == SUMMABLE.c.order_id)
    free = (
        select(SUMMABLE.c.order_id, SUMMABLE.c.quantity, func.min(SUMMABLE.c.line_id).label("line_id"))
        .join(StatedSum, StatedSum.line_id == SUMMABLE.c.line_id)
        .where(~taken, ~_has_claims())
        .group_by(SUMMABLE.c.order_id, SUMMABLE.c.quantity)
    )
    low = (statement.number << 32) + _PLACES
    held = (
        select(Order.id, Order.quantity, LineClaim.summed_by)
        .join(LineClaim, LineClaim.order_id == Order.id)
        .join(StatementLine, StatementLine.id == LineClaim.summed_by)
        .where(
            LineClaim.line_id.between(low, low + _PLACES - 1),
            Order.unit == StatementLine.unit,
            Order.state == case(_STATES, value=StatementLine.status),
        )
    )
    every = union_all(free, held).subquery()
    return select(every.c.line_id, func.sum(every.c.quantity).label("quantity")).group_by(every.c.line_id).subquery()


def _again() -> ColumnElement[bool]:
    """Return the condition that another line sums up the same: day, product, unit and state."""
    other = aliased(StatedSum)
    replaced = exists().where(StatementReading.replaces_id == other.statement_id)
    return exists().where(
        other.partner_id == StatedSum.partner_id,
        other.line_id != StatedSum.line_id,
        other.from_at == StatedSum.from_at,
        other.product.is_not_distinct_from(StatedSum.product),
        other.unit == StatedSum.unit,
        other.status == StatedSum.status,
        ~replaced,
    )
