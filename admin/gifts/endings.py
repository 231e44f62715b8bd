"""The end of gifts: where each stands from thirty days before to thirty-seven after, and what holds it open."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from admin import room
from voucher_service.errors import BadInput, Conflict
from voucher_service.ledger.models import AccountKind
from voucher_service.partners import lists
from voucher_service.partners.ending import calendar, leaving, sign_off
from voucher_service.partners.ending.models import EndStep
from voucher_service.reconciliation.closing import gift_end
from voucher_service.reconciliation.closing.gift_end import Held
from voucher_service.web import doors

blueprint = Blueprint("endings", __name__, url_prefix="/endings")


class StopRule(BaseModel):
    """From which day, and how many days before a gift's end, nothing is issued from it any more."""

    stop_days: int
    effective_from: date


def step_words() -> dict[EndStep, str]:
    """Return what each step is."""
    return {
        EndStep.WARNED: _("30 jours avant la fin : prévenir"),
        EndStep.STOPPED: _("Plus aucun bon émis"),
        EndStep.REMINDED: _("7 jours avant la fin : compter ce qui reste"),
        EndStep.SIGNED_OFF: _("Reste compté et signé"),
        EndStep.ENDED: _("Fin passée : rendre ou passer en perte"),
        EndStep.TOLERATED: _("Fin du mois de tolérance"),
        EndStep.STATEMENT_DUE: _("État contradictoire à faire approuver"),
    }


def advice() -> dict[EndStep | None, str]:
    """Return what to do once each step is reached."""
    return {
        None: _("Rien encore."),
        EndStep.WARNED: _("Émettez ce qui peut l’être, et dites à l’opérateur ce qui restera."),
        EndStep.STOPPED: _("Laissez aboutir les bons déjà émis."),
        EndStep.REMINDED: _("Comptez ce qui reste, avec l’opérateur ; une autre personne signe."),
        EndStep.ENDED: _("Rendez ou passez en perte ce qui reste : deux personnes."),
        EndStep.TOLERATED: _("Ce qui reste ne peut plus que revenir à l’opérateur ou passer en perte."),
        EndStep.STATEMENT_DUE: _("Faites approuver l’état contradictoire, puis closez la dotation."),
    }


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show each gift that ends soon or is over, and what comes next."""
    return _page({})


def hold_words() -> dict[Held, str]:
    """Return what is still to be done before a gift can be closed."""
    return {
        Held.COUNT: _("Compter ce qui reste"),
        Held.SIGN: _("Signer le compte : une autre personne"),
        Held.LEFT: _("Rendre ou passer en perte ce qui reste"),
        Held.PROPOSE: _("Proposer l’état de son dernier mois"),
        Held.AGREE: _("Faire approuver l’état de son dernier mois"),
    }


def _page(faults: dict[str, str]) -> str:
    today = room.today()
    with doors.services().database.read() as session:
        found = calendar.standings(session, today)
        gifts = [one.allocation for one in found]
        told = lists.gifts(session, gifts)
        held = gift_end.holds_of(session, gifts, today)
        givers = {gift.id: lists.partner_of(session, gift) for gift in gifts}
        people = [name for one in found if one.sign_off for name in (one.sign_off.counted_by, one.sign_off.signed_by)]
        people += [hold.responsible for holds in held.values() for hold in holds]
        context: dict[str, Any] = {
            "rule": calendar.calendar_on(session, today), "who": room.who(session, people), "held": held,
            "givers": givers, "words_of": hold_words(), "steps": step_words(), "advice": advice(), "errors": faults,
        }  # fmt: skip
    rows = list(zip(found, told, strict=True))
    return room.page("gifts/endings", rows=rows, Step=EndStep, Kind=AccountKind, Held=Held, me=room.actor(), **context)


@blueprint.post("/<int:allocation_id>/count")
@room.WRITE
def count(allocation_id: int) -> ResponseReturnValue:
    """Note that what is left was counted."""
    try:
        doors.services().database.run(sign_off.count, allocation_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.endings.index")
    return room.done(_("Noté : une autre personne peut signer."), "admin.endings.index")


@blueprint.post("/<int:allocation_id>/sign")
@room.WRITE
def sign(allocation_id: int) -> ResponseReturnValue:
    """Sign what another person has counted."""
    try:
        doors.services().database.run(sign_off.sign, allocation_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.endings.index")
    return room.done(_("Signé : le reste est compté par deux personnes."), "admin.endings.index")


@blueprint.post("/stop")
@room.WRITE
def stop() -> ResponseReturnValue:
    """Set from a day on how early nothing is issued from a gift that ends."""
    try:
        sent = doors.read_form(StopRule)
        doors.services().database.run(
            calendar.set_stop, stop_days=sent.stop_days, effective_from=sent.effective_from, today=room.today()
        )
    except BadInput as error:
        return _page(dict(doors.faults_of(error))), 422
    room.log("end_calendar_set", stop_days=sent.stop_days, effective_from=sent.effective_from.isoformat())
    return room.done(_("La règle est enregistrée."), "admin.endings.index")


@blueprint.post("/<int:allocation_id>/leavings/<uuid:leaving_id>/agree")
@room.WRITE
def agree(allocation_id: int, leaving_id: UUID) -> ResponseReturnValue:
    """Agree that value leaves a gift."""
    try:
        doors.services().database.run(leaving.agree, leaving_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.allocations.show", allocation_id=allocation_id)
    flash(_("Accord donné : c’est écrit dans les comptes."), "ok")
    return redirect(url_for("admin.allocations.show", allocation_id=allocation_id), 303)


@blueprint.post("/<int:allocation_id>/leavings/<uuid:leaving_id>/withdraw")
@room.WRITE
def withdraw(allocation_id: int, leaving_id: UUID) -> ResponseReturnValue:
    """Take a proposal back, one's own or another's."""
    try:
        doors.services().database.run(leaving.withdraw, leaving_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.allocations.show", allocation_id=allocation_id)
    told = _("La proposition est retirée : rien n’a changé.")
    return room.done(told, "admin.allocations.show", allocation_id=allocation_id)
