"""What tests of webhooks do again and again."""

from __future__ import annotations

from uuid import UUID

from standardwebhooks import Webhook

from tests.webhooks.conftest import Hooks
from voucher_service.ids import new_id
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import again, tell, tell_trial


def tell_one(hooks: Hooks, event: Event = Event.STATEMENT_RECONCILED) -> UUID:
    """Tell of a statement; return the statement's id."""
    about, programme = new_id(), hooks.programme
    programme.database.run(tell, programme.partner_id, event, {"statement_id": about}, now=programme.now)
    return about


def verified(hooks: Hooks, secret: str, number: int = -1) -> dict[str, object]:
    """What the independent library reads from what arrived. Raises WebhookVerificationError."""
    headers, body = hooks.receiver.got[number]
    read: dict[str, object] = Webhook(secret).verify(body, headers)
    return read


def try_again(hooks: Hooks) -> None:
    """Press *Réessayer* beside the first delivery."""
    row, programme = hooks.rows()[0], hooks.programme
    programme.database.run(
        again, partner_id=programme.partner_id, endpoint_id=row.endpoint_id, delivery_id=row.id, now=programme.now
    )


def send_trial(hooks: Hooks, endpoint_id: UUID) -> None:
    """Press *Essayer*."""
    programme = hooks.programme
    programme.database.run(tell_trial, partner_id=programme.partner_id, endpoint_id=endpoint_id, now=programme.now)
