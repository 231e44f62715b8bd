"""Telling: rows written in the transaction of what they tell, so that nothing is told that did not happen."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.db import HINTS
from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.ledger.seal.models import Checkpoint
from voucher_service.webhooks.endpoints import endpoint_of
from voucher_service.webhooks.models import TRIAL, DeliveryState, Event, WebhookDelivery, WebhookEndpoint, WebhookTry

Told = UUID | int | str
DAILY = timedelta(hours=23)
"""Between two checkpoints to one endpoint: a day, less what the clock's turns may take from it."""
KEPT = timedelta(days=90)
"""So long the log keeps what has ended: long enough to settle who was told what, and no archive."""


def tell(session: Session, partner_id: UUID, event: Event, ids: Mapping[str, Told], *, now: datetime) -> int:
    """Put an event in the outbox of each of the partner's endpoints that asked for it; return how many.

    `ids` name what it is about. Nothing else is told: whoever wants more asks the API, with a key.
    """
    on = select(WebhookEndpoint).where(WebhookEndpoint.partner_id == partner_id, WebhookEndpoint.off_at.is_(None))
    wanted = [one.id for one in session.scalars(on) if event.value in one.events.split()]
    _put(session, [_delivery(endpoint_id, event.value, ids, now) for endpoint_id in wanted])
    return len(wanted)


def tell_checkpoint(session: Session, now: datetime) -> int:
    """Send the newest signed checkpoint to every endpoint that asked for them; return to how many.

    To each at most once within a day, and never the same one twice. Unlike other events it carries its whole: a copy
    that waits to be fetched would be no copy.
    """
    newest = session.scalar(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))
    if newest is None:
        return 0
    event = Event.BOOKS_CHECKPOINT.value
    # Of two sealers at once, the second waits here and then sees what the first has put.
    on = select(WebhookEndpoint).where(WebhookEndpoint.off_at.is_(None), WebhookEndpoint.events.contains(event))
    wanted = [one.id for one in session.scalars(on.order_by(WebhookEndpoint.id).with_for_update())]
    told = select(WebhookDelivery.endpoint_id).where(
        WebhookDelivery.endpoint_id.in_(wanted),
        WebhookDelivery.event == event,
        or_(WebhookDelivery.created_at > now - DAILY, WebhookDelivery.created_at >= newest.sealed_at),
    )
    due = sorted(set(wanted) - set(session.scalars(told)))
    data: dict[str, Told] = {"size": newest.size, "note": newest.note}
    _put(session, [_delivery(endpoint_id, event, data, now) for endpoint_id in due])
    return len(due)


def tell_trial(session: Session, *, partner_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Put a trial in the outbox of one endpoint. Raises NotFound. Conflict: `webhook_off`."""
    _check_on(endpoint_of(session, partner_id, endpoint_id))
    _put(session, [_delivery(endpoint_id, TRIAL, {"endpoint_id": endpoint_id}, now)])


def again(session: Session, *, partner_id: UUID, endpoint_id: UUID, delivery_id: UUID, now: datetime) -> None:
    """Try a delivery again now, once more where all tries were used up.

    Raises:
        NotFound. Conflict: `webhook_off`, or `webhook_under_way`: it arrived, or is being sent.
    """
    _check_on(endpoint_of(session, partner_id, endpoint_id))
    found = session.get(WebhookDelivery, delivery_id)
    if found is None or found.endpoint_id != endpoint_id:
        raise NotFound("Cet envoi n’existe pas : revenez à la liste.")
    states = (DeliveryState.WAITING.value, DeliveryState.GIVEN_UP.value, DeliveryState.DROPPED.value)
    moved = session.scalar(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, WebhookDelivery.state.in_(states))
        .values(state=DeliveryState.WAITING.value, due_at=now, final_at=None)
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise Conflict("Cet envoi est arrivé, ou il est en cours.", code="webhook_under_way")
    _hint(session, [delivery_id])


def deliveries_query(endpoint_id: UUID) -> Select[WebhookDelivery]:
    """Return the query of what was told to an endpoint."""
    return select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)


def tries_of(session: Session, deliveries: Iterable[UUID]) -> Mapping[UUID, Sequence[WebhookTry]]:
    """Return the tries of each of these deliveries, the oldest first."""
    found: defaultdict[UUID, list[WebhookTry]] = defaultdict(list)
    tries = select(WebhookTry).where(WebhookTry.delivery_id.in_(list(deliveries))).order_by(WebhookTry.number)
    for one in session.scalars(tries):
        found[one.delivery_id].append(one)
    return found


def prune(session: Session, now: datetime, *, most: int = 5000) -> int:
    """Delete what ended long ago, `most` of it at once, with its tries; return how many deliveries that were.

    What still waits stays, however old it is.
    """
    old = session.scalars(
        select(WebhookDelivery.id).where(WebhookDelivery.final_at < now - KEPT).order_by(WebhookDelivery.id).limit(most)
    ).all()
    for start in range(0, len(old), 500):
        part = old[start : start + 500]
        session.execute(delete(WebhookTry).where(WebhookTry.delivery_id.in_(part)))
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(part)))
    return len(old)


def _put(session: Session, deliveries: Sequence[WebhookDelivery]) -> None:
    session.add_all(deliveries)
    session.flush()
    _hint(session, [one.id for one in deliveries])


def _hint(session: Session, ids: Iterable[UUID]) -> None:
    # The rows are the outbox; a worker that is told of them at once saves the receiver the wait for the sweep.
    session.info.setdefault(HINTS, []).extend(ids)


def _check_on(endpoint: WebhookEndpoint) -> None:
    if endpoint.off_at is not None:
        raise Conflict("Ce webhook est coupé : remettez-le d’abord en service.", code="webhook_off")


def _delivery(endpoint_id: UUID, event: str, ids: Mapping[str, Told], now: datetime) -> WebhookDelivery:
    told = {
        "type": event,
        "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {name: value if isinstance(value, int) else str(value) for name, value in ids.items()},
    }
    return WebhookDelivery(
        id=new_id(), endpoint_id=endpoint_id, event=event, body=json.dumps(told, separators=(",", ":")),
        state=DeliveryState.WAITING.value, tries=0, due_at=now, created_at=now,
    )  # fmt: skip
