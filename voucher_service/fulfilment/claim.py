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

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.decide import (
    INTERNAL_FAILURES,
    PAUSED,
    SETTLED,
    TRIED_AGAIN,
    WAITING_FOR_ANSWER,
    Standing,
    next_step,
    reference,
)
from voucher_service.fulfilment.history import History
from voucher_service.fulfilment.models import Attempt, AttemptKind, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.pause import paused_until
from voucher_service.fulfilment.schedule import LEASE_MARGIN, MAX_INTERNAL_FAILURES
from voucher_service.ids import new_id
from voucher_service.partners.models import Offer
from voucher_service.units import Unit
from voucher_service.vouchers.models import Voucher

DUE_STATES = (OrderState.WAITING, *WAITING_FOR_ANSWER, *SETTLED)
"""States in which `due_at` calls a worker. A settled order is due only after a callback spoke of it."""


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
    code: str | None
    history: History  # with this attempt, if it sends
    probes: bool  # the first to be sent after a pause of its route

    def held(self) -> ColumnElement[bool]:
        """Return the condition that the order is still in this worker's hands."""
        return is_at(self.order_id, self.state, self.tries, self.queries)

    @property
    def reference(self) -> UUID:
        """Return our reference at the partner, the same for every attempt until it is reversed."""
        return reference(self.order_id, self.history.generation)

    @property
    def standing(self) -> Standing:
        """Return where the order stands while this attempt is under way."""
        return Standing(
            state=self.state,
            kind=self.kind,
            tries=self.tries,
            queries=self.queries,
            quantity=self.quantity,
            history=self.history,
            code=self.code,
        )


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
        # One that was never claimed has no attempts.
        history = history_of(session, order.id) if order.tries or order.queries else History()
        paused = paused_until(session, offer.route) if order.state == OrderState.WAITING else None
        if not _set_aside(session, order, history, paused, now):
            lease = leases.get(offer.route, timedelta()) + LEASE_MARGIN
            probes = paused is not None
            return _take(session, order, offer, history, probes=probes, now=now, deadline=now + lease)
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


def history_of(session: Session, order_id: UUID) -> History:
    """Return what the attempts of the order say, oldest first."""
    rows = (
        select(Attempt.kind, Attempt.outcome, Attempt.started_at, Attempt.deadline_at)
        .where(Attempt.order_id == order_id)
        .order_by(Attempt.number)
    )
    history = History()
    for kind, outcome, started_at, deadline_at in session.execute(rows):
        history = history.after(kind, outcome, started_at, deadline_at)
    return history


def _take(
    session: Session,
    order: Order,
    offer: Offer,
    history: History,
    *,
    probes: bool,
    now: datetime,
    deadline: datetime,
) -> Claim | None:
    kind, state = next_step(OrderState(order.state), order.outcome_code)
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
    attempt = _begin_attempt(session, order, offer, kind, history, now=now, deadline=deadline)
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
        code=order.outcome_code,
        history=history.during(kind, now, deadline),
        probes=probes,
    )


def _begin_attempt(
    session: Session,
    order: Order,
    offer: Offer,
    kind: AttemptKind,
    history: History,
    *,
    now: datetime,
    deadline: datetime,
) -> Attempt:
    if history.last:
        session.execute(
            update(Attempt)
            .where(Attempt.order_id == order.id, Attempt.ended_at.is_(None))
            .values(ended_at=now, outcome=AttemptOutcome.LOST.value, code="lease_passed")
            .execution_options(synchronize_session=False)
        )
    attempt = Attempt(
        id=new_id(),
        order_id=order.id,
        number=history.last + 1,
        kind=kind.value,
        our_ref=str(reference(order.id, history.generation)),
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


def _set_aside(session: Session, order: Order, history: History, paused: datetime | None, now: datetime) -> bool:
    values: dict[str, Any]
    if history.own_failures >= MAX_INTERNAL_FAILURES and order.outcome_code != TRIED_AGAIN:
        # Poison: what fails on our side five times in a row is put where it can do no harm.
        values = {"due_at": None, "lease_until": None}
        if order.state not in SETTLED:
            values |= {"state": OrderState.MANUAL.value, "outcome_code": INTERNAL_FAILURES}
    elif order.state == OrderState.WAITING and paused is not None and paused > now:
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
