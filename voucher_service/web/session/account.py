"""One's own account: the PIN of the counter, and passkeys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, jsonify, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput
from voucher_service.staff import accounts, passkeys, shifts
from voucher_service.staff.models import Role
from voucher_service.web import doors
from voucher_service.web.session.proof import PROVED, check_own_password
from voucher_service.web.session.ways import needed_party, party, taken_challenge

blueprint = Blueprint("account", __name__, url_prefix="/account")

WITH_PIN = tuple(sorted(shifts.WITH_PIN))


class PinChoice(BaseModel):
    """What the form of one's PIN sends."""

    current_password: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)
    pin_password: str = Field(min_length=1, max_length=20)
    pin_password_again: str = Field(min_length=1, max_length=20)


class PasskeyWish(BaseModel):
    """What the page sends before a passkey is made."""

    current_password: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)


class NewPasskey(BaseModel):
    """What the page sends when the authenticator has made one."""

    name: str = Field(default="", max_length=200)
    credential: dict[str, Any]


@blueprint.get("/")
@doors.requires(*Role)
def index() -> ResponseReturnValue:
    """Show one's ways of signing in."""
    staff = doors.current_staff()
    with doors.services().database.read() as database:
        pin_set_at = shifts.pin_set_at(database, staff.id)
        held = passkeys.of(database, staff.id)
    return render_template(
        "session/account.html",
        pin_set_at=pin_set_at,
        with_pin=staff.role in shifts.WITH_PIN,
        passkeys=held,
        party=party(),
        full=len(held) >= passkeys.MOST,
        words=_words(),
    )


@blueprint.get("/pin")
@doors.requires(*WITH_PIN)
def pin() -> ResponseReturnValue:
    """Show the form of one's PIN."""
    return _pin_page({})


@blueprint.post("/pin")
@doors.requires(*WITH_PIN)
def set_pin() -> ResponseReturnValue:
    """Choose or change one's PIN."""
    staff = doors.current_staff()
    try:
        sent = doors.read_form(PinChoice)
        _keep_pin(staff, sent)
    except BadInput as error:
        faults = doors.faults_of(error)
        return _pin_page({("pin_password" if name == "pin" else name): said for name, said in faults.items()}), 422
    doors.log().info("pin_chosen", actor=staff.actor)
    flash(_("Votre code PIN est choisi. Il ouvre votre service sur un appareil de l’accueil."), "ok")
    return redirect(url_for("session.account.index"), 303)


@blueprint.post("/passkeys/options")
@doors.requires(*Role)
def passkey_options() -> ResponseReturnValue:
    """Ask the authenticator for a new passkey of who has just shown the password."""
    staff, relying = doors.current_staff(), needed_party()
    check_own_password(staff, doors.read_form(PasskeyWish).current_password)
    database = doors.services().database
    made = database.run(passkeys.challenge, staff.id, now=doors.now())
    session[PROVED] = made.hex()
    with database.read() as reading:
        return jsonify(options=passkeys.registration_options(reading, relying, staff.id, made))


@blueprint.post("/passkeys")
@doors.requires(*Role)
def add_passkey() -> ResponseReturnValue:
    """Keep the passkey that the authenticator made."""
    staff, relying, sent = doors.current_staff(), needed_party(), doors.read_form(NewPasskey)
    made = taken_challenge(staff.id)
    try:
        row = doors.services().database.run(
            passkeys.add,
            relying,
            staff.id,
            made,
            sent.credential,
            name=sent.name.strip() or _("Clé d’accès"),
            now=doors.now(),
        )
    except passkeys.BadPasskey as error:
        doors.log().warning("passkey_refused", actor=staff.actor, why=str(error)[:200])
        raise BadInput(
            _("Cette clé d’accès n’a pas pu être vérifiée : recommencez depuis le début."), field="credential"
        ) from None
    doors.log().info("passkey_added", actor=staff.actor, passkey=str(row.id))
    flash(_("Votre clé d’accès est ajoutée : elle ouvre votre compte sans mot de passe."), "ok")
    return jsonify(id=str(row.id)), 201


@blueprint.get("/passkeys/<uuid:passkey_id>/remove")
@doors.requires(*Role)
def ask_remove(passkey_id: UUID) -> ResponseReturnValue:
    """Ask before a passkey is removed."""
    with doors.services().database.read() as database:
        row = passkeys.one_of(database, doors.current_staff().id, passkey_id)
    return render_template(
        "confirm.html",
        question=_("Retirer la clé d’accès « %(name)s » ?", name=row.name),
        text=_("Elle n’ouvrira plus votre compte. Votre mot de passe l’ouvre toujours."),
        action_href=url_for("session.account.remove_passkey", passkey_id=passkey_id),
        action_label=_("Retirer"),
        cancel_href=url_for("session.account.index"),
        tone="danger",
    )


@blueprint.post("/passkeys/<uuid:passkey_id>/remove")
@doors.requires(*Role)
def remove_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Forget one of one's own passkeys."""
    staff = doors.current_staff()
    doors.services().database.run(passkeys.remove, staff.id, passkey_id)
    doors.log().info("passkey_removed", actor=staff.actor, passkey=str(passkey_id))
    flash(_("La clé d’accès est retirée."), "ok")
    return redirect(url_for("session.account.index"), 303)


def _keep_pin(staff: doors.SignedIn, sent: PinChoice) -> None:
    if sent.pin_password != sent.pin_password_again:
        raise BadInput(_("Les deux saisies diffèrent : écrivez-les à nouveau."), field="pin_password_again")
    check_own_password(staff, sent.current_password)
    doors.services().database.run(shifts.set_pin, staff.id, sent.pin_password, now=doors.now())
    for rule in doors.PIN_RULES:
        doors.throttle().forgive(rule, staff.login)


def _pin_page(errors: dict[str, str]) -> str:
    with doors.services().database.read() as database:
        known = shifts.pin_set_at(database, doors.current_staff().id) is not None
    return render_template("session/pin.html", errors=errors, known=known)


def _words() -> dict[str, str]:
    """Return what the page's script says."""
    return {
        "stopped": _("Rien n’a été ajouté : la demande a été arrêtée, ou le temps est passé. Recommencez."),
        "known": _("Cet appareil tient déjà une clé d’accès de votre compte."),
        "address": _("Ouvrez cette page à l’adresse du service (%(origin)s).", origin=getattr(party(), "origin", "")),
        "failed": _("L’appareil n’a pas pu créer de clé d’accès. Essayez un autre appareil."),
        "away": _("Le service ne répond pas : vérifiez le réseau, puis recommencez."),
    }
