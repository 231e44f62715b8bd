"""A partner's endpoints: made with a secret shown once, rotated with both secrets signing, switched off and on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.errors import N_, BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.webhooks.models import DeliveryState, Event, WebhookDelivery, WebhookEndpoint
from voucher_service.webhooks.sender import Sender
from voucher_service.webhooks.signing import new_secret, written

OVERLAP = timedelta(days=7)
"""After a rotation both secrets sign this long, so that no receiver stands still."""

MAX_ENDPOINTS = 10
"""Endpoints of one partner, those switched off included."""

_REFUSALS = {
    "address_not_https": N_("Cette adresse doit commencer par https://."),
    "address_has_login": N_("Cette adresse contient un mot de passe : donnez-la sans."),
    "address_has_query": N_("Donnez l’adresse sans « ? » ni « # »."),
    "address_refused": N_("Cette adresse n’est pas publique : donnez celle d’un serveur sur Internet."),
}


def create(
    session: Session,
    vault: Vault,
    sender: Sender,
    *,
    partner_id: UUID,
    address: str,
    events: Iterable[Event],
    actor: str,
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; return its row and its secret, which is only told here.

    Raises:
        BadInput: `address`, or no event (field `events`). Conflict: `too_many_webhooks`.
    """
    address, chosen = address.strip(), sorted(set(events))
    refusal = "address_unreadable" if not address or len(address) > 300 else sender.refusal(address)
    if refusal:
        told = _REFUSALS.get(refusal, N_("Cette adresse n’est pas complète : https://exemple.fr/webhooks."))
        raise BadInput(told, field="address")
    if not chosen:
        raise BadInput("Choisissez au moins une chose à annoncer.", field="events")
    count = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.partner_id == partner_id)
    if (session.scalar(count) or 0) >= MAX_ENDPOINTS:
        told = N_("Il y a déjà {most} webhooks : remettez-en un en service au lieu d’en créer un.")
        raise Conflict(told, code="too_many_webhooks", most=MAX_ENDPOINTS)
    secret, endpoint_id = new_secret(), new_id()
    row = WebhookEndpoint(
        id=endpoint_id, partner_id=partner_id, address=address, events=" ".join(chosen),
        secret_sealed=vault.seal(_place("secret_sealed", endpoint_id), secret), created_by=actor, created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row, written(secret)


def rotate(
    session: Session, vault: Vault, *, partner_id: UUID, endpoint_id: UUID, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret and return it; the one before signs too for seven days more.

    Raises:
        NotFound. Conflict: `webhook_rotating`: the last rotation is not over, or someone rotated just now.
    """
    row = endpoint_of(session, partner_id, endpoint_id)
    old = vault.unseal(_place("secret_sealed", row.id), row.secret_sealed)
    secret = new_secret()
    done = session.scalar(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == row.id, WebhookEndpoint.secret_sealed == row.secret_sealed)
        .where(or_(WebhookEndpoint.previous_until.is_(None), WebhookEndpoint.previous_until <= now))
        .values(
            secret_sealed=vault.seal(_place("secret_sealed", row.id), secret),
            previous_sealed=vault.seal(_place("previous_sealed", row.id), old),
            previous_until=now + OVERLAP,
        )
        .returning(WebhookEndpoint.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        told = N_("L’ancien secret signe encore : attendez la fin des {days} jours, ou créez un autre webhook.")
        raise Conflict(told, code="webhook_rotating", days=OVERLAP.days)
    session.refresh(row)
    return row, written(secret)


def switch(
    session: Session, *, partner_id: UUID, endpoint_id: UUID, on: bool, actor: str, now: datetime
) -> WebhookEndpoint:
    """Switch an endpoint off or on; what waits for one switched off is dropped. Raises NotFound."""
    row = endpoint_of(session, partner_id, endpoint_id)
    if on:
        row.off_at = row.off_by = None
    elif row.off_at is None:
        switch_off(session, endpoint_id, actor=actor, now=now)
    session.flush()
    return row


def switch_off(session: Session, endpoint_id: UUID, *, actor: str, now: datetime) -> None:
    """Switch an endpoint off and drop what waits for it. One that is off stays as it is."""
    session.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.off_at.is_(None))
        .values(off_at=now, off_by=actor)
    )
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == DeliveryState.WAITING.value)
        .values(state=DeliveryState.DROPPED.value, due_at=None, final_at=now)
        .execution_options(synchronize_session=False)
    )


def secrets_of(vault: Vault, row: WebhookEndpoint, now: datetime) -> list[bytes]:
    """Return the secrets that sign now, the newest first. Raises SealBroken."""
    secrets = [vault.unseal(_place("secret_sealed", row.id), row.secret_sealed)]
    if row.previous_sealed is not None and row.previous_until is not None and row.previous_until > now:
        secrets.append(vault.unseal(_place("previous_sealed", row.id), row.previous_sealed))
    return secrets


def endpoint_of(session: Session, partner_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """Return the partner's endpoint. Raises NotFound: the same answer whether it exists elsewhere or not."""
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None or found.partner_id != partner_id:
        raise NotFound("Ce webhook n’existe pas : revenez à la liste.")
    return found


def endpoints_of(session: Session, partner_id: UUID) -> Sequence[WebhookEndpoint]:
    """Return all endpoints of the partner, newest first, those switched off included."""
    of_partner = select(WebhookEndpoint).where(WebhookEndpoint.partner_id == partner_id)
    return session.scalars(of_partner.order_by(WebhookEndpoint.id.desc())).all()


def _place(column: str, endpoint_id: UUID) -> Place:
    return Place("webhook_endpoint", column, str(endpoint_id))
