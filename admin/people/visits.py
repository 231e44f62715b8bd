"""Visits: when people were received, and what they answered. Never who they are."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room
from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import PROGRAMME_ZONE, local_day
from voucher_service.partners import lists as partner_lists
from voucher_service.partners.policies import policy_on
from voucher_service.people.models import Person
from voucher_service.staff.lists import branch_names
from voucher_service.visits import lists
from voucher_service.visits.models import Visit, VisitUndo
from voucher_service.visits.paper.packs import place_of
from voucher_service.visits.questions import DEFAULT_QUESTIONS, Question
from voucher_service.web import doors

blueprint = Blueprint("visits", __name__, url_prefix="/visits")


class VisitFilter(BaseModel):
    """The filters above the list: a branch, a day, or every day since one."""

    branch_id: int | None = Field(default=None, ge=1, lt=2**31)
    day: date | None = None
    since: date | None = None


def starts(day: date) -> datetime:
    """Return the instant at which a day begins where the branches are."""
    return datetime.combine(day, time(), PROGRAMME_ZONE)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List visits, the newest first."""
    wanted = doors.read_query(VisitFilter)
    since = wanted.day or wanted.since
    # The last day a calendar knows has no tomorrow.
    ends = starts(wanted.day + timedelta(days=1)) if wanted.day and wanted.day < date.max else None
    with doors.services().database.read() as session:
        query = lists.visits_query(branch_id=wanted.branch_id, since=starts(since) if since else None, before=ends)
        found = doors.page_of(session, query, by=Visit.id, parse=UUID)
        places = branch_names(session)
        names = partner_lists.names(session)
        who = room.who(session, [f"staff:{visit.staff_id}" for visit in found.items])
    return room.page("people/visits", found=found, wanted=wanted, places=places, names=names, who=who)


@blueprint.get("/<uuid:visit_id>")
@room.READ
def show(visit_id: UUID) -> ResponseReturnValue:
    """Show one visit with its answers. Its note is sealed, and is not read here."""
    with doors.services().database.read() as session:
        visit = session.get(Visit, visit_id)
        if visit is None:
            raise NotFound(_("Ce passage n’existe pas."))
        answers = lists.answers_in_words(_form_of(session, visit), visit.answers, str(get_locale()))
        person = session.get(Person, visit.person_id) if visit.person_id else None
        places = branch_names(session)
        names = partner_lists.names(session)
        undo = session.get(VisitUndo, visit_id)
        who = room.who(session, [f"staff:{visit.staff_id}"])
        paper = place_of(session, visit.scan_id) if visit.scan_id else None
    return room.page(
        "people/visit",
        visit=visit,
        undo=undo,
        channel=_channel(paper),
        answers=answers,
        person=person,
        places=places,
        names=names,
        who=who,
    )


def _channel(paper: tuple[int, int, int] | None) -> str:
    """Return how the visit reached the books."""
    if paper is None:
        return str(_("Au comptoir"))
    pack, page, line = paper
    return str(_("Papier, carnet %(pack)s, page %(page)s, ligne %(line)s", pack=pack, page=page, line=line))


def _form_of(session: Session, visit: Visit) -> list[Question]:
    if visit.campaign_id is None:
        return list(DEFAULT_QUESTIONS)
    try:
        return list(policy_on(session, visit.campaign_id, local_day(visit.occurred_at)).questions)
    except Conflict:
        return list(DEFAULT_QUESTIONS)
