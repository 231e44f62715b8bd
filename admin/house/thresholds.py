"""Above which quantity a second person must agree, from which day on."""

from __future__ import annotations

from datetime import date

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import dated, room
from voucher_service.partners import lists, policies
from voucher_service.units import Unit
from voucher_service.web import doors

blueprint = Blueprint("thresholds", __name__, url_prefix="/thresholds")


class NewThreshold(BaseModel):
    """What the form of a threshold sends."""

    unit: Unit
    quantity: str = Field(max_length=40)
    effective_from: date


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show what holds today for each unit, and what was set."""
    with doors.services().database.read() as session:
        held = {unit: policies.threshold_on(session, unit, room.today()) for unit in Unit}
        history = lists.thresholds(session)
    return room.page("house/thresholds", held=held, history=history, today=room.today())


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a threshold."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Set a threshold; a higher one begins tomorrow at the earliest."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewThreshold)
        quantity = doors.read_quantity(sent.quantity, sent.unit, field="quantity")
        doors.services().database.run(
            policies.set_threshold,
            unit=sent.unit,
            effective_from=sent.effective_from,
            quantity=quantity,
            today=room.today(),
        )
        room.log("threshold_set", unit=sent.unit.value, quantity=quantity, day=sent.effective_from.isoformat())
        return room.done(_("Le seuil est enregistré."), "admin.thresholds.index")

    return room.submitted(_form(), act)


def _form() -> room.Form:
    return dated.form(
        "thresholds",
        title=_("Nouveau seuil"),
        lead=_("Au-dessus du seuil, une dotation ou un lot attend l’accord d’une deuxième personne."),
        fields=[
            room.unit_field(),
            dated.amount_field("quantity", _("Seuil"), _("0 : toujours deux personnes.")),
        ],
        begins=room.today(),
        hint=_("Un seuil relevé ne vaut qu’à partir de demain."),
    )
