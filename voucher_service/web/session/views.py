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
from voucher_service.web.session import account, ways
from voucher_service.web.session.proof import PER_ACCOUNT, check_own_password

blueprint = Blueprint("session", __name__)
blueprint.register_blueprint(account.blueprint)
blueprint.register_blueprint(ways.blueprint)

DOOR_OF = {
    Role.COORDINATOR: "/admin/",
    Role.COUNTER: "/counter/",
    Role.VOLUNTEER: "/counter/",
    Role.PARTNER: "/partner/",
    Role.AUDITOR: "/admin/",
}
# More than an account has: a whole branch may share one address.
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
    return _form(next_page=request.args.get("next", ""), errors={}, login="")


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
    return _form(next_page=request.form.get("next", ""), login=request.form.get("login", "")[:80], errors=errors), 422


def _form(*, next_page: str, login: str, errors: dict[str, str]) -> str:
    return render_template(
        "session/sign_in.html",
        next=next_page,
        login=login,
        errors=errors,
        party=ways.party(),
        words=ways.sign_in_words(),
    )


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
    check_own_password(staff, sent.current_password)
    return doors.services().database.run(accounts.set_password, staff.id, sent.password)
