"""Conflicts of the paper log: a line keyed in later, of a voucher that the books know otherwise."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin import room
from admin.counter.unsettled import OPENINGS, Opening, Settlement, settling
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.staff.lists import branch_names
from voucher_service.visits.offline import closing
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.paper.keying import read_kept
from voucher_service.visits.paper.models import EmergencyPack, PaperLine
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("paper", __name__, url_prefix="/paper")


@blueprint.get("/<uuid:line_id>")
@room.READ
def show(line_id: UUID) -> ResponseReturnValue:
    """Show one with both facts."""
    return _page(line_id)


@blueprint.post("/<uuid:line_id>/content")
@room.WRITE
def reveal(line_id: UUID) -> ResponseReturnValue:
    """Open what the line holds sealed, for a purpose that is logged. The answer is the page."""
    doors.throttle().spend(OPENINGS, room.actor())
    try:
        sent = doors.read_form(Opening)
    except doors.BadForm as error:
        return _page(line_id, errors=error.faults), 422
    with doors.services().database.read() as session:
        content = read_kept(doors.services().vault, _line(session, line_id))
    room.log("paper_content_opened", line=str(line_id), purpose=sent.purpose.value)
    return _page(line_id, content=content)


@blueprint.post("/<uuid:line_id>/settle")
@room.WRITE
def settle(line_id: UUID) -> ResponseReturnValue:
    """Close it with a word on what was done."""
    with doors.services().database.read() as session:
        _line(session, line_id)
    try:
        sent = doors.read_form(Settlement)
        doors.services().database.run(closing.close, line_id, note=sent.note, actor=room.actor(), now=doors.now())
    except BadInput as error:
        return _page(line_id, errors=doors.faults_of(error)), 422
    except Conflict as error:
        return room.refused(error, "admin.paper.show", line_id=line_id)
    room.log("paper_line_settled", line=str(line_id))
    return room.done(_("La ligne de papier est réglée."), "admin.offline.index")


def _line(session: Session, line_id: UUID) -> PaperLine:
    line = session.get(PaperLine, line_id)
    if line is None or line.status != Status.CONFLICT.value:
        raise NotFound(_("Ce passage n’attend personne : revenez à la liste."))
    return line


def _page(line_id: UUID, *, content: dict[str, Any] | None = None, errors: dict[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        line = _line(session, line_id)
        pack = session.get_one(EmergencyPack, line.pack_id)
        voucher = session.get_one(Voucher, line.voucher_id)
        place = branch_names(session)[pack.branch_id]
        keyed_by = f"staff:{line.staff_id}"
        who = room.who(session, [line.closed_by, keyed_by])
    said = [
        (_("Remis le"), doors.say_moment(line.handed_at, "short")),
        (_("Carnet"), str(pack.number)),
        (_("Page et ligne"), f"{line.page} · {line.line}"),
        (_("Antenne"), place),
        (_("Par (initiales)"), line.initials),
        (_("Bon"), reference_of(voucher)),
        (_("Saisi le"), doors.say_moment(line.keyed_at, "short")),
        (_("Saisi par"), who[keyed_by]),
    ]
    return room.page(
        "counter/paper_line",
        line=line,
        said=said,
        voucher=voucher,
        who=who,
        **settling(line, content, errors),
    )
