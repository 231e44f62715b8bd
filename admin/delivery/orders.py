"""What needs a person: orders without a clear answer."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.fulfilment import lists
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("orders", __name__, url_prefix="/orders")

TONES = {
    Progress.UNDER_WAY: "wait",
    Progress.CONFIRMED: "ok",
    Progress.CODE_READY: "wait",
    Progress.ARTICLE_READY: "wait",
    Progress.HANDED_OVER: "ok",
    Progress.OUT_OF_STOCK: "check",
    Progress.GIVEN_BACK: "none",
    Progress.UNDONE: "none",
    Progress.TO_CHECK: "check",
    Progress.CLOSED: "none",
}


class OrderFilter(BaseModel):
    """The filters above the list."""

    state: OrderState | None = None
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List orders: those that need a person, or those of one state."""
    wanted = doors.read_query(OrderFilter)
    with doors.services().database.read() as session:
        query = lists.orders_query(state=wanted.state, branch_id=wanted.branch_id)
        found = doors.page_of(session, query, by=Order.id, parse=UUID)
        places = branch_names(session)
    told = [(order, words_of(order)) for order in found.items]
    return room.page("delivery/orders", told=told, found=found, wanted=wanted, places=places, states=_states())


def words_of(order: Order) -> dict[str, str]:
    """Return what is so, and what to do now, in plain words."""
    known = status_words(order)
    if order.state == OrderState.UNKNOWN.value:
        return {
            "tone": "check",
            "sentence": _("L’opérateur n’a pas répondu clairement. Ne pas refaire."),
            "next": _("Le service lui redemande tout seul. Si cela dure plus d’un jour, appelez l’opérateur."),
        }
    return {"tone": TONES[known.word], "sentence": _(known.sentence), "next": _(known.next_step)}


def _states() -> list[tuple[str, str]]:
    return [
        (OrderState.WAITING.value, _("En attente d’envoi")),
        (OrderState.SENDING.value, _("Envoi en cours")),
        (OrderState.ACCEPTED.value, _("Acceptées par l’opérateur")),
        (OrderState.UNKNOWN.value, _("Réponse inconnue")),
        (OrderState.REVERSING.value, _("En cours d’annulation chez l’opérateur")),
        (OrderState.MANUAL.value, _("À traiter à la main")),
        (OrderState.HELD.value, _("Code prêt à montrer")),
        (OrderState.DELIVERED.value, _("Livrées")),
        (OrderState.GIVEN_BACK.value, _("Refusées, rendues au bon")),
        (OrderState.REVERSED.value, _("Reprises par l’opérateur")),
        (OrderState.LOST.value, _("Abandonnées")),
    ]
