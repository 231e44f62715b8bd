"""What each answer of a partner does to the order: the second transaction of a delivery.

What it means is decided in `decide.py`; here the verdict is written, if the order is still in this worker's
hands.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.fulfilment.bought import keep
from voucher_service.fulfilment.claim import Claim
from voucher_service.fulfilment.decide import LATE_DELIVERY, Reply, decide, outcome_of
from voucher_service.fulfilment.models import Attempt, AttemptKind, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.pause import answered, pause
from voucher_service.fulfilment.providers import (
    Accepted,
    Capabilities,
    Delivered,
    Evidence,
    NotFound,
    Refused,
    Reversed,
)
from voucher_service.fulfilment.settle import DELIVERER, enact, learn, move

Late = Callable[[Session, UUID, datetime], object]
"""What is done, in the same transaction, about a delivery that was booked after its value had gone back."""


def no_late(session: Session, order_id: UUID, now: datetime) -> None:
    """Do nothing more about it."""


def book(
    session: Session,
    vault: Vault,
    claim: Claim,
    answer: Reply,
    *,
    capabilities: Capabilities,
    now: datetime,
    late: Late = no_late,
) -> None:
    """Complete the attempt and move the order as the answer says, if it is still in this worker's hands.

    A delivery is a fact and is booked even by a worker that comes too late; anything else it brings back is
    kept with the attempt only. In the same transaction a code it bought is sealed, and a delivery after its value
    had gone back is told to `late`.
    """
    _record(session, claim, answer, capabilities, now)
    verdict = decide(claim.standing, answer, capabilities, now)
    state = verdict.state
    enacted = enact(session, claim.held(), verdict, actor=DELIVERER, occurred_at=now, now=now)
    if not enacted and claim.kind is not AttemptKind.REVERSE:
        state = learn(session, claim.order_id, answer, actor=DELIVERER, occurred_at=now, now=now)
    if isinstance(answer, Delivered) and answer.pin is not None:
        keep(session, vault, claim.order_id, answer.pin, now=now)
    if isinstance(answer, Delivered) and state is OrderState.MANUAL:
        order = session.get_one(Order, claim.order_id, populate_existing=True)
        if order.outcome_code == LATE_DELIVERY:
            late(session, order.id, now)
    if verdict.pause:
        code = answer.code if isinstance(answer, Refused) else verdict.code or ""
        pause(session, claim.route, code=code, now=now)
    elif claim.probes and isinstance(answer, Delivered | Accepted):
        answered(session, claim.route)


def _record(session: Session, claim: Claim, answer: Reply, capabilities: Capabilities, now: datetime) -> None:
    if isinstance(answer, NotFound):
        evidence: Evidence = {"as_of": answer.as_of.isoformat()}
    else:
        evidence = answer.evidence
    code = None if isinstance(answer, Delivered | Accepted | Reversed | NotFound) else answer.code
    outcome = outcome_of(claim.standing, answer, capabilities)
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
