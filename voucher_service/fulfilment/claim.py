"""Claiming a due order: who works on it, until when, and what is to be done.

Every transition is a compare-and-set on (state, tries, queries): a claim raises one of the counters, so that
triple names the claim, and a worker that comes back too late no longer finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, aliased

from voucher_service.fulfilment.models import Attempt, AttemptKind, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.schedule import LEASE_MARGIN, MAX_INTERNAL_FAILURES
from voucher_service.ids import new_id
from voucher_service.partners.models import Offer
from voucher_service.units import Unit
from voucher_service.vouchers.models import Voucher

DUE_STATES = (OrderState.WAITING, OrderState.SENDING, OrderState.ACCEPTED, OrderState.UNKNOWN)
PAUSED = "partner_precondition"
"""The outcome code of orders that wait because the partner refuses *us*."""

_OURS = (AttemptOutcome.INTERNAL, AttemptOutcome.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One order in one worker's hands until `deadline`. (state, tries, queries) is its fencing token."""

    attempt_id: UUID
    attempt_number: int
    kind: AttemptKind
    order_id: UUID
    state: OrderState
    tries: int
    queries: int
    deadline: datetime
    route: str
    partner_id: UUID
    product_code: str
    unit: Unit
    quantity: int
    wrapped_key: bytes | None
    number_sealed: bytes | None
    partner_ref: str | None
    sent_at: datetime | None  # when the order may first have left; None before that

    def held(self) -> ColumnElement[bool]:
        """Return the condition that the order is still in this worker's hands."""
        return is_at(self.order_id, self.state, self.tries, self.queries)


def is_at(order_id: UUID, state: str, tries: int, queries: int) -> ColumnElement[bool]:
    """Return the condition that the order stands exactly where it was seen."""
    return (Order.id == order_id) & (Order.state == str(state)) & (Order.tries == tries) & (Order.queries == queries)


def claim(
    session: Session, now: datetime, leases: Mapping[str, timedelta], *, order_id: UUID | None = None
) -> Claim | None:
    """Claim one due order and write the attempt that follows; None when nothing is due.

    `leases` gives each route's partner the time it may take; `order_id` claims that order only. Due orders
    that must not be worked on (poison, a paused route) are set aside on the way.
    """
    while (found := session.execute(_due(now, order_id)).one_or_none()) is not None:
        order, offer = found
        if not _set_aside(session, order, offer.route, now):
            lease = leases.get(offer.route, timedelta()) + LEASE_MARGIN
            return _take(session, order, offer, now=now, deadline=now + lease)
    return None


def has_due(session: Session, now: datetime) -> bool:
    """Say whether `claim` has anything to look at. Reads only."""
    due = select(Order.id).where(Order.due_at <= now, Order.state.in_(DUE_STATES)).limit(1)
    return session.scalar(due) is not None


def _due(now: datetime, order_id: UUID | None) -> Any:
    due = (
        select(Order, Offer)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        # An order in SENDING is due when its lease has passed: `due_at` is the end of the lease.
        .where(Order.due_at <= now, Order.state.in_(DUE_STATES))
        .order_by(Order.due_at)
        .limit(1)
        .with_for_update(of=Order, skip_locked=True)  # PostgreSQL; SQLite has one writer anyway
        .execution_options(populate_existing=True)
    )
    return due if order_id is None else due.where(Order.id == order_id)


def next_step(state: OrderState) -> tuple[AttemptKind, OrderState]:
    """Return what to do with a due order, and the state it takes meanwhile.

    SENDING past its lease is Unknown, never "not started": it is asked about, not sent again.
    """
    if state is OrderState.WAITING:
        return AttemptKind.SUBMIT, OrderState.SENDING
    return AttemptKind.QUERY, OrderState.UNKNOWN if state is OrderState.SENDING else state


def _take(session: Session, order: Order, offer: Offer, *, now: datetime, deadline: datetime) -> Claim | None:
    kind, state = next_step(OrderState(order.state))
    submits = kind is AttemptKind.SUBMIT
    tries, queries = order.tries + submits, order.queries + (not submits)
    won = session.scalar(
        update(Order)
        .where(is_at(order.id, order.state, order.tries, order.queries), Order.due_at <= now)
        .values(state=state.value, tries=tries, queries=queries, lease_until=deadline, due_at=deadline)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    )
    if won is None:
        return None
    attempt = _begin_attempt(session, order, offer, kind, now=now, deadline=deadline)
    return Claim(
        attempt_id=attempt.id,
        attempt_number=attempt.number,
        kind=kind,
        order_id=order.id,
        state=state,
        tries=tries,
        queries=queries,
        deadline=deadline,
        route=offer.route,
        partner_id=offer.partner_id,
        product_code=offer.product_code,
        unit=Unit(order.unit),
        quantity=order.quantity,
        wrapped_key=order.wrapped_key,
        number_sealed=order.number_sealed,
        partner_ref=order.partner_ref,
        sent_at=_first_sent_at(session, order.id) if kind is AttemptKind.QUERY else None,
    )


def _first_sent_at(session: Session, order_id: UUID) -> datetime | None:
    submits = (Attempt.order_id == order_id, Attempt.kind == AttemptKind.SUBMIT.value)
    return session.scalar(select(func.min(Attempt.started_at)).where(*submits))


def _begin_attempt(
    session: Session, order: Order, offer: Offer, kind: AttemptKind, *, now: datetime, deadline: datetime
) -> Attempt:
    last = 0
    if order.tries or order.queries:  # else it was never claimed before, and has no attempts
        session.execute(
            update(Attempt)
            .where(Attempt.order_id == order.id, Attempt.ended_at.is_(None))
            .values(ended_at=now, outcome=AttemptOutcome.LOST.value, code="lease_passed")
            .execution_options(synchronize_session=False)
        )
        last = session.scalar(select(func.max(Attempt.number)).where(Attempt.order_id == order.id)) or 0
    attempt = Attempt(
        id=new_id(),
        order_id=order.id,
        number=last + 1,
        kind=kind.value,
        our_ref=str(order.id),
        request_hash=_request_hash(order, offer),
        started_at=now,
        deadline_at=deadline,
    )
    session.add(attempt)
    session.flush()
    return attempt


def _request_hash(order: Order, offer: Offer) -> bytes:
    # The keyed hash of the number stands for the number, so that the hash tells nothing about it.
    number = order.number_lookup.hex() if order.number_lookup else ""
    parts = (order.id, offer.route, offer.product_code, order.quantity, order.unit, number)
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()


def _set_aside(session: Session, order: Order, route: str, now: datetime) -> bool:
    if order.tries + order.queries >= MAX_INTERNAL_FAILURES and _is_poison(session, order.id):
        values: dict[str, Any] = {
            "state": OrderState.MANUAL.value,
            "outcome_code": "internal_failures",
            "due_at": None,
            "lease_until": None,
        }
    elif order.state == OrderState.WAITING and (paused := _paused_until(session, order.id, route, now)):
        values = {"outcome_code": PAUSED, "due_at": paused}
    else:
        return False
    session.execute(
        update(Order)
        .where(is_at(order.id, order.state, order.tries, order.queries))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return True


def _is_poison(session: Session, order_id: UUID) -> bool:
    latest = select(Attempt.outcome).where(Attempt.order_id == order_id).order_by(Attempt.number.desc())
    outcomes: list[str | None] = list(session.scalars(latest.limit(MAX_INTERNAL_FAILURES)))
    # An attempt without an end, seen here, belongs to a worker that never came back.
    ours = sum(outcome is None or outcome in _OURS for outcome in outcomes)
    return ours == MAX_INTERNAL_FAILURES


def _paused_until(session: Session, order_id: UUID, route: str, now: datetime) -> datetime | None:
    """Return when the route may be tried again, if another order found it refusing us."""
    other = aliased(Order)
    return session.scalar(
        select(other.due_at)
        .join(Voucher, Voucher.id == other.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(
            other.due_at > now,
            other.state == OrderState.WAITING.value,
            other.outcome_code == PAUSED,
            Offer.route == route,
            other.id != order_id,
        )
        .order_by(other.due_at)
        .limit(1)
    )
