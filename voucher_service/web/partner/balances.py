"""The partner's page of balances: what is left of each gift at the end of a day, on both sides, and its form."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict
from voucher_service.ids import local_day
from voucher_service.reconciliation.balances import view
from voucher_service.reconciliation.balances.declare import MOVEMENTS, Said, declare
from voucher_service.units import Unit
from voucher_service.web import doors
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_balances", __name__, url_prefix="/partner/<uuid:partner_id>/balances")
blueprint.context_processor(frame)

FIGURES = ("closing", "opening", *MOVEMENTS)


Dated = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class Day(BaseModel):
    """At the end of which day."""

    day: Dated | None = None


class Sent(BaseModel):
    """What the form sends: figures as people write them, in the gift's unit."""

    allocation_id: int = Field(ge=1, lt=2**53)
    as_of: Dated
    closing: str = Field(max_length=40)
    opening: str = Field(default="", max_length=40)
    granted: str = Field(default="", max_length=40)
    delivered: str = Field(default="", max_length=40)
    reversed: str = Field(default="", max_length=40)
    expired: str = Field(default="", max_length=40)
    returned: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=2000)

    def figures(self, unit: Unit) -> Said:
        """Return the figures in the unit's smallest piece. Raises BadInput naming the one that is none."""
        given = {name: text for name in FIGURES if (text := getattr(self, name).strip())}
        return Said(**{name: _figure(text, unit, name) for name, text in given.items()})


def _figure(text: str, unit: Unit, name: str) -> int:
    sign = -1 if text.startswith(("-", "−")) and name in {"closing", "opening"} else 1
    return sign * doors.read_quantity(text.lstrip("-−") if sign < 0 else text, unit, field=name)


@blueprint.get("/")
@doors.requires(*READERS)
def index(partner_id: UUID) -> ResponseReturnValue:
    """Show what is left of each gift at the end of a day: last month's last, unless asked otherwise."""
    asked = doors.read_query(Day).day
    return _page(partner_id, asked or view.last_month_end(local_day(doors.now())), {})


@blueprint.post("/")
@doors.requires(doors.Role.PARTNER)
def send(partner_id: UUID) -> ResponseReturnValue:
    """Declare what is left of a gift, or correct what was declared."""
    day = view.last_month_end(local_day(doors.now()))
    try:
        sent = doors.read_form(Sent)
        day = sent.as_of
        with doors.services().database.read() as session:
            partner_of(session, partner_id)
            unit = _unit(session, partner_id, sent.allocation_id)
        made = doors.services().database.run(
            declare, partner_id=partner_id, allocation_id=sent.allocation_id, as_of=sent.as_of,
            said=sent.figures(unit), reason=sent.reason, actor=doors.current_staff().actor, now=doors.now(),
        )  # fmt: skip
    except BadInput as error:
        return _page(partner_id, day, dict(doors.faults_of(error))), 422
    except Conflict as error:
        return _page(partner_id, day, {"as_of": doors.said(error)}), 409
    flash(_("Solde enregistré et comparé aux livres de l’association."))
    return redirect(url_for(".index", partner_id=partner_id, day=made.as_of.isoformat()), 303)


def _unit(session: Session, partner_id: UUID, gift: int) -> Unit:
    found = next((Unit(one.unit) for one in view.gifts(session, partner_id) if one.id == gift), None)
    if found is None:
        raise BadInput("Choisissez une de vos dotations.", field="allocation_id")
    return found


def _page(partner_id: UUID, day: date, errors: dict[str, str]) -> str:
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        found = view.rows(session, partner_id, day)
    names = {
        "opening": _("Au début du mois"), "granted": _("Dons reçus"), "delivered": _("Livré"),
        "reversed": _("Repris ou corrigé"), "expired": _("Expiré ou passé en perte"), "returned": _("Rendu"),
        "closing": _("Reste"),
    }  # fmt: skip
    context: dict[str, Any] = {"names": names, "gifts": [(one.gift, one.label) for one in found]}
    chosen = request.form.get("allocation_id") or (found[0].gift if len(found) == 1 else "")
    return render_template(
        "partner/balances.html", partner=partner, rows=found, day=day, errors=errors, chosen=chosen, **context
    )
