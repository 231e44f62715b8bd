"""Matching a line and a top-up by hand, from the page of a break: proposed, agreed to, set apart, taken back."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.delivery.breaks import act, page_of
from voucher_service.errors import BadInput
from voucher_service.reconciliation.work import pair, worklist
from voucher_service.reconciliation.work.models import Pairing
from voucher_service.web import doors

blueprint = Blueprint("breaks_by_hand", __name__, url_prefix="/breaks/<uuid:break_id>/pairings")

_SPELLED = 36


class Answer(StrEnum):
    """What a person says of the two."""

    SAME = "same"
    APART = "apart"


class Said(BaseModel):
    """Which other side, by the list or by our reference, and what is said of it."""

    answer: Answer
    candidate: UUID | None = None
    order_ref: str = Field(default="", max_length=80)
    pair_note: str = Field(default="", max_length=2000)


class TakenBack(BaseModel):
    """Which answer is taken back, and why."""

    pairing_id: UUID | None = None
    undo_note: str = Field(default="", max_length=2000)


@blueprint.post("/")
@room.WRITE
def say(break_id: UUID) -> ResponseReturnValue:
    """Say that two are the same top-up, or are not."""
    try:
        sent = doors.read_form(Said)
        line_break, order_id = _sides(break_id, sent)
    except BadInput as error:
        return page_of(break_id, dict(doors.faults_of(error))), 422
    work = pair.set_apart if sent.answer is Answer.APART else pair.pair
    return act(break_id, _told, work, line_break, order_id=order_id, note=sent.pair_note, reason="pair_note")


@blueprint.post("/<uuid:pairing_id>/agree")
@room.WRITE
def agree(break_id: UUID, pairing_id: UUID) -> ResponseReturnValue:
    """Agree to what another person proposed."""
    return act(break_id, _("Accord donné : la ligne et la recharge sont rapprochées."), pair.agree_pair, pairing_id)


@blueprint.post("/<uuid:pairing_id>/withdraw")
@room.WRITE
def withdraw(break_id: UUID, pairing_id: UUID) -> ResponseReturnValue:
    """Take a proposal back, one's own or another's."""
    return act(break_id, _("La proposition est retirée : rien n’a changé."), pair.withdraw_pair, pairing_id)


@blueprint.post("/undo")
@room.WRITE
def undo(break_id: UUID) -> ResponseReturnValue:
    """Take back an answer that holds."""
    sent = doors.read_form(TakenBack)
    if sent.pairing_id is None:
        return page_of(break_id, {"pairing_id": _("Choisissez la réponse à annuler.")}), 422
    told = _("La réponse est annulée : ce qui diffère est de nouveau ouvert.")
    return act(break_id, told, pair.undo_pair, sent.pairing_id, note=sent.undo_note, reason="undo_note")


def _told(made: Pairing) -> str:
    """Say whether the two are matched, wait for another person, or are set apart."""
    told: str = (
        _("C’est proposé : une autre personne doit donner son accord.")
        if made.decided_at is None
        else _("C’est fait : la ligne et la recharge sont rapprochées.")
        if made.is_same
        else _("C’est noté : elles ne sont plus proposées ensemble.")
    )
    return told


def _sides(break_id: UUID, sent: Said) -> tuple[UUID, UUID]:
    """Return the break of the line and the order. Raises BadInput, NotFound."""
    with doors.services().database.read() as session:
        one = worklist.item_of(session, break_id, doors.now()).difference
    if one.theirs is None and one.ours is not None:
        if sent.candidate is None:
            raise BadInput("Choisissez la ligne.", field="candidate")
        return sent.candidate, one.ours.order_id
    if ref := sent.order_ref.strip():
        try:
            return break_id, UUID(ref if len(ref) == _SPELLED else "")
        except ValueError as error:
            raise BadInput(
                "Notre référence a 36 signes : copiez-la de la page de la recharge.", field="order_ref"
            ) from error
    if sent.candidate is None:
        raise BadInput("Choisissez la recharge, ou écrivez notre référence.", field="order_ref")
    return break_id, sent.candidate
