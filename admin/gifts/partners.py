"""Partners and what was signed with them."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.partners import gifts, lists
from voucher_service.web import doors

blueprint = Blueprint("partners", __name__, url_prefix="/partners")


class NewPartner(BaseModel):
    """What the form of a partner sends."""

    name: str = Field(min_length=1, max_length=80)


class NewAgreement(BaseModel):
    """What the form of an agreement sends."""

    partner_id: UUID
    reference: str = Field(min_length=1, max_length=60)
    signed_on: date
    valid_from: date
    valid_until: date


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the partners with their agreements."""
    with doors.services().database.read() as session:
        names = lists.names(session)
        agreements = lists.agreements(session)
    return room.page("gifts/partners", names=names, agreements=agreements, today=room.today())


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a partner."""
    return _partner_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Create a partner."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewPartner)
        made = doors.services().database.run(gifts.create_partner, name=sent.name, now=doors.now())
        return room.done(
            _("%(name)s est enregistré. Écrivez maintenant ce qui est signé.", name=made.name),
            "admin.partners.new_agreement",
            partner_id=made.id,
        )

    return room.submitted(_partner_form(), act)


@blueprint.get("/agreements/new")
@room.WRITE
def new_agreement() -> ResponseReturnValue:
    """Show the form of an agreement."""
    return _agreement_form(doors.read_query(_Chosen).partner_id).page()


@blueprint.post("/agreements/new")
@room.WRITE
def create_agreement() -> ResponseReturnValue:
    """Record an agreement."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewAgreement)
        made = doors.services().database.run(gifts.create_agreement, **sent.model_dump())
        return room.done(_("La convention %(ref)s est enregistrée.", ref=made.reference), "admin.partners.index")

    return room.submitted(_agreement_form(None), act)


class _Chosen(BaseModel):
    partner_id: UUID | None = None


def _partner_form() -> room.Form:
    return room.Form(
        title=_("Nouvel opérateur"),
        lead=_("Celui qui donne : un opérateur de téléphonie ou une fondation."),
        fields=[room.Field(name="name", label=_("Nom"))],
        action=url_for("admin.partners.create"),
        submit=_("Enregistrer"),
        cancel=url_for("admin.partners.index"),
    )


def _agreement_form(partner_id: UUID | None) -> room.Form:
    with doors.services().database.read() as session:
        known = lists.names(session).partners
    day = room.today()
    return room.Form(
        title=_("Nouvelle convention"),
        lead=_("Ce qui est signé avec un opérateur. Chaque dotation se rattache à une convention."),
        fields=[
            room.Field(
                name="partner_id",
                label=_("Opérateur"),
                kind=room.Kind.SELECT,
                options=list(known.items()),
                value=partner_id or "",
                empty=_("Choisir…"),
            ),
            room.Field(
                name="reference", label=_("Référence"), hint=_("Celle du document signé, par exemple C-2026-04.")
            ),
            room.Field(name="signed_on", label=_("Signée le"), kind=room.Kind.DATE, value=day),
            room.Field(name="valid_from", label=_("Valable à partir du"), kind=room.Kind.DATE, value=day),
            room.Field(name="valid_until", label=_("Jusqu’au"), kind=room.Kind.DATE, hint=_("Dernier jour, compris.")),
        ],
        action=url_for("admin.partners.create_agreement"),
        submit=_("Enregistrer"),
        cancel=url_for("admin.partners.index"),
    )
