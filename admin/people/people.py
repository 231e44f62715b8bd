"""People by reference. Who they are is shown to coordinators only, for a purpose, and each time is logged."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room
from admin.people.people_forms import LANGUAGES, erase_form, person_form, phone_form
from voucher_service.errors import BadInput, Erased, NotFound
from voucher_service.people import identity, lists
from voucher_service.people.models import Person
from voucher_service.people.phones import pairs
from voucher_service.staff.lists import branch_names
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.lists import visits_query
from voucher_service.visits.models import Visit
from voucher_service.vouchers.lists import Filter, reference_of, vouchers_query
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("people", __name__, url_prefix="/people")

SEARCHES = doors.Rule("admin-person-search", tries=60, seconds=300)
REVEALS = doors.Rule("admin-reveal", tries=60, seconds=3600)
SHOWN = 50


class Purpose(StrEnum):
    """Why someone looks at who a person is: a closed set, so that no name ends in the log."""

    REMINDER = "reminder"
    AT_DESK = "at_desk"
    CORRECTION = "correction"
    REQUEST = "request"


class PeopleFilter(BaseModel):
    """The filters above the list."""

    branch_id: int | None = Field(default=None, ge=1, lt=2**31)


class Search(BaseModel):
    """A reference or a telephone number. By POST: neither has a place in an address."""

    text: str = Field(min_length=3, max_length=40)


class NewPerson(BaseModel):
    """What the form of a person sends; all but the language may be left out."""

    name: str = Field(default="", max_length=120)
    phone: str = Field(default="", max_length=40)
    birth_year: int | None = None
    language: str = "fr"
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)


class NewPhone(BaseModel):
    """What the form of a telephone number sends; empty: none any more."""

    phone: str = Field(default="", max_length=40)


class Reveal(BaseModel):
    """What the form that shows an identity sends."""

    purpose: Purpose


class Erase(BaseModel):
    """What the form that erases sends: the reference, typed once more."""

    reference: str = Field(max_length=20)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List people by reference, the newest first."""
    return _index({})


@blueprint.post("/search")
@room.WRITE
def search() -> ResponseReturnValue:
    """Find someone by reference, or by telephone number."""
    doors.throttle().spend(SEARCHES, room.actor())
    try:
        sent = doors.read_form(Search)
        with doors.services().database.read() as session:
            found = _found(session, sent.text)
    except BadInput as error:
        return _index({"text": next(iter(doors.faults_of(error).values()))}), 422
    except NotFound as error:
        return _index({"text": doors.said(error)}), 404
    if len(found) == 1:
        return redirect(url_for("admin.people.show", person_id=found[0].id), 303)
    return _index({}, found)


def _found(session: Session, text: str) -> list[Person]:
    if any(char.isalpha() for char in text) or sum(char.isdigit() for char in text) < 9:
        return [identity.find_by_reference(session, text)]
    found = identity.find_by_phone(session, doors.services().vault, text)
    if not found:
        raise NotFound(_("Personne n’a donné ce numéro."))
    return found


def _index(errors: dict[str, str], found: list[Person] | None = None) -> str:
    wanted = doors.read_query(PeopleFilter)
    with doors.services().database.read() as session:
        page = doors.page_of(session, lists.people_query(branch_id=wanted.branch_id), by=Person.id, parse=UUID)
        places = branch_names(session)
    return room.page(
        "people/people", page=page, found=found, wanted=wanted, places=places, errors=errors, tongues=LANGUAGES
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a person."""
    return person_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Register a person; the same form sent twice registers once."""

    def act() -> ResponseReturnValue:
        sent, person_id = doors.read_form(NewPerson), doors.client_key()
        services = doors.services()
        made = services.database.run(
            identity.register, services.vault, person_id=person_id, now=doors.now(), **sent.model_dump()
        )
        return room.done(
            _("Enregistrée sous la référence %(reference)s.", reference=made.reference),
            "admin.people.show",
            person_id=made.id,
        )

    return room.submitted(person_form(), act)


@blueprint.get("/<uuid:person_id>")
@room.READ
def show(person_id: UUID) -> ResponseReturnValue:
    """Show one person: vouchers and visits, under the reference."""
    return _person_page(person_id)


@blueprint.post("/<uuid:person_id>/identity")
@room.WRITE
def reveal(person_id: UUID) -> ResponseReturnValue:
    """Show who the person is, once, for a purpose that is logged. Nothing is stored: the answer is the page."""
    doors.throttle().spend(REVEALS, room.actor())
    try:
        sent = doors.read_form(Reveal)
    except doors.BadForm as error:
        return _person_page(person_id, errors=error.faults), 422
    services = doors.services()
    with services.database.read() as session:
        known = identity.reveal(session, services.vault, person_id)
    room.log("identity_revealed", person=str(person_id), purpose=sent.purpose.value)
    return _person_page(person_id, known=known)


@blueprint.get("/<uuid:person_id>/phone")
@room.WRITE
def ask_phone(person_id: UUID) -> ResponseReturnValue:
    """Show the form of another telephone number."""
    return phone_form(_living(person_id)).page()


@blueprint.post("/<uuid:person_id>/phone")
@room.WRITE
def change_phone(person_id: UUID) -> ResponseReturnValue:
    """Give the person another number, or none."""

    def act() -> ResponseReturnValue:
        sent, services = doors.read_form(NewPhone), doors.services()
        services.database.run(identity.change_phone, services.vault, person_id, sent.phone or None)
        room.log("phone_changed", person=str(person_id))
        return room.done(
            _("Le numéro est changé. Vérifiez-le avec la personne."), "admin.people.show", person_id=person_id
        )

    return room.submitted(phone_form(_living(person_id)), act)


@blueprint.get("/<uuid:person_id>/erase")
@room.WRITE
def ask_erase(person_id: UUID) -> ResponseReturnValue:
    """Ask before erasing."""
    return erase_form(_living(person_id)).page()


@blueprint.post("/<uuid:person_id>/erase")
@room.WRITE
def erase(person_id: UUID) -> ResponseReturnValue:
    """Destroy what we know of the person; the books keep the reference only."""
    person = _living(person_id)

    def act() -> ResponseReturnValue:
        sent = doors.read_form(Erase)
        if sent.reference.upper() != person.reference:
            raise BadInput(_("Écrivez la référence %(ref)s pour confirmer.", ref=person.reference), field="reference")
        doors.services().database.run(erase_person, person_id, now=doors.now())
        room.log("person_erased", person=str(person_id))
        return room.done(
            _("La personne est effacée. Il ne reste que ses écritures."), "admin.people.show", person_id=person_id
        )

    return room.submitted(erase_form(person), act)


def _person(session: Session, person_id: UUID) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound(_("Cette personne n’existe pas."))
    return person


def _living(person_id: UUID) -> Person:
    with doors.services().database.read() as session:
        person = _person(session, person_id)
    if person.erased_at is not None:
        raise Erased(_("Cette personne a été effacée : il ne reste que ses écritures."))
    return person


def _person_page(
    person_id: UUID, *, known: identity.Identity | None = None, errors: dict[str, str] | None = None
) -> str:
    with doors.services().database.read() as session:
        person = _person(session, person_id)
        newest: dict[str, Any] = {
            "vouchers": session.scalars(
                vouchers_query(Filter(person_id=person_id)).order_by(Voucher.id.desc()).limit(SHOWN)
            ).all(),
            "visits": session.scalars(
                visits_query(person_id=person_id).order_by(Visit.occurred_at.desc()).limit(SHOWN)
            ).all(),
        }
        places = branch_names(session)
    return room.page(
        "people/person",
        person=person,
        places=places,
        known=known,
        phone=pairs(known.phone) if known and known.phone else "",
        errors=errors or {},
        purposes=_purposes(),
        tongues=LANGUAGES,
        reference_of=reference_of,
        **newest,
    )


def _purposes() -> list[tuple[str, str]]:
    return [
        (Purpose.REMINDER.value, _("La rappeler")),
        (Purpose.AT_DESK.value, _("Vérifier avec elle, au guichet")),
        (Purpose.CORRECTION.value, _("Corriger sa fiche")),
        (Purpose.REQUEST.value, _("Répondre à sa demande d’accès")),
    ]
