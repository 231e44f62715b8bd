"""Devices of the counter: invited by a coordinator, enrolled with a key of their own, revoked at once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.staff.device_models import Device, DeviceInvitation
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text

INVITED_FOR: Final = timedelta(minutes=15)
CODE_LENGTH: Final = 10
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 signs that nobody confuses when read aloud: ten of them are 50 bits."""

SEEN_STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Invited:
    """A fresh invitation; the code is shown once and kept nowhere."""

    id: UUID
    code: str
    valid_until: datetime


def invite(session: Session, vault: Vault, *, name: str, branch_id: int, actor: str, now: datetime) -> Invited:
    """Make a code by which one device may be enrolled, once, within 15 minutes.

    Raises:
        BadInput: `name` or `branch_id`.
    """
    name = clean_text(name, field="name", most=60)
    if session.get(Branch, branch_id) is None:
        raise BadInput("Cette antenne n’existe pas : choisissez-en une.", field="branch_id")
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    invitation = DeviceInvitation(
        id=new_id(),
        code_lookup=vault.lookup("device-invitation", code),
        name=name,
        branch_id=branch_id,
        made_by=actor,
        made_at=now,
        valid_until=now + INVITED_FOR,
        device_id=None,
    )
    session.add(invitation)
    session.flush()
    return Invited(invitation.id, code, invitation.valid_until)


def clean_code(text: str) -> str:
    """Return a typed invitation code in capitals, without gaps or dashes."""
    return "".join(sign for sign in text.upper() if sign.isalnum())


def enrol(session: Session, vault: Vault, *, code: str, public_key: bytes, now: datetime) -> Device:
    """Enrol the device that shows this code; the same key again within its time gets the same device.

    The caller has seen that the device holds the private key.

    Raises:
        NotFound: no such code, it has ended, or another device used it: one answer for all.
        Conflict: `device_known`: this key is enrolled already.
    """
    refusal = NotFound("Ce code n’ouvre rien : demandez-en un nouveau à la coordination.", code="invitation_unknown")
    invitation = session.scalar(
        select(DeviceInvitation)
        .where(DeviceInvitation.code_lookup == vault.lookup("device-invitation", code))
        .with_for_update()
    )
    if invitation is None or invitation.valid_until < now:
        raise refusal
    known = session.scalar(select(Device).where(Device.public_key == public_key))
    if invitation.device_id is not None:
        if known is None or known.id != invitation.device_id:
            raise refusal
        return known
    if known is not None:
        raise Conflict("Cet appareil est déjà enregistré : effacez ses données, puis recommencez.", code="device_known")
    device = Device(
        id=new_id(),
        name=invitation.name,
        branch_id=invitation.branch_id,
        public_key=public_key,
        enrolled_by=invitation.made_by,
        enrolled_at=now,
        seen_at=now,
    )
    session.add(device)
    session.flush()
    invitation.device_id = device.id
    session.flush()
    return device


def revoke(session: Session, device_id: UUID, *, actor: str, reason: str, now: datetime) -> None:
    """Believe the device no more, from this moment. Revoking twice changes nothing.

    Raises:
        BadInput: the reason is missing. NotFound: no such device.
    """
    reason = clean_text(reason, field="reason", most=200, least=3)
    session.execute(
        update(Device)
        .where(Device.id == device_id, Device.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=actor, revoked_reason=reason)
    )
    if session.get(Device, device_id) is None:
        raise NotFound("Cet appareil n’existe pas.")


def mark_seen(session: Session, device_id: UUID, now: datetime) -> None:
    """Note that the device was heard of; written once a minute at most."""
    session.execute(update(Device).where(Device.id == device_id, Device.seen_at < now - SEEN_STEP).values(seen_at=now))


def box_secret(vault: Vault, device_id: UUID) -> bytes:
    """Return the 32 bytes from which the key is made that this device seals to; stored nowhere."""
    return vault.lookup("device-box", str(device_id))
