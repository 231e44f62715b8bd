"""When a line and the order it claimed agree: conditions over both, stated apart from the classes of differences."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, false, func, or_

from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ledger.models import Transfer
from voucher_service.reconciliation.models import StatementLine
from voucher_service.reconciliation.products import other_product_delivered
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.sums import sum_agrees


def plainly_agreed() -> ColumnElement[bool]:
    """Return the condition that a line and the order it claimed agree, for what needs no look at the books.

    Stated apart from the classes of differences, so that a fault in those shows as lines that nobody explains. It is
    NULL for a line that claimed nothing.
    """
    both_delivered = and_(
        StatementLine.status == LineStatus.DELIVERED.value,
        Order.state == OrderState.DELIVERED.value,
        Order.quantity == StatementLine.quantity,
        Order.unit == StatementLine.unit,
    )
    given_back = Order.state.in_([OrderState.GIVEN_BACK.value, OrderState.REVERSED.value, OrderState.LOST.value])
    return or_(both_delivered, and_(_said_no(), given_back))


def agreed() -> ColumnElement[bool]:
    """Return the condition that a line and the order it claimed, both in the query, agree."""
    late = and_(
        _said_no(),
        Order.state == OrderState.MANUAL.value,
        exists().where(Transfer.resolves_id == Order.hold_id),
    )
    return func.coalesce(and_(or_(plainly_agreed(), late, sum_agrees()), ~other_product_delivered()), false())


def _said_no() -> ColumnElement[bool]:
    return StatementLine.status.in_([LineStatus.REFUSED.value, LineStatus.REVERSED.value])
