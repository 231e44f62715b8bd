"""Conflicts of the paper log: what a branch wrote down and the books could not confirm, for a person to settle."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from admin import room
from admin.counter import unsettled_words as words
from admin.counter.unsettled import OPENINGS, Opening, Settlement, Which, purposes, winner
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.people.phones import pairs
from voucher_service.staff.lists import branch_names
from voucher_service.visits.offline import closing
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.paper.keying import read_kept
from voucher_service.visits.paper.models import EmergencyPack, PaperLine
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("paper", __name__, url_prefix="/offline/paper")


class LineFilter(BaseModel):
    """The filter above the list."""

    which: Which = Which.WAITING


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the lines that wait for a person, or those that were settled, the newest first."""
    wanted = doors.read_query(LineFilter)
    with doors.services().database.read() as session:
        query = closing.paper_query(settled=wanted.which is Which.SETTLED)
        found = doors.page_of(session, query, by=PaperLine.id, parse=UUID)
        packs = {line.pack_id: session.get_one(EmergencyPack, line.pack_id) for line in found.items}
        places = branch_names(session)
    which = [(Which.WAITING.value, _("À régler")), (Which.SETTLED.value, _("Réglés"))]
    return room.page(
        "counter/on_paper", found=found, wanted=wanted, which=which, packs=packs, places=places, say=words, won=winner
    )


@blueprint.get("/<uuid:line_id>")
@room.READ
def show(line_id: UUID) -> ResponseReturnValue:
    """Show one with both facts."""
    return _page(line_id)


@blueprint.post("/<uuid:line_id>/content")
@room.WRITE
def reveal(line_id: UUID) -> ResponseReturnValue:
    """Open what was written beside the code, for a purpose that is logged."""
    doors.throttle().spend(OPENINGS, room.actor())
    try:
        sent = doors.read_form(Opening)
    except doors.BadForm as error:
        return _page(line_id, errors=error.faults), 422
    with doors.services().database.read() as session:
        content = read_kept(doors.services().vault, _line(session.get(PaperLine, line_id)))
    room.log("paper_content_opened", line=str(line_id), purpose=sent.purpose.value)
    return _page(line_id, content=content)


@blueprint.post("/<uuid:line_id>/settle")
@room.WRITE
def settle(line_id: UUID) -> ResponseReturnValue:
    """Close it with a word on what was done."""
    try:
        sent = doors.read_form(Settlement)
        doors.services().database.run(closing.close, line_id, note=sent.note, actor=room.actor(), now=doors.now())
    except BadInput as error:
        return _page(line_id, errors=doors.faults_of(error)), 422
    except Conflict as error:
        return room.refused(error, "admin.paper.show", line_id=line_id)
    room.log("paper_line_settled", line=str(line_id))
    return room.done(_("Réglé : ce qui était écrit à côté du code est effacé."), "admin.paper.index")


def _line(line: PaperLine | None) -> PaperLine:
    if line is None or line.status == Status.CONFIRMED.value:
        raise NotFound(_("Ce passage n’attend personne : revenez à la liste."))
    return line


def _page(line_id: UUID, *, content: dict[str, Any] | None = None, errors: dict[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        line = _line(session.get(PaperLine, line_id))
        pack = session.get_one(EmergencyPack, line.pack_id)
        voucher = session.get_one(Voucher, line.voucher_id)
        place = branch_names(session)[pack.branch_id]
        who = room.who(session, [line.closed_by, f"staff:{line.staff_id}"])
    return room.page(
        "counter/paper_line",
        line=line,
        pack=pack,
        voucher=voucher,
        reference=reference_of(voucher),
        place=place,
        won=winner(line),
        sealed=line.content_sealed is not None,
        content=content,
        shown=_shown(content) if content else [],
        purposes=purposes(),
        errors=errors or {},
        who=who,
        say=words,
    )


def _shown(content: dict[str, Any]) -> list[tuple[str, object]]:
    number = content.get("number")
    return [
        (_("Numéro à recharger"), pairs(number) if number else ""),
        (_("Prix pris à l’antenne"), doors.say_quantity(int(content.get("paid_cents") or 0), "eur_cent")),
        (_("Remis à la personne"), content.get("handed") or ""),
        (_("Prochain passage"), content.get("next_visit_on") or ""),
    ]
