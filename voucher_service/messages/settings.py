"""The gateways' settings: sealed in the database, one active for each channel, a change is a new row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.errors import BadInput
from voucher_service.ids import new_id
from voucher_service.messages.gateways import (
    CHANNEL_OF,
    SETTINGS,
    Channel,
    Factories,
    GatewayKind,
    GatewaySettingsBad,
)
from voucher_service.messages.models import MessageGateway


def set_gateway(
    session: Session,
    vault: Vault,
    factories: Factories,
    *,
    channel: Channel,
    kind: GatewayKind,
    values: Mapping[str, str],
    actor: str,
    now: datetime,
) -> MessageGateway:
    """Use this gateway for the channel from now on; the one before it only still brings receipts.

    A secret left empty keeps the one in use.

    Raises:
        BadInput: naming the setting that is missing or wrong.
    """
    if channel not in CHANNEL_OF[kind]:
        raise BadInput("Cette passerelle n’envoie pas ce genre de message.", field="kind")
    before = session.scalar(
        select(MessageGateway).where(MessageGateway.channel == channel.value, MessageGateway.ended_at.is_(None))
    )
    kept = settings_of(vault, before) if before is not None and before.kind == kind.value else {}
    wanted = {name: values.get(name, "").strip() for name in SETTINGS[kind]}
    if not wanted.get("password", "unused"):
        wanted["password"] = kept.get("password", "")
    try:
        factories[kind.value](wanted).close()
    except GatewaySettingsBad as fault:
        raise BadInput("Ce réglage manque ou ne convient pas.", field=str(fault)) from fault
    session.execute(
        update(MessageGateway)
        .where(MessageGateway.channel == channel.value, MessageGateway.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    gateway_id = new_id()
    made = MessageGateway(
        id=gateway_id,
        channel=channel.value,
        kind=kind.value,
        settings_sealed=vault.seal(_place(gateway_id), json.dumps(wanted).encode()),
        created_by=actor,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def settings_of(vault: Vault, gateway: MessageGateway) -> dict[str, str]:
    """Return the settings in clear, secrets included: for opening the gateway, never for a page."""
    values: dict[str, str] = json.loads(vault.unseal(_place(gateway.id), gateway.settings_sealed))
    return values


def gateways(session: Session) -> dict[Channel, MessageGateway]:
    """Return the gateway in use for each channel that has one."""
    active = select(MessageGateway).where(MessageGateway.ended_at.is_(None))
    return {Channel(row.channel): row for row in session.scalars(active)}


def _place(gateway_id: UUID) -> Place:
    return Place("message_gateway", "settings", str(gateway_id))
