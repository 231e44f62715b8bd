"""The ends of a delivery: confirmed, given back, or found too late.

Each moves the order by compare-and-set and the books in the same transaction; the hold of an order is
resolved once, by the order's own state and, independently, by the ledger's unique `resolves_id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.decide import Booking, Reply, Verdict, fact
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.providers import Delivered, Reversed
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.ledger.post import Entry, post
from voucher_service.units import Unit
from voucher_service.vouchers.models import Voucher, VoucherState

DELIVERER = "deliverer"
"""The actor of what no person did."""

STATEMENT = "statement"
"""The outcome code of an order whose delivery only the partner's statement told."""


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

    Whoever brings the news, a worker, the counter or a statement (`settle_many`), the booking is the same.
    """
    moved: list[Entry] = []
    for delivery in told:
        known = {} if not delivery.partner_ref else {"partner_ref": delivery.partner_ref[:80]}
        order = move(session, delivery.at, **delivered(code, now), **known)
        if order is not None:
            moved.append(delivery_of(order, delivery.occurred_at))
    if moved:
        post(session, moved, actor=actor, occurred_at=now, now=now)
    return [UUID(entry.object_id) for entry in moved]


def delivered(code: str | None, now: datetime) -> dict[str, Any]:
    """Return what the row of an order says once it is delivered."""
    state = OrderState.DELIVERED.value
    return {"state": state, "outcome_code": code, "final_at": now, "due_at": None, "lease_until": None}


def delivery_of(order: Order, occurred_at: datetime) -> Entry:
    """Return the step out of "in delivery" of an order that was delivered at that instant."""
    entry = entry_of(order, f"deliver:{order.id}", AccountKind.DELIVERED, Reason.DELIVERED)
    return replace(entry, occurred_at=occurred_at)


def give_back(
    session: Session,
    at: ColumnElement[bool],
    *,
    code: str,
    actor: str,
    occurred_at: datetime,
    now: datetime,
    reason: Reason = Reason.GIVEN_BACK,
) -> bool:
    """Book that nothing will be delivered: the value is reserved again, the voucher can be presented again.

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
    entry = entry_of(order, f"giveback:{order.id}", AccountKind.RESERVED, reason)
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


def enact(
    session: Session,
    at: ColumnElement[bool],
    verdict: Verdict,
    *,
    actor: str,
    occurred_at: datetime,
    now: datetime,
) -> bool:
    """Do what was decided for the order that is `at`: its row and the books together. False when it has moved on."""
    match verdict.booking:
        case Booking.DELIVER:
            told = Delivery(at, occurred_at, verdict.partner_ref)
            code = None if verdict.state is OrderState.REVERSED else verdict.code
            booked = confirm_each(session, [told], code=code, actor=actor, now=now)
            if booked and verdict.state is OrderState.REVERSED:
                move(session, Order.id == booked[0], state=verdict.state, outcome_code=verdict.code)
            return bool(booked)
        case Booking.GIVE_BACK:
            code = verdict.code or "refused"
            return give_back(session, at, code=code, actor=actor, occurred_at=occurred_at, now=now)
        case Booking.LATE:
            return _late(session, at, verdict, actor=actor, occurred_at=occurred_at, now=now)
    values: dict[str, Any] = {"state": verdict.state, "due_at": verdict.due_at, "lease_until": None}
    if not verdict.keep:
        values["outcome_code"] = verdict.code[:60] if verdict.code else None
    if verdict.partner_ref is not None:
        values["partner_ref"] = verdict.partner_ref[:80]
    if verdict.anew:
        values["queries"] = 0
    return move(session, at, **values) is not None


def _late(
    session: Session, at: ColumnElement[bool], verdict: Verdict, *, actor: str, occurred_at: datetime, now: datetime
) -> bool:
    """Book a delivery whose value has gone back since: nothing of the gift is left to pay it, so variance does.

    Variance below zero is what stands open until two people close the order.
    """
    ref = (verdict.partner_ref or "")[:80] or None
    order = move(
        session,
        at,
        state=verdict.state,
        outcome_code=verdict.code,
        due_at=None,
        lease_until=None,
        **({} if ref is None else {"partner_ref": ref}),
    )
    if order is None:
        return False
    entry = entry_of(
        order, f"late:{order.id}", AccountKind.DELIVERED, Reason.LATE_DELIVERY, source=AccountKind.VARIANCE
    )
    post(session, [entry], actor=actor, occurred_at=occurred_at, now=now)
    return True


def learn(
    session: Session, order_id: UUID, answer: Reply, *, actor: str, occurred_at: datetime, now: datetime
) -> OrderState:
    """Take in a fact about the order, wherever it stands by now; return its state afterwards.

    Anything but a fact (delivered; delivered and taken back) changes nothing.
    """
    order = session.scalars(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    state = OrderState(order.state)
    verdict = fact(state, order.outcome_code, answer, quantity=order.quantity)
    if verdict is None:
        return state
    at = (Order.id == order_id) & (Order.state == state.value)
    enact(session, at, verdict, actor=actor, occurred_at=occurred_at, now=now)
    return verdict.state


def found_delivered(
    session: Session, order_id: UUID, *, partner_ref: str | None, actor: str, occurred_at: datetime, now: datetime
) -> OrderState:
    """Book that the partner did deliver, wherever the order stands by now; return its state afterwards.

    An open order is confirmed. One whose value was given back becomes `late_delivery`: booked, and people's.
    """
    told = Delivered(partner_ref or "")
    return learn(session, order_id, told, actor=actor, occurred_at=occurred_at, now=now)


def found_reversed(session: Session, order_id: UUID, *, actor: str, occurred_at: datetime, now: datetime) -> OrderState:
    """Book that the partner delivered and took it back; return the order's state afterwards.

    The delivery is booked as it happened; whose loss the reversal is, two people decide ("À traiter").
    """
    return learn(session, order_id, Reversed(""), actor=actor, occurred_at=occurred_at, now=now)


def entry_of(
    order: Order,
    key: str,
    destination: AccountKind,
    reason: Reason,
    *,
    source: AccountKind = AccountKind.IN_DELIVERY,
) -> Entry:
    """Return the step that moves the order's whole value; out of "in delivery" it ends the order's hold."""
    return Entry(
        key=key,
        book_id=order.allocation_id,
        source=source,
        destination=destination,
        unit=Unit(order.unit),
        quantity=order.quantity,
        reason=reason,
        object_kind="order",
        object_id=str(order.id),
        resolves=order.hold_id if source is AccountKind.IN_DELIVERY else None,
    )
