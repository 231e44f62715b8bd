"""The ends of a delivery: confirmed, given back, or found too late.

Each moves the order by compare-and-set and the books in the same transaction; the hold of an order is
resolved once, by the order's own state and, independently, by the ledger's unique `resolves_id`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.ledger.post import Entry, post
from voucher_service.units import Unit
from voucher_service.vouchers.models import Voucher, VoucherState

DELIVERER = "deliverer"
"""The actor of what no person did."""

LATE_DELIVERY = "late_delivery"
AMOUNT_DIFFERS = "amount_differs"
STATEMENT = "statement"
"""The outcome code of an order whose delivery only the partner's statement told."""

HOLDING = (
    OrderState.WAITING,
    OrderState.SENDING,
    OrderState.ACCEPTED,
    OrderState.UNKNOWN,
    OrderState.HELD,
)
"""States whose value is still in delivery and which a fact may end without people."""


def move(session: Session, at: ColumnElement[bool], **values: Any) -> Order | None:
    """Change the order that is `at`, and return it as it stands now; None when it has moved on."""
    plain = {name: str(value) if name == "state" else value for name, value in values.items()}
    return session.scalar(
        update(Order)
        .where(at)
        .values(plain)
        .returning(Order)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The fact that an order was delivered: which one (while it is `at`), when, and the partner's reference."""

    at: ColumnElement[bool]
    occurred_at: datetime
    partner_ref: str | None


def confirm(
    session: Session,
    at: ColumnElement[bool],
    *,
    partner_ref: str | None,
    code: str | None = None,
    actor: str,
    occurred_at: datetime,
    now: datetime,
) -> bool:
    """Book the order that is `at` as delivered: in delivery → delivered. False when it has moved on."""
    told = Delivery(at, occurred_at, partner_ref)
    return bool(confirm_each(session, [told], code=code, actor=actor, now=now))


def confirm_each(
    session: Session, told: Iterable[Delivery], *, code: str | None, actor: str, now: datetime
) -> list[UUID]:
    """Book each order that is still where it was seen as delivered; return those booked by this call.

    The one place that books a delivery, whoever brings the news: a worker, the counter or a statement.
    """
    moved: list[UUID] = []
    by_instant: defaultdict[datetime, list[Entry]] = defaultdict(list)
    for delivery in told:
        known = {} if delivery.partner_ref is None else {"partner_ref": delivery.partner_ref[:80]}
        order = move(
            session,
            delivery.at,
            state=OrderState.DELIVERED,
            outcome_code=code,
            final_at=now,
            due_at=None,
            lease_until=None,
            **known,
        )
        if order is not None:
            moved.append(order.id)
            entry = _entry(order, f"deliver:{order.id}", AccountKind.DELIVERED, Reason.DELIVERED)
            by_instant[delivery.occurred_at].append(entry)
    for occurred_at, entries in by_instant.items():
        post(session, entries, actor=actor, occurred_at=occurred_at, now=now)
    return moved


def give_back(
    session: Session, at: ColumnElement[bool], *, code: str, actor: str, occurred_at: datetime, now: datetime
) -> bool:
    """Book a final refusal: the value is reserved again and the voucher can be presented again.

    False when the order has moved on. A voucher past its last day is returned later by the expiry sweep.
    """
    order = move(
        session,
        at,
        state=OrderState.GIVEN_BACK,
        outcome_code=code[:60],
        final_at=now,
        due_at=None,
        lease_until=None,
    )
    if order is None:
        return False
    entry = _entry(order, f"giveback:{order.id}", AccountKind.RESERVED, Reason.GIVEN_BACK)
    (reservation,) = post(session, [entry], actor=actor, occurred_at=occurred_at, now=now)
    reopened = session.scalar(
        update(Voucher)
        .where(
            Voucher.id == order.voucher_id,
            Voucher.state == VoucherState.REDEEMED.value,
            Voucher.reservation_id == order.reservation_id,
        )
        .values(
            state=VoucherState.ISSUED.value,
            reservation_id=reservation,
            redeemed_key=None,
            redeemed_at=None,
            redeemed_branch_id=None,
        )
        .returning(Voucher.id)
        .execution_options(synchronize_session=False)
    )
    assert reopened is not None, f"order {order.id} was in delivery without its redeemed voucher"
    return True


def to_people(session: Session, at: ColumnElement[bool], *, code: str) -> bool:
    """Hand the order to people ("À traiter"): nothing is sent, asked or booked until they decide."""
    return move(session, at, state=OrderState.MANUAL, outcome_code=code[:60], due_at=None, lease_until=None) is not None


def found_delivered(
    session: Session,
    order_id: UUID,
    *,
    partner_ref: str | None,
    actor: str,
    occurred_at: datetime,
    now: datetime,
) -> OrderState:
    """Book that the partner did deliver, wherever the order stands by now; return its state afterwards.

    An open order is confirmed. One that was given back, or that people already look at, goes to people as
    `late_delivery`: its value may have been promised again, so no booking is made here, and nothing is lost.
    """
    order = session.scalars(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    at = (Order.id == order_id) & (Order.state == order.state)
    if order.state in HOLDING:
        confirm(session, at, partner_ref=partner_ref, actor=actor, occurred_at=occurred_at, now=now)
        return OrderState.DELIVERED
    if order.state in {OrderState.GIVEN_BACK, OrderState.MANUAL}:
        to_people(session, at, code=LATE_DELIVERY)
        order.partner_ref = partner_ref[:80] if partner_ref else order.partner_ref
        return OrderState.MANUAL
    return OrderState(order.state)


def found_reversed(session: Session, order_id: UUID, *, actor: str, occurred_at: datetime, now: datetime) -> OrderState:
    """Book that the partner delivered and took it back; return the order's state afterwards.

    The delivery is booked as it happened; whose loss the reversal is, people decide ("À traiter").
    """
    state = found_delivered(session, order_id, partner_ref=None, actor=actor, occurred_at=occurred_at, now=now)
    if state is OrderState.DELIVERED:
        at = (Order.id == order_id) & (Order.state == state.value)
        move(session, at, state=OrderState.REVERSED, outcome_code="reversed", due_at=None, lease_until=None)
        return OrderState.REVERSED
    return state


def _entry(order: Order, key: str, destination: AccountKind, reason: Reason) -> Entry:
    return Entry(
        key=key,
        book_id=order.allocation_id,
        source=AccountKind.IN_DELIVERY,
        destination=destination,
        unit=Unit(order.unit),
        quantity=order.quantity,
        reason=reason,
        object_kind="order",
        object_id=str(order.id),
        resolves=order.hold_id,
    )
