"""Showing a code to a person, wherever it came from: freely once, and each further time with a reason that is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.fulfilment import stock
from voucher_service.fulfilment.bought import unsealed
from voucher_service.fulfilment.bought_models import BoughtCode, BoughtLook
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.settle import confirm
from voucher_service.ids import new_id


def gives_code(session: Session, order: Order) -> bool:
    """Say whether the order is delivered as a code that a person is shown."""
    return order.number_sealed is None or session.get(BoughtCode, order.id) is not None


def reveal(session: Session, vault: Vault, *, order_id: UUID, actor: str, reason: str, now: datetime) -> stock.Revealed:
    """Show the order's code, bought or from stock. The first time settles the delivery; each further needs a reason.

    Raises:
        NotFound, BadInput, Conflict: as `stock.reveal`.
    """
    if session.get(BoughtCode, order_id) is None:
        return stock.reveal(session, vault, order_id=order_id, actor=actor, reason=reason, now=now)
    first = session.scalar(
        update(BoughtCode)
        .where(BoughtCode.order_id == order_id, BoughtCode.revealed_at.is_(None))
        .values(revealed_at=now)
        .returning(BoughtCode.order_id)
        .execution_options(synchronize_session=False)
    )
    reason = reason.strip()
    if first is None:
        stock.check_reason(reason)
    else:
        at = (Order.id == order_id) & (Order.state == OrderState.HELD.value)
        if not confirm(session, at, partner_ref=None, actor=actor, occurred_at=now, now=now):
            raise stock.moved_on()
    seen = session.scalar(select(func.max(BoughtLook.number)).where(BoughtLook.order_id == order_id)) or 0
    session.add(
        BoughtLook(id=new_id(), order_id=order_id, number=seen + 1, actor=actor, reason=reason[:200], shown_at=now)
    )
    session.flush()
    code = session.get_one(BoughtCode, order_id)
    bought = unsealed(vault, code)
    return stock.Revealed(bought.pin, bought.serial, again=first is None, how=bought.how)
