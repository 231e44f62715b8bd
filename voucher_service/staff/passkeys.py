"""Passkeys (WebAuthn): added from one's own account, then enough to sign in, without a password.

The person is always verified by the authenticator (its own PIN, a finger, a face). A challenge is good once, for five
minutes. What is checked of an answer (origin, relying party, signature, count) is `webauthn`'s; what is kept is ours.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.staff.device_models import StaffPin
from voucher_service.staff.models import Staff
from voucher_service.staff.passkey_models import PasskeyChallenge, StaffPasskey
from voucher_service.texts import clean_text

CHALLENGE_FOR: Final = timedelta(minutes=5)
MOST: Final = 10
"""Passkeys of one account."""

_CHALLENGE: Final = 32
_MILLISECONDS: Final = int(CHALLENGE_FOR.total_seconds() * 1000)


class BadPasskey(Exception):
    """An answer that proves nothing. The message is for the log; whoever asked is told one sentence for all of them."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks, as authenticators know us: the host, and the origin that pages have."""

    id: str
    origin: str


def party_of(base_url: str) -> Party | None:
    """Return the relying party of the public address; None where browsers allow none: a bare IP address."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        secure = parts.scheme == "https" or host == "localhost"
        return Party(host, f"{parts.scheme}://{parts.netloc}") if host and secure else None
    return None


def challenge(session: Session, staff_id: UUID | None, *, now: datetime) -> bytes:
    """Return a fresh challenge: for who adds a passkey, or (None) for someone who signs in."""
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.ends_at <= now))
    made = secrets.token_bytes(_CHALLENGE)
    row = PasskeyChallenge(
        challenge_hash=hashlib.sha256(made).digest(), staff_id=staff_id, made_at=now, ends_at=now + CHALLENGE_FOR
    )
    session.add(row)
    session.flush()
    return made


def spend(session: Session, made: bytes, staff_id: UUID | None, *, now: datetime) -> bool:
    """Say whether the challenge still waited, for this person; it waits no more either way."""
    found = session.execute(
        delete(PasskeyChallenge)
        .where(PasskeyChallenge.challenge_hash == hashlib.sha256(made).digest())
        .returning(PasskeyChallenge.staff_id, PasskeyChallenge.ends_at)
    ).one_or_none()
    return found is not None and found.staff_id == staff_id and found.ends_at > now


def registration_options(session: Session, party: Party, staff_id: UUID, made: bytes) -> dict[str, Any]:
    """Return what `navigator.credentials.create` is asked, as JSON."""
    staff = session.get_one(Staff, staff_id)
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name="Coup de Pouce",
        user_id=staff_id.bytes,
        user_name=staff.login,
        user_display_name=staff.name,
        challenge=made,
        timeout=_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in of(session, staff_id)],
    )
    return _plain(webauthn.options_to_json(options))


def entry_options(party: Party, made: bytes) -> dict[str, Any]:
    """Return what `navigator.credentials.get` is asked, as JSON: any passkey of ours that the device holds."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=made,
        timeout=_MILLISECONDS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(webauthn.options_to_json(options))


def add(
    session: Session,
    party: Party,
    staff_id: UUID,
    made: bytes,
    credential: Mapping[str, Any],
    *,
    name: str,
    now: datetime,
) -> StaffPasskey:
    """Keep a new passkey of the person; its challenge was spent before.

    Raises:
        BadPasskey: the answer proves nothing. BadInput: `name`.
        Conflict: `too_many_passkeys`, `passkey_known`.
    """
    name = clean_text(name, field="name", most=60)
    if (session.scalar(select(func.count()).where(StaffPasskey.staff_id == staff_id)) or 0) >= MOST:
        raise Conflict("Il y a déjà {most} clés d’accès : retirez-en une.", code="too_many_passkeys", most=MOST)
    try:
        checked = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=made,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise BadPasskey(str(error)) from error
    if session.scalar(select(StaffPasskey.id).where(StaffPasskey.credential_id == checked.credential_id)):
        raise Conflict("Cette clé d’accès est déjà connue.", code="passkey_known")
    row = StaffPasskey(
        id=new_id(),
        staff_id=staff_id,
        credential_id=checked.credential_id,
        public_key=checked.credential_public_key,
        sign_count=checked.sign_count,
        name=name,
        added_at=now,
        used_at=None,
    )
    session.add(row)
    session.flush()
    return row


def enter(session: Session, party: Party, made: bytes, credential: Mapping[str, Any], *, now: datetime) -> Staff:
    """Return the active account whose passkey answered; the count it told is kept.

    Raises:
        BadPasskey: an unknown passkey, a closed account, or an answer that proves nothing.
    """
    try:
        answer = webauthn.helpers.parse_authentication_credential_json(dict(credential))
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise BadPasskey(str(error)) from error
    row = session.scalar(
        select(StaffPasskey)
        .join(Staff, Staff.id == StaffPasskey.staff_id)
        .where(StaffPasskey.credential_id == answer.raw_id, Staff.active)
    )
    if row is None:
        raise BadPasskey("unknown passkey")
    if answer.response.user_handle not in {None, row.staff_id.bytes}:
        raise BadPasskey("the passkey names another account")
    try:
        checked = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=made,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise BadPasskey(str(error)) from error
    # Two answers at once: only one may raise the count. An authenticator that does not count always tells 0.
    counts = or_(StaffPasskey.sign_count < checked.new_sign_count, StaffPasskey.sign_count == 0)
    kept = session.scalar(
        update(StaffPasskey)
        .where(StaffPasskey.id == row.id, counts)
        .values(sign_count=checked.new_sign_count, used_at=now)
        .returning(StaffPasskey.id)
        .execution_options(synchronize_session=False)
    )
    if kept is None:
        raise BadPasskey("the count does not rise: the passkey was copied")
    return session.get_one(Staff, row.staff_id)


def of(session: Session, staff_id: UUID) -> list[StaffPasskey]:
    """Return the person's passkeys, the oldest first."""
    return list(
        session.scalars(select(StaffPasskey).where(StaffPasskey.staff_id == staff_id).order_by(StaffPasskey.id))
    )


def one_of(session: Session, staff_id: UUID, passkey_id: UUID) -> StaffPasskey:
    """Return a passkey of the person. Raises NotFound."""
    row = session.get(StaffPasskey, passkey_id)
    if row is None or row.staff_id != staff_id:
        raise NotFound("Cette clé d’accès n’existe pas, ou n’est pas la vôtre.")
    return row


def remove(session: Session, staff_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey of the person. Raises NotFound."""
    session.delete(one_of(session, staff_id, passkey_id))
    session.flush()


def forget_short_ways(session: Session, staff_id: UUID) -> None:
    """Forget PIN and passkeys: whoever gets a new password from others begins anew, and a thief has nothing left."""
    session.execute(delete(StaffPasskey).where(StaffPasskey.staff_id == staff_id))
    session.execute(delete(StaffPin).where(StaffPin.staff_id == staff_id))


def _plain(text: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(text)
    return plain
