"""Deliveries that a statement tells by the thousand, booked as one by one, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order
from voucher_service.fulfilment.settle import delivered, delivery_of
from voucher_service.ledger.post import Entry, post

_PORTION = 200


@dataclass(frozen=True, slots=True)
class Told:
    """That an order was delivered, when, and the partner's reference, as one of many lines says."""

    order_id: UUID
    occurred_at: datetime
    partner_ref: str | None


def confirm_many(
    session: Session, told: Sequence[Told], at: ColumnElement[bool], *, code: str, actor: str, now: datetime
) -> list[UUID]:
    """Book the orders that are `at`, some hundreds in a statement, as delivered; return those booked by this call."""
    moved: list[Entry] = []
    for start in range(0, len(told), _PORTION):
        portion = {one.order_id: one for one in told[start : start + _PORTION]}
        known = {order_id: one.partner_ref[:80] for order_id, one in portion.items() if one.partner_ref}
        values = delivered(code, now)
        if known:
            values["partner_ref"] = case(known, value=Order.id, else_=Order.partner_ref)
        orders = session.scalars(
            update(Order)
            .where(Order.id.in_(portion), at)
            .values(values)
            .returning(Order)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        moved += [delivery_of(order, portion[order.id].occurred_at) for order in orders]
    if moved:
        post(session, moved, actor=actor, occurred_at=now, now=now)
    return [UUID(entry.object_id) for entry in moved]
