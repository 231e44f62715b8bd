"""Accounts of staff."""

from __future__ import annotations

import secrets
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room, words
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.partners import lists as partner_lists
from voucher_service.staff import accounts, lists, passkeys, shifts
from voucher_service.staff.models import Role, Staff
from voucher_service.web import doors

blueprint = Blueprint("team", __name__, url_prefix="/team")

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # read aloud and typed without doubt: no i, l, o, 0, 1


class TeamFilter(BaseModel):
    """The filters above the list."""

    role: Role | None = None


class NewAccount(BaseModel):
    """What the form of an account sends."""

    login: str = Field(min_length=3, max_length=80)
    name: str = Field(min_length=1, max_length=80)
    role: Role
    branch_ids: list[int] = Field(default_factory=list, max_length=500)
    partner_id: UUID | None = None


OPENED_HERE = [role for role in Role if role is not Role.COORDINATOR]
"""Coordinators agree in twos. Who could open such an account, or enter one, would be both people alone."""


def one_time_password() -> str:
    """Return a fresh password that can be read aloud: 16 characters in fours, 79 bits."""
    drawn = "".join(secrets.choice(_ALPHABET) for _place in range(16))
    return "-".join(drawn[start : start + 4] for start in range(0, 16, 4))


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the accounts, the newest first."""
    wanted = doors.read_query(TeamFilter)
    with doors.services().database.read() as session:
        found = doors.page_of(session, lists.staff_query(role=wanted.role), by=Staff.id, parse=UUID)
        places = lists.branches_of(session, found.items)
        partners = partner_lists.names(session).partners
    roles = [(role.value, words.role(role)) for role in Role]
    return room.page("house/team", found=found, wanted=wanted, places=places, partners=partners, roles=roles)


@blueprint.get("/<uuid:staff_id>")
@room.READ
def show(staff_id: UUID) -> ResponseReturnValue:
    """Show one account."""
    with doors.services().database.read() as session:
        staff = session.get(Staff, staff_id)
        if staff is None:
            raise NotFound(_("Ce compte n’existe pas."))
        places = lists.branches_of(session, [staff]).get(staff_id, [])
        partners = partner_lists.names(session).partners
        pin_set_at, held = shifts.pin_set_at(session, staff_id), len(passkeys.of(session, staff_id))
    return room.page(
        "house/account",
        member=staff,
        places=places,
        partners=partners,
        own=staff_id == doors.current_staff().id,
        with_pin=Role(staff.role) in shifts.WITH_PIN,
        pin_set_at=pin_set_at,
        passkeys=held,
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of an account."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Open an account and show its first password, once: it is stored nowhere, so the answer is the page."""

    def act() -> ResponseReturnValue:
        sent, staff_id, password = doors.read_form(NewAccount), doors.client_key(), one_time_password()
        if sent.role not in OPENED_HERE:
            raise BadInput(_on_the_machine("flask create-staff"), field="role")
        made = doors.services().database.run(
            accounts.create_staff, staff_id=staff_id, password=password, now=doors.now(), **sent.model_dump()
        )
        room.log("account_opened", account=str(staff_id), role=made.role)
        return room.page("house/password_once", member=made, password=password, first=True)

    return room.submitted(_form(), act)


@blueprint.post("/<uuid:staff_id>/password")
@room.WRITE
def reset_password(staff_id: UUID) -> ResponseReturnValue:
    """Give an account a new password and show it, once; the person's sessions, PIN and passkeys end."""
    password = one_time_password()
    database = doors.services().database
    with database.read() as session:
        member = session.get(Staff, staff_id)
    if member is None:
        raise NotFound(_("Ce compte n’existe pas."))
    if Role(member.role) not in OPENED_HERE:
        error = Conflict(_on_the_machine("flask set-password"), code="coordinator_account")
        return room.refused(error, "admin.team.show", staff_id=staff_id)
    database.run(accounts.set_password, staff_id, password)
    database.run(passkeys.forget_short_ways, staff_id)
    room.log("password_reset", account=str(staff_id))
    return room.page("house/password_once", member=member, password=password, first=False)


@blueprint.post("/<uuid:staff_id>/pin")
@room.WRITE
def reset_pin(staff_id: UUID) -> ResponseReturnValue:
    """Forget the PIN of an account: the person chooses another one, with the password."""
    forgotten = doors.services().database.run(shifts.forget_pin, staff_id)
    if not forgotten:
        error = Conflict(_("Ce compte n’a pas de code PIN : la personne en choisit un elle-même."), code="no_pin")
        return room.refused(error, "admin.team.show", staff_id=staff_id)
    room.log("pin_reset", account=str(staff_id))
    return room.done(
        _("Le code PIN n’ouvre plus rien. La personne en choisit un autre dans « Mon compte »."),
        "admin.team.show",
        staff_id=staff_id,
    )


@blueprint.post("/<uuid:staff_id>/close")
@room.WRITE
def close(staff_id: UUID) -> ResponseReturnValue:
    """Close an account; its acts stay recorded."""
    if staff_id == doors.current_staff().id:
        error = Conflict(_("Votre propre compte : une autre personne doit le fermer."), code="own_account")
        return room.refused(error, "admin.team.show", staff_id=staff_id)
    doors.services().database.run(accounts.deactivate, staff_id)
    room.log("account_closed", account=str(staff_id))
    return room.done(_("Le compte est fermé ; ses sessions ont pris fin."), "admin.team.show", staff_id=staff_id)


def _on_the_machine(command: str) -> str:
    sentence: str = _(
        "Un compte de coordination se prépare sur la machine du service, avec « %(command)s » : "
        "personne ne peut ainsi se donner une deuxième signature.",
        command=command,
    )
    return sentence


def _form() -> room.Form:
    with doors.services().database.read() as session:
        places, partners = lists.branch_names(session), partner_lists.names(session).partners
    return room.Form(
        title=_("Nouveau compte"),
        lead=_("Le mot de passe est tiré au sort et montré une seule fois, à la page suivante."),
        fields=[
            room.Field(name="name", label=_("Nom")),
            room.Field(
                name="login",
                label=_("Identifiant"),
                hint=_("Lettres sans accent, chiffres, points : awa.diallo"),
                attrs={"autocapitalize": "none", "spellcheck": "false"},
            ),
            room.Field(
                name="role",
                label=_("Rôle"),
                kind=room.Kind.RADIOS,
                options=[(role.value, words.role(role)) for role in OPENED_HERE],
                hint=_("Un compte de coordination s’ouvre sur la machine du service."),
            ),
            room.Field(
                name="branch_ids",
                label=_("Antennes"),
                kind=room.Kind.CHECKS,
                options=list(places.items()),
                value=[],
                required=False,
                hint=_("Pour l’accueil et les bénévoles. La coordination et l’audit voient toutes les antennes."),
            ),
            room.Field(
                name="partner_id",
                label=_("Opérateur"),
                kind=room.Kind.SELECT,
                options=list(partners.items()),
                empty=_("Aucun"),
                required=False,
                hint=_("Seulement pour un compte d’opérateur."),
            ),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.team.create"),
        submit=_("Ouvrir le compte"),
        cancel=url_for("admin.team.index"),
    )
