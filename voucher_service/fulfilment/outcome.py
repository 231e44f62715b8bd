"""What each answer of a partner means for the order: the second transaction of a delivery."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.claim import PAUSED, Claim
from voucher_service.fulfilment.models import Attempt, AttemptKind, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.providers import (
    Accepted,
    Answer,
    Capabilities,
    Delivered,
    ErrorClass,
    Evidence,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Unknown,
)
from voucher_service.fulfilment.schedule import MAX_SUBMITS, ROUTE_PAUSE, until_query, until_send
from voucher_service.fulfilment.settle import (
    AMOUNT_DIFFERS,
    DELIVERER,
    confirm,
    found_delivered,
    found_reversed,
    give_back,
    move,
    to_people,
)
from voucher_service.partners.models import Offer
from voucher_service.vouchers.models import Voucher

_OUTCOMES = {
    Delivered: AttemptOutcome.DELIVERED,
    Accepted: AttemptOutcome.ACCEPTED,
    Refused: AttemptOutcome.REFUSED,
    NotSent: AttemptOutcome.NOT_SENT,
    Unknown: AttemptOutcome.UNKNOWN,
    Reversed: AttemptOutcome.REVERSED,
}


def book(session: Session, claim: Claim, answer: Answer, *, capabilities: Capabilities, now: datetime) -> None:
    """Complete the attempt and move the order as the answer says, if it is still in this worker's hands.

    A delivery is a fact and is booked even by a worker that comes too late; anything else it brings back is
    kept with the attempt only.
    """
    _record(session, claim, answer, capabilities, now)
    match answer:
        case Delivered():
            _delivered(session, claim, answer, now)
        case Accepted():
            _accepted(session, claim, answer, now)
        case Refused():
            _refused(session, claim, answer, capabilities, now)
        case NotSent():
            send_later(session, claim, code=answer.code, wait=until_send(claim.tries), now=now)
        case Unknown():
            _unknown(session, claim, answer.code, capabilities, now)
        case Reversed():
            found_reversed(session, claim.order_id, actor=DELIVERER, occurred_at=now, now=now)
        case NotFound():
            _not_found(session, claim, capabilities, now)
        case _:
            assert_never(answer)


def _record(session: Session, claim: Claim, answer: Answer, capabilities: Capabilities, now: datetime) -> None:
    if isinstance(answer, NotFound):
        proof = _is_late_enough(session, claim, answer, capabilities.sync_limit)
        outcome = AttemptOutcome.ABSENT if proof else AttemptOutcome.NOT_FOUND
        evidence: Evidence = {"as_of": answer.as_of.isoformat()}
    else:
        outcome, evidence = _OUTCOMES[type(answer)], answer.evidence
    code = None if isinstance(answer, Delivered | Accepted | Reversed | NotFound) else answer.code
    end_attempt(session, claim, outcome=outcome, code=code, evidence=evidence, now=now)


def end_attempt(
    session: Session,
    claim: Claim,
    *,
    outcome: AttemptOutcome,
    code: str | None = None,
    evidence: Evidence | None = None,
    now: datetime,
) -> None:
    """Write what came back next to the attempt."""
    session.execute(
        update(Attempt)
        .where(Attempt.id == claim.attempt_id)
        .values(
            ended_at=now,
            outcome=outcome.value,
            code=code[:60] if code else None,
            evidence=dict(evidence or {}),
        )
        .execution_options(synchronize_session=False)
    )


def send_later(session: Session, claim: Claim, *, code: str, wait: timedelta, now: datetime) -> bool:
    """Put the order back among the waiting ones: what was to be sent certainly never left."""
    order = move(
        session,
        claim.held(),
        state=OrderState.WAITING,
        outcome_code=code[:60],
        due_at=now + wait,
        lease_until=None,
    )
    return order is not None


def _delivered(session: Session, claim: Claim, answer: Delivered, now: datetime) -> None:
    differs = answer.quantity is not None and answer.quantity != claim.quantity
    booked = confirm(
        session,
        claim.held(),
        partner_ref=answer.partner_ref,
        code=AMOUNT_DIFFERS if differs else None,
        actor=DELIVERER,
        occurred_at=now,
        now=now,
    )
    if not booked:
        found_delivered(
            session,
            claim.order_id,
            partner_ref=answer.partner_ref,
            actor=DELIVERER,
            occurred_at=now,
            now=now,
        )


def _accepted(session: Session, claim: Claim, answer: Accepted, now: datetime) -> None:
    move(
        session,
        claim.held(),
        state=OrderState.ACCEPTED,
        partner_ref=answer.partner_ref[:80],
        outcome_code=None,
        due_at=now + until_query(claim.queries),
        lease_until=None,
    )


def _unknown(session: Session, claim: Claim, code: str, capabilities: Capabilities, now: datetime) -> None:
    # Who cannot be asked is not asked: that day's statement decides.
    due_at = now + until_query(claim.queries) if capabilities.can_be_asked else None
    move(
        session,
        claim.held(),
        state=OrderState.UNKNOWN,
        outcome_code=code[:60],
        due_at=due_at,
        lease_until=None,
    )


def _refused(session: Session, claim: Claim, answer: Refused, capabilities: Capabilities, now: datetime) -> None:
    asked = claim.kind is AttemptKind.QUERY
    match answer.error_class:
        case ErrorClass.DUPLICATE | ErrorClass.UNKNOWN:
            _unknown(session, claim, answer.code, capabilities, now)
        case ErrorClass.PARTNER_PRECONDITION if asked:
            # The partner has used up our reference on it: the same order cannot be sent again.
            to_people(session, claim.held(), code=answer.code)
            _pause(session, claim.route, now)
        case ErrorClass.PARTNER_PRECONDITION:
            send_later(session, claim, code=PAUSED, wait=ROUTE_PAUSE, now=now)
            _pause(session, claim.route, now)
        case ErrorClass.TRANSIENT_BEFORE_SEND if not asked:
            send_later(session, claim, code=answer.code, wait=until_send(claim.tries), now=now)
        case _:
            give_back(session, claim.held(), code=answer.code, actor=DELIVERER, occurred_at=now, now=now)


def _pause(session: Session, route: str, now: datetime) -> None:
    on_route = (
        select(Order.id)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(Order.state == OrderState.WAITING.value, Order.due_at < now + ROUTE_PAUSE, Offer.route == route)
        # What another worker is just claiming will find the route paused, or find out by itself.
        .with_for_update(of=Order, skip_locked=True)
    )
    session.execute(
        update(Order)
        .where(Order.id.in_(on_route), Order.state == OrderState.WAITING.value)
        .values(due_at=now + ROUTE_PAUSE, outcome_code=PAUSED)
        .execution_options(synchronize_session=False)
    )


def _is_late_enough(session: Session, claim: Claim, answer: NotFound, sync_limit: timedelta) -> bool:
    # Counted from the deadline: until then a slow worker may still have been sending.
    sent_until = session.scalar(
        select(func.max(Attempt.deadline_at)).where(
            Attempt.order_id == claim.order_id, Attempt.kind == AttemptKind.SUBMIT.value
        )
    )
    return sent_until is not None and answer.as_of > sent_until + 2 * sync_limit


def _not_found(session: Session, claim: Claim, capabilities: Capabilities, now: datetime) -> None:
    last_submit = (
        select(func.max(Attempt.number))
        .where(Attempt.order_id == claim.order_id, Attempt.kind == AttemptKind.SUBMIT.value)
        .scalar_subquery()
    )
    proofs = session.scalar(
        select(func.count()).where(
            Attempt.order_id == claim.order_id,
            Attempt.outcome == AttemptOutcome.ABSENT.value,
            Attempt.number > last_submit,
        )
    )
    if (proofs or 0) < 2:
        _unknown(session, claim, "not_found", capabilities, now)
    elif capabilities.idempotent and claim.tries < MAX_SUBMITS:
        move(
            session,
            claim.held(),
            state=OrderState.WAITING,
            queries=0,
            outcome_code="absent",
            due_at=now,
            lease_until=None,
        )
    else:
        to_people(session, claim.held(), code="absent")
