"""Sending what waits: claim in one transaction, post in none, book the answer in another.

A delivery whose worker died is sent again when its lease has passed: told at least once, always under the same
`webhook-id`, by which the receiver knows what it has seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import SealBroken, Vault
from voucher_service.db import Database
from voucher_service.ids import utc_now
from voucher_service.webhooks.endpoints import secrets_of, switch_off
from voucher_service.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookTry
from voucher_service.webhooks.sender import Answer, Sender
from voucher_service.webhooks.signing import signed_headers

LEASE = timedelta(minutes=2)
"""Above what one exchange may take."""

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
"""How long to wait after the first, second, … try that failed; after one more it is given up."""

TURN_SECONDS = 10.0
"""A turn claims nothing new after so long."""

Clock = Callable[[], datetime]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery in one worker's hands. (sending, tries) is its fencing token."""

    delivery_id: UUID
    endpoint: WebhookEndpoint
    body: bytes
    tries: int


def claim(session: Session, now: datetime, *, skip: Collection[UUID] = (), only: UUID | None = None) -> Claim | None:
    """Claim one due delivery (`only` that one) of an endpoint that is on and not in `skip`; None: nothing is due."""
    while (found := session.execute(_due(now, skip, only)).one_or_none()) is not None:
        row, endpoint = found[0], found[1]
        if row.state == DeliveryState.SENDING.value:
            _end_try(session, row.id, row.tries, "lease_passed", now)
        if row.state == DeliveryState.SENDING.value and row.tries > len(PAUSES):
            _give_up(session, row, now)  # its worker died each time: it must not take others with it
            continue
        moved = session.scalar(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == row.id)
            .where(WebhookDelivery.state == row.state, WebhookDelivery.tries == row.tries)
            .values(state=DeliveryState.SENDING.value, tries=row.tries + 1, due_at=now + LEASE)
            .returning(WebhookDelivery.id)
            .execution_options(synchronize_session=False)
        )
        if moved is not None:
            session.add(WebhookTry(delivery_id=row.id, number=row.tries + 1, started_at=now))
            session.flush()
            return Claim(row.id, endpoint, row.body.encode(), row.tries + 1)
    return None


def _due(now: datetime, skip: Collection[UUID], only: UUID | None) -> Select[WebhookDelivery, WebhookEndpoint]:
    due = (
        select(WebhookDelivery, WebhookEndpoint)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.due_at <= now, WebhookEndpoint.off_at.is_(None))
        .where(WebhookEndpoint.id.not_in(skip))
        .order_by(WebhookDelivery.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
        .execution_options(populate_existing=True)
    )
    return due if only is None else due.where(WebhookDelivery.id == only)


def _end_try(session: Session, delivery_id: UUID, number: int, code: str, now: datetime) -> None:
    session.execute(
        update(WebhookTry)
        .where(WebhookTry.delivery_id == delivery_id, WebhookTry.number == number, WebhookTry.ended_at.is_(None))
        .values(ended_at=now, code=code[:60])
        .execution_options(synchronize_session=False)
    )


def _give_up(session: Session, row: WebhookDelivery, now: datetime) -> None:
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == row.id)
        .where(WebhookDelivery.state == row.state, WebhookDelivery.tries == row.tries)
        .values(state=DeliveryState.GIVEN_UP.value, due_at=None, final_at=now, outcome_code="lease_passed")
        .execution_options(synchronize_session=False)
    )


def book(session: Session, claimed: Claim, answer: Answer, *, now: datetime) -> None:
    """Write what came of a try, if the delivery is still in this worker's hands."""
    _end_try(session, claimed.delivery_id, claimed.tries, answer.code, now)
    values: dict[str, object] = {"outcome_code": answer.code[:60]}
    if answer.taken:
        values |= {"state": DeliveryState.DELIVERED.value, "due_at": None, "final_at": now}
    elif answer.gone or claimed.tries > len(PAUSES):
        values |= {"state": DeliveryState.GIVEN_UP.value, "due_at": None, "final_at": now}
    else:
        values |= {"state": DeliveryState.WAITING.value, "due_at": now + PAUSES[claimed.tries - 1]}
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == claimed.delivery_id)
        .where(WebhookDelivery.state == DeliveryState.SENDING.value, WebhookDelivery.tries == claimed.tries)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if answer.gone:
        switch_off(session, claimed.endpoint.id, actor="system:gone", now=now)


class Courier:
    """Takes turns at the outbox; a thread or a task calls it."""

    def __init__(self, database: Database, sender: Sender, vault: Vault, now_fn: Clock = utc_now) -> None:
        self._database = database
        self._sender = sender
        self._vault = vault
        self._now = now_fn

    def turn(self, *, limit: int = 50, only: UUID | None = None) -> int:
        """Send up to `limit` deliveries that are due, or `only` that one; return how many were tried.

        An endpoint that failed is left alone for the rest of the turn: a slow one must not hold up the others.
        """
        failed: set[UUID] = set()
        done, end = 0, time.monotonic() + TURN_SECONDS
        while done < limit and time.monotonic() < end:
            with self._database.begin() as session:
                claimed = claim(session, self._now(), skip=failed, only=only)
            if claimed is None:
                break
            answer = self._post(claimed)
            self._database.run(book, claimed, answer, now=self._now())
            if not answer.taken:
                failed.add(claimed.endpoint.id)
            done += 1
        return done

    def close(self) -> None:
        """Nothing is kept open between turns."""

    def _post(self, claimed: Claim) -> Answer:
        now = self._now()
        try:
            secrets = secrets_of(self._vault, claimed.endpoint, now)
            headers = signed_headers(secrets, claimed.delivery_id, claimed.body, now)
            return self._sender.post(claimed.endpoint.address, claimed.body, headers)
        except SealBroken:
            return Answer(None, "secret_unreadable")
        except Exception as fault:  # a client's own mistake: the delivery waits and is seen in the log
            _log.exception("webhook_failed", delivery=str(claimed.delivery_id))
            return Answer(None, type(fault).__name__)
