"""The books: every movement, and the independent check of them all."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from admin import room, words
from admin.house.audit_words import rule_words
from admin.people.visits import starts
from voucher_service.ledger import audit, lists
from voucher_service.ledger.models import Reason, Transfer
from voucher_service.partners.lists import notes_of
from voucher_service.web import doors

blueprint = Blueprint("books", __name__, url_prefix="/books")

CHECKS = doors.Rule("admin-audit", tries=6, seconds=60)


class MoveFilter(BaseModel):
    """The filters above the list."""

    book_id: int | None = Field(default=None, ge=1, lt=2**31)
    reason: Reason | None = None
    day: date | None = None


class Run(BaseModel):
    """Whether to run the check now."""

    run: bool = False


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the movements, the newest first."""
    wanted = doors.read_query(MoveFilter)
    since = starts(wanted.day) if wanted.day else None
    before = starts(wanted.day + timedelta(days=1)) if wanted.day and wanted.day < date.max else None
    with doors.services().database.read() as session:
        query = lists.transfers_query(book_id=wanted.book_id, reason=wanted.reason, since=since, before=before)
        moves = doors.page_of(session, query, by=Transfer.id, parse=UUID)
        notes = notes_of(session, [move.id for move in moves.items])
        who = room.who(session, [move.actor for move in moves.items])
    reasons = [(reason.value, words.reason(reason)) for reason in Reason]
    return room.page(
        "house/moves", moves=moves, notes=notes, who=who, wanted=wanted, reasons=reasons, account_of=lists.account_of
    )


@blueprint.get("/check")
@room.READ
def check() -> ResponseReturnValue:
    """Explain the check of the books; with `run`, run it and name each faulty row. It changes nothing."""
    asked = doors.read_query(Run).run
    findings: list[audit.Finding] = []
    if asked:
        doors.throttle().spend(CHECKS, room.actor())
        with doors.services().database.read() as session:
            findings = list(audit.audit(session))
    rules = [rule_words(one.rule) for one in audit.CHECKS]
    told = [(rule_words(one.rule), one.row, one.detail) for one in findings]
    return room.page("house/check_books", asked=asked, findings=told, rules=rules)
