"""Conflicts of the paper log: what a branch wrote down and the books could not confirm, for a person to settle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from admin import room
from admin.counter import settling
from admin.counter import unsettled_words as words
from admin.counter.settling import Kind, Which
from voucher_service.people.phones import pairs
from voucher_service.staff.lists import branch_names
from voucher_service.visits.offline import closing
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
    return room.page(
        "counter/on_paper",
        found=found,
        wanted=wanted,
        which=settling.choices(),
        packs=packs,
        places=places,
        say=words,
        won=settling.winner,
    )


@blueprint.get("/<uuid:line_id>")
@room.READ
def show(line_id: UUID) -> ResponseReturnValue:
    """Show one with both facts."""
    return _page(line_id)


@blueprint.post("/<uuid:line_id>/content")
@room.WRITE
def reveal(line_id: UUID) -> ResponseReturnValue:
    """Open what was written beside the code."""
    return settling.reveal(_KIND, line_id)


@blueprint.post("/<uuid:line_id>/settle")
@room.WRITE
def settle(line_id: UUID) -> ResponseReturnValue:
    """Close it with a word on what was done."""
    return settling.settle(_KIND, line_id, done=_("Réglé : ce qui était écrit à côté du code est effacé."))


def _page(row_id: UUID, *, content: dict[str, Any] | None = None, errors: Mapping[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        line = session.get(PaperLine, row_id)
        settling.waiting(line)
        assert line is not None, "waiting() has seen it"
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
        who=who,
        **settling.context(_KIND, line, content, _shown(content or {}), errors or {}),
    )


def _shown(content: dict[str, Any]) -> list[tuple[str, object]]:
    number = content.get("number")
    return [
        (_("Numéro à recharger"), pairs(number) if number else ""),
        (_("Prix pris à l’antenne"), doors.say_quantity(int(content.get("paid_cents") or 0), "eur_cent")),
        (_("Remis à la personne"), content.get("handed") or ""),
        (_("Prochain passage"), content.get("next_visit_on") or ""),
    ]


_KIND = Kind(table=PaperLine, name="paper", endpoint="admin.paper", row="line", read_kept=read_kept, page=_page)
