"""One top-up: everything that was tried, and, when only people can end it, how two of them do."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin import room
from admin.delivery.order_words import codes, endings, kinds, outcomes
from admin.delivery.orders import words_of
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment import closing
from voucher_service.fulfilment.around import Callback, Ending
from voucher_service.fulfilment.decide import INTERNAL_FAILURES
from voucher_service.fulfilment.models import Attempt, Order, OrderState
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("order", __name__, url_prefix="/orders")
MOST = 100


class Proposal(BaseModel):
    """How the order shall end, and what is established."""

    ending: Ending
    note: str = Field(default="", max_length=2000)


def _fresh(session: Session, order_id: UUID) -> Order:
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound("Cette recharge n’existe pas : revenez à la liste.")
    return order


@blueprint.get("/<uuid:order_id>")
@room.READ
def show(order_id: UUID) -> ResponseReturnValue:
    """Show the order, each attempt, each callback, and what two people decided or may decide."""
    return _page(order_id, {})


def _page(order_id: UUID, faults: dict[str, str]) -> str:
    with doors.services().database.read() as session:
        order = _fresh(session, order_id)
        attempts = select(Attempt).where(Attempt.order_id == order_id).order_by(Attempt.number.desc()).limit(MOST)
        calls = select(Callback).where(Callback.order_id == order_id).order_by(Callback.id.desc()).limit(MOST)
        proposals = closing.closings(session, [order_id])[order_id]
        people = [person for one in proposals for person in (one.proposed_by, one.decided_by)]
        context = {
            "attempts": session.scalars(attempts).all(),
            "callbacks": session.scalars(calls).all(),
            "place": branch_names(session).get(order.branch_id, ""),
            "who": room.who(session, people),
        }
    pending = next((one for one in proposals if one.decided_at is None), None)
    return room.page(
        "delivery/order",
        order=order,
        said=words_of(order),
        kinds=kinds(),
        outcomes=outcomes(),
        codes=codes(),
        endings=[(ending.value, endings(order)[ending]) for ending in closing.endings_of(order)],
        ending_words=endings(order),
        pending=pending,
        own=pending is not None and pending.proposed_by == room.actor(),
        past=[one for one in proposals if one.decided_at is not None],
        can_try_again=order.state == OrderState.MANUAL and order.outcome_code == INTERNAL_FAILURES,
        errors=faults,
        **context,
    )


@blueprint.post("/<uuid:order_id>/propose")
@room.WRITE
def propose(order_id: UUID) -> ResponseReturnValue:
    """Propose how the order ends."""
    try:
        sent = doors.read_form(Proposal)
        doors.services().database.run(
            closing.propose, order_id, ending=sent.ending, note=sent.note, actor=room.actor(), now=doors.now()
        )
    except BadInput as error:
        return _page(order_id, dict(doors.faults_of(error))), 422
    except Conflict as error:
        return room.refused(error, "admin.order.show", order_id=order_id)
    room.log("closing_proposed", order=str(order_id), ending=sent.ending.value)
    return room.done(_("Proposé : une autre personne doit donner son accord."), "admin.order.show", order_id=order_id)


@blueprint.post("/<uuid:order_id>/closings/<uuid:closing_id>/agree")
@room.WRITE
def agree(order_id: UUID, closing_id: UUID) -> ResponseReturnValue:
    """Agree to what another person proposed: the order ends so."""
    try:
        doors.services().database.run(closing.agree, closing_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.order.show", order_id=order_id)
    room.log("closing_agreed", order=str(order_id))
    return room.done(_("La recharge est close, les comptes ont suivi."), "admin.order.show", order_id=order_id)


@blueprint.post("/<uuid:order_id>/closings/<uuid:closing_id>/withdraw")
@room.WRITE
def withdraw(order_id: UUID, closing_id: UUID) -> ResponseReturnValue:
    """Take a proposal back, one's own or another's."""
    try:
        doors.services().database.run(closing.withdraw, closing_id, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.order.show", order_id=order_id)
    return room.done(_("La proposition est retirée : rien n’a changé."), "admin.order.show", order_id=order_id)


@blueprint.post("/<uuid:order_id>/again")
@room.WRITE
def again(order_id: UUID) -> ResponseReturnValue:
    """Give an order that failed on our side back to the workers."""
    try:
        doors.services().database.run(closing.try_again, order_id, now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.order.show", order_id=order_id)
    doors.nudge(order_id)
    return room.done(_("Reprise : le service s’en occupe de nouveau."), "admin.order.show", order_id=order_id)
