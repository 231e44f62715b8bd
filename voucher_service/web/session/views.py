"""The views of sign-in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput
from voucher_service.staff import accounts
from voucher_service.staff.models import Role
from voucher_service.web import doors
from voucher_service.web.access import close_session, open_session
from voucher_service.web.house import local_path

blueprint = Blueprint("session", __name__)

DOOR_OF = {
    Role.COORDINATOR: "/admin/",
    Role.COUNTER: "/counter/",
    Role.VOLUNTEER: "/counter/",
    Role.PARTNER: "/partner/",
    Role.AUDITOR: "/admin/",
}
# An account has five tries; an address more, for a whole branch may share one.
PER_ACCOUNT = doors.Rule("sign-in-account", tries=5, seconds=900)
PER_ADDRESS = doors.Rule("sign-in-address", tries=20, seconds=900)


class Credentials(BaseModel):
    """What the sign-in form sends."""

    login: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)
    next: str = Field(default="", max_length=2000)


class PasswordChange(BaseModel):
    """What the password form sends."""

    current_password: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)
    password: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)
    password_again: str = Field(min_length=1, max_length=accounts.MAX_PASSWORD)


@blueprint.get("/")
@doors.public
def front() -> ResponseReturnValue:
    """Lead each role to its door, and everyone else to the sign-in."""
    staff = doors.signed_in()
    return redirect(DOOR_OF[staff.role] if staff else url_for("session.sign_in"))


@blueprint.get("/sign-in")
@doors.public
def sign_in() -> ResponseReturnValue:
    """Show the sign-in form."""
    return render_template("session/sign_in.html", next=request.args.get("next", ""), errors={}, login="")


@blueprint.post("/sign-in")
@doors.public
def enter() -> ResponseReturnValue:
    """Sign in: a new session, and on to the page that was asked for."""
    try:
        sent = doors.read_form(Credentials)
    except doors.BadForm as error:
        return _again(error.faults)
    login = sent.login.strip().lower()
    doors.throttle().check(PER_ADDRESS, doors.address())
    doors.throttle().spend(PER_ACCOUNT, login)  # counted before the check: many at once gain nothing
    database = doors.services().database
    with database.read() as session:
        staff = accounts.authenticate(session, login, sent.password)
    if staff is None:
        doors.throttle().spend(PER_ADDRESS, doors.address())
        return _again({"login": _("Identifiant ou mot de passe inconnu : vérifiez les deux, puis recommencez.")})
    doors.throttle().forgive(PER_ACCOUNT, login)
    if accounts.is_outdated(staff):
        database.run(accounts.rehash, staff.id, sent.password, outdated=staff.password_hash)
    open_session(staff.id, staff.session_version)
    return redirect(local_path(sent.next), 303)


def _again(errors: dict[str, str]) -> ResponseReturnValue:
    page = render_template(
        "session/sign_in.html",
        next=request.form.get("next", ""),
        login=request.form.get("login", "")[:80],
        errors=errors,
    )
    return page, 422


@blueprint.post("/sign-out")
@doors.requires(*Role)
def sign_out() -> ResponseReturnValue:
    """Sign out everywhere: a copied cookie is worth nothing afterwards."""
    staff = doors.current_staff()
    doors.services().database.run(accounts.end_sessions, staff.id)
    close_session()
    return redirect(url_for("session.sign_in"), 303)


@blueprint.get("/password")
@doors.requires(*Role)
def password() -> ResponseReturnValue:
    """Show the form for one's own password."""
    return render_template("session/password.html", errors={}, least=accounts.MIN_PASSWORD)


@blueprint.post("/password")
@doors.requires(*Role)
def change_password() -> ResponseReturnValue:
    """Change one's own password; every other session of this person ends."""
    staff = doors.current_staff()
    try:
        version = _change_password(staff, doors.read_form(PasswordChange))
    except BadInput as error:
        page = render_template("session/password.html", errors=doors.faults_of(error), least=accounts.MIN_PASSWORD)
        return page, 422
    open_session(staff.id, version)
    flash(_("Votre mot de passe est changé. Vos autres appareils sont déconnectés."), "ok")
    return redirect(url_for("session.front"), 303)


def _change_password(staff: doors.SignedIn, sent: PasswordChange) -> int:
    if sent.password != sent.password_again:
        raise BadInput(_("Les deux saisies diffèrent : écrivez-les à nouveau."), field="password_again")
    database = doors.services().database
    doors.throttle().spend(PER_ACCOUNT, staff.login)
    with database.read() as session:
        known = accounts.authenticate(session, staff.login, sent.current_password)
    if known is None:
        raise BadInput(_("Ce n’est pas votre mot de passe actuel."), field="current_password")
    version = database.run(accounts.set_password, staff.id, sent.password)
    doors.throttle().forgive(PER_ACCOUNT, staff.login)
    return version
