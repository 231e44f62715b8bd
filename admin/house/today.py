"""The first page: what needs a person, four figures, one chart."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from admin import room
from voucher_service.impact import figures
from voucher_service.impact.today import needs
from voucher_service.partners import lists
from voucher_service.web import doors

blueprint = Blueprint("today", __name__)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show what needs a person first, then how the programme goes."""
    with doors.services().database.read() as session:
        waiting = needs(session, room.today())
        board = figures.dashboard(session, doors.now())
        names = lists.names(session)
        any_gift = session.scalar(lists.gifts_query().limit(1)) is not None
    points = [(doors.say_day(first, "MMM"), month.visits) for first, month in board.months]
    return room.page(
        "house/today",
        needs=waiting,
        board=board,
        points=points,
        steps=_first_steps(names, any_gift=any_gift),
        month=board.months[-1][0],
        live=sum(one.vouchers for one in board.live.values()),
    )


def _first_steps(names: lists.Names, *, any_gift: bool) -> dict[str, bool]:
    """Which first steps of a programme are done; shown until all are."""
    steps = {
        "partner": bool(names.partners),
        "gift": any_gift,
        "offer": bool(names.offers),
        "campaign": bool(names.campaigns),
    }
    return {} if all(steps.values()) else steps
