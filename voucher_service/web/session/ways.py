"""Signing in with a passkey: a challenge, and its answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from pydantic import BaseModel, Field

from voucher_service.errors import N_, Conflict, NotSignedIn
from voucher_service.staff import passkeys
from voucher_service.web import doors
from voucher_service.web.access import open_session
from voucher_service.web.house import local_path
from voucher_service.web.session.proof import PROVED

blueprint = Blueprint("passkey", __name__, url_prefix="/passkey")

# A branch may share one address; an answer costs one signature to check.
ASKED = doors.Rule("passkey-asked", tries=120, seconds=900)
REFUSED = doors.Rule("passkey-refused", tries=20, seconds=900)


class PasskeyAnswer(BaseModel):
    """What the authenticator answered, as `PublicKeyCredential.toJSON` writes it."""

    credential: dict[str, Any]
    next: str = Field(default="", max_length=2000)


def party() -> passkeys.Party | None:
    """Return who asks for passkeys here; None where the public address allows none."""
    return passkeys.party_of(doors.services().settings.base_url)


def needed_party() -> passkeys.Party:
    """Return who asks for passkeys here. Raises Conflict: the public address allows none."""
    found = party()
    if found is None:
        told = N_("Les clés d’accès demandent une adresse en https avec un nom : voyez le réglage PUBLIC_URL.")
        raise Conflict(told, code="no_passkeys_here")
    return found


def taken_challenge(staff_id: UUID | None) -> bytes:
    """Return the challenge this browser was given, which is spent by this.

    Raises:
        NotSignedIn: `passkey_refused`: there is none, it was answered before, or its time is over.
    """
    text = session.pop(PROVED, "")
    try:
        made = bytes.fromhex(text)
    except ValueError:
        made = b""
    if not made or not doors.services().database.run(passkeys.spend, made, staff_id, now=doors.now()):
        raise NotSignedIn("Cette demande est passée : recommencez depuis le début.", code="passkey_refused")
    return made


@blueprint.get("/challenge")
@doors.public
def challenge() -> ResponseReturnValue:
    """Give a challenge, and the token to answer with."""
    relying = needed_party()
    doors.throttle().spend(ASKED, doors.address())
    made = doors.services().database.run(passkeys.challenge, None, now=doors.now())
    session[PROVED] = made.hex()
    return jsonify(options=passkeys.entry_options(relying, made), csrf_token=generate_csrf())


@blueprint.post("/enter")
@doors.public
def enter() -> ResponseReturnValue:
    """Sign in whoever the passkey belongs to: a new session."""
    doors.throttle().check(REFUSED, doors.address())
    sent, relying = doors.read_form(PasskeyAnswer), needed_party()
    made = taken_challenge(None)
    try:
        staff = doors.services().database.run(passkeys.enter, relying, made, sent.credential, now=doors.now())
    except passkeys.BadPasskey as error:
        doors.throttle().spend(REFUSED, doors.address())
        doors.log().warning("passkey_refused", why=str(error)[:200])
        raise NotSignedIn(
            "Cette clé d’accès n’ouvre aucun compte ici : entrez par identifiant et mot de passe.",
            code="passkey_refused",
        ) from None
    open_session(staff.id, staff.session_version)
    doors.log().info("passkey_entered", actor=f"staff:{staff.id}")
    return jsonify(next=local_path(sent.next), csrf_token=generate_csrf())


def sign_in_words() -> dict[str, str]:
    """Return what the script of the sign-in says."""
    return {
        "stopped": _("Rien n’a été lu : la demande a été arrêtée, ou aucune clé d’accès n’est sur cet appareil."),
        "address": _("Ouvrez cette page à l’adresse du service (%(origin)s).", origin=getattr(party(), "origin", "")),
        "failed": _("L’appareil n’a pas pu lire de clé d’accès : entrez par identifiant et mot de passe."),
        "away": _("Le service ne répond pas : vérifiez le réseau, puis recommencez."),
    }
