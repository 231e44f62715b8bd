"""Lines that state a product, held against the one we ordered: the code of its offer, which is the partner's own.

A line without a code is not judged, and a statement without such lines costs nothing. Where a whole statement states
codes, they are joined in one query; line by line only the few are looked at that differ for some other reason.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, literal, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.models import LineClaim, Statement, StatementLine, lines_of
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.vouchers.models import Voucher

_STATED = StatementLine.product.is_not(None)
TOLD = (
    StatementLine.id.label("line_id"), LineClaim.order_id, StatementLine.unit, StatementLine.quantity,
    StatementLine.status, Order.unit.label("ordered_unit"), Order.quantity.label("ordered"), Order.state, Order.hold_id,
)  # fmt: skip
"""What is kept in `SEEN` of a line and the order it claimed, but for the last column."""


def has_products(session: Session, statement: Statement) -> bool:
    """Say whether any line of the statement states a product."""
    return session.scalar(select(StatementLine.id).where(lines_of(statement.number), _STATED).limit(1)) is not None


def other_product() -> ColumnElement[bool]:
    """Return the condition that a line states another product than the order, both in the query."""
    another = exists().where(
        Voucher.id == Order.voucher_id, Offer.id == Voucher.offer_id, Offer.product_code != StatementLine.product
    )
    return and_(_STATED, another.correlate(Order, StatementLine))


def other_product_delivered() -> ColumnElement[bool]:
    """The same of a line that says it was delivered: of what was not, the product does not matter."""
    return and_(StatementLine.status == LineStatus.DELIVERED.value, other_product())


def other_products(statement: Statement) -> Select[*tuple[Any, ...]]:
    """Return the delivered lines of the statement that state another product than the order they claimed.

    As the columns of `SEEN`.
    """
    return (
        select(*TOLD, literal(1).label("other"))
        .join(LineClaim, LineClaim.line_id == StatementLine.id)
        .join(Order, Order.id == LineClaim.order_id)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(lines_of(statement.number), _STATED, StatementLine.status == LineStatus.DELIVERED.value)
        .where(Offer.product_code != StatementLine.product)
    )
