"""What is agreed on with each operator: how small a difference may be to be booked by itself, and how long one waits.

The delay is that of a delivery which a statement does not carry and the next one may.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import dated, room
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.partners import lists
from voucher_service.reconciliation import grace
from voucher_service.reconciliation.balances import tolerance
from voucher_service.units import Unit
from voucher_service.web import doors

blueprint = Blueprint("tolerances", __name__, url_prefix="/partners/<uuid:partner_id>/tolerance")


class NewTolerance(BaseModel):
    """What the form of a tolerance sends."""

    unit: Unit
    each: str = Field(max_length=40)
    most: str = Field(max_length=40)
    effective_from: date


class NewGrace(BaseModel):
    """What the form of a delay sends."""

    days: int
    most_days: int
    effective_from: date


@blueprint.get("/")
@room.READ
def index(partner_id: UUID) -> ResponseReturnValue:
    """Show what holds today for each unit, the delay, and what was declared."""
    return _page(partner_id, {})


def _page(partner_id: UUID, faults: dict[str, str]) -> str:
    name, today = _name(partner_id), room.today()
    with doors.services().database.read() as session:
        held = {unit: tolerance.tolerance_on(session, partner_id, unit.value, today) for unit in Unit}
        history = tolerance.tolerances(session, partner_id)
        days, most_days = grace.grace_on(session, partner_id, today)
        graces = grace.graces(session, partner_id)
        who = room.who(session, [one.set_by for one in history] + [one.set_by for one in graces])
    context = {"days": days, "most_days": most_days, "graces": graces, "errors": faults}
    return room.page(
        "gifts/tolerances", partner_name=name, partner_id=partner_id, held=held, history=history, today=today, who=who,
        tomorrow=today + timedelta(days=1), **context,
    )  # fmt: skip


@blueprint.post("/grace")
@room.WRITE
def set_grace(partner_id: UUID) -> ResponseReturnValue:
    """Say how long what a statement does not carry is waited for; a longer delay begins tomorrow at the earliest."""
    try:
        sent = doors.read_form(NewGrace)
        doors.services().database.run(
            grace.set_grace, partner_id=partner_id, days=sent.days, most_days=sent.most_days,
            effective_from=sent.effective_from, actor=room.actor(), today=room.today(), now=doors.now(),
        )  # fmt: skip
    except BadInput as error:
        return _page(partner_id, dict(doors.faults_of(error))), 422
    except Conflict as error:
        return room.refused(error, "admin.tolerances.index", partner_id=partner_id)
    room.log("grace_set", partner_id=str(partner_id), days=sent.days, most_days=sent.most_days)
    return room.done(_("Le délai est enregistré."), "admin.tolerances.index", partner_id=partner_id)


@blueprint.get("/new")
@room.WRITE
def new(partner_id: UUID) -> ResponseReturnValue:
    """Show the form of a tolerance."""
    return _form(partner_id).page()


@blueprint.post("/new")
@room.WRITE
def create(partner_id: UUID) -> ResponseReturnValue:
    """Declare a tolerance; a wider one begins tomorrow at the earliest."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewTolerance)
        each = doors.read_quantity(sent.each, sent.unit, field="each")
        most = doors.read_quantity(sent.most, sent.unit, field="most")
        doors.services().database.run(
            tolerance.set_tolerance, partner_id=partner_id, unit=sent.unit, each=each, most=most,
            effective_from=sent.effective_from, actor=room.actor(), today=room.today(), now=doors.now(),
        )  # fmt: skip
        room.log("tolerance_set", partner_id=str(partner_id), unit=sent.unit.value, each=each, most=most)
        return room.done(_("La tolérance est enregistrée."), "admin.tolerances.index", partner_id=partner_id)

    return room.submitted(_form(partner_id), act)


def _name(partner_id: UUID) -> str:
    with doors.services().database.read() as session:
        name = lists.names(session).partners.get(partner_id)
    if name is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    return name


def _form(partner_id: UUID) -> room.Form:
    most = _("Au-dessus, aucun écart du relevé n’est toléré : beaucoup de petits écarts sont une erreur.")
    return dated.form(
        "tolerances",
        title=_("Nouvelle tolérance avec %(name)s", name=_name(partner_id)),
        lead=_("À n’enregistrer que si elle est convenue avec l’opérateur. Une autre la remplacera."),
        fields=[
            room.unit_field(),
            dated.amount_field("each", _("Par écart, au plus"), _("0 : plus aucune tolérance.")),
            dated.amount_field("most", _("Par relevé, au plus"), most),
        ],
        begins=room.today() + timedelta(days=1),
        hint=_("Vaut pour les relevés qui finissent ce jour-là ou après. Plus large : à partir de demain."),
        partner_id=partner_id,
    )
