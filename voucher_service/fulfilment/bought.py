"""Codes that a partner sold us for one order: sealed in the transaction that books the answer, and shown once.

As with codes of our own stock, the delivery is settled when the person sees the code: until then the order is
HELD and its value in delivery.
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.fulfilment import stock
from voucher_service.fulfilment.bought_models import BoughtCode, BoughtLook
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.providers import Pin
from voucher_service.fulfilment.settle import confirm
from voucher_service.ids import new_id


def keep(session: Session, vault: Vault, order_id: UUID, pin: Pin, *, now: datetime) -> None:
    """Seal the code bought for the order, once: the partner may tell it again with each answer."""
    if session.get(BoughtCode, order_id) is None:
        told = json.dumps({"pin": pin.pin, "how": pin.how}).encode()
        sealed = vault.seal(_place(order_id), told)
        session.add(BoughtCode(order_id=order_id, serial=pin.serial[:80], sealed=sealed, bought_at=now))
        session.flush()


def reveal(
    session: Session, vault: Vault, *, order_id: UUID, actor: str, reason: str, now: datetime
) -> stock.Revealed:
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
    told = json.loads(vault.unseal(_place(order_id), code.sealed))
    return stock.Revealed(told["pin"], code.serial, again=first is None, how=told["how"])


def _place(order_id: UUID) -> Place:
    return Place("bought_code", "sealed", str(order_id))
