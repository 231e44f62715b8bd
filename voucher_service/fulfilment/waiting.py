"""Orders that wait for stock, and what wakes them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.partners.models import Offer
from voucher_service.vouchers.models import Voucher

STOCK_EMPTY = "stock_empty"
"""The outcome code of an order that waits because nothing is left of its product (at its branch)."""


def wake_waiting(session: Session, *, partner_id: UUID | None = None, branch_id: int | None, now: datetime) -> None:
    """Make the orders that wait for stock due at once: of one partner, of one branch, or both."""
    waiting = (
        select(Order.id)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(Order.state == OrderState.WAITING.value, Order.outcome_code == STOCK_EMPTY)
        .with_for_update(of=Order, skip_locked=True)
    )
    if partner_id is not None:
        waiting = waiting.where(Offer.partner_id == partner_id)
    if branch_id is not None:
        waiting = waiting.where(Order.branch_id == branch_id)
    session.execute(
        update(Order).where(Order.id.in_(waiting)).values(due_at=now).execution_options(synchronize_session=False)
    )
