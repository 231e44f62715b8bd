"""Breaks for partners' programs: list and filter them, read what was written, write a note."""

from __future__ import annotations

from uuid import UUID

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation.work import notes, worklist
from voucher_service.reconciliation.work.models import Side
from voucher_service.reconciliation.work.worklist import Wanted
from voucher_service.web import doors
from voucher_service.web.api import break_schemas as schemas
from voucher_service.web.api.describe import Description, described
from voucher_service.web.api.door import as_json, blueprint, next_page, query
from voucher_service.web.api.once import once
from voucher_service.web.api.schemas import Asked


@blueprint.get("/breaks")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(
    Description(
        "Your breaks across all statements, with class, age and what both sides say.",
        answer=schemas.BreaksOut,
        query=schemas.AskedBreaks,
    )
)
def breaks() -> ResponseReturnValue:
    """List the partner's breaks, most urgent first."""
    asked = query(schemas.AskedBreaks)
    wanted = Wanted(
        partner_id=doors.key_holder().partner_id, kind=asked.kind, priority=asked.priority, age=asked.age,
        open=asked.open, page=asked.page,
    )  # fmt: skip
    with doors.services().database.read() as session:
        found, total = worklist.worklist(session, wanted, doors.now())
    items = [schemas.BreakOut.of_item(item) for item in found]
    return as_json(schemas.BreaksOut(items=items, total=total, next=next_page(asked.page, total)))


@blueprint.get("/breaks/<uuid:break_id>")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(Description("One break.", answer=schemas.BreakOut))
def one_break(break_id: UUID) -> ResponseReturnValue:
    """Tell one break of the partner."""
    with doors.services().database.read() as session:
        item = worklist.item_of(session, break_id, doors.now(), partner_id=doors.key_holder().partner_id)
    return as_json(schemas.BreakOut.of_item(item))


@blueprint.get("/breaks/<uuid:break_id>/notes")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(Description("What happened to a break and what both sides wrote.", answer=schemas.StepsOut, query=Asked))
def steps(break_id: UUID) -> ResponseReturnValue:
    """Tell the history of one break of the partner, oldest first."""
    page = query(Asked).page
    with doors.services().database.read() as session:
        worklist.item_of(session, break_id, doors.now(), partner_id=doors.key_holder().partner_id)
        found = notes.history(session, break_id, page)
    items = [schemas.StepOut.of(event) for event in found.items]
    return as_json(schemas.StepsOut(items=items, total=found.total, next=next_page(page, found.total)))


@blueprint.post("/breaks/<uuid:break_id>/notes")
@doors.requires_key(Scope.STATEMENTS_WRITE)
@described(
    Description(
        "Write a note under a break: what you dispute, or what you will correct. The charity reads it.",
        answer=schemas.StepOut,
        status=201,
        body=schemas.NoteIn,
    )
)
def write(break_id: UUID) -> ResponseReturnValue:
    """Write a note under one break of the partner."""
    return once(201, _write, break_id, doors.read_form(schemas.NoteIn).words)


def _write(session: Session, break_id: UUID, words: str) -> schemas.StepOut:
    holder = doors.key_holder()
    note = notes.add_note(
        session, break_id, words=words, side=Side.PARTNER, actor=holder.actor, now=doors.now(),
        partner_id=holder.partner_id,
    )  # fmt: skip
    return schemas.StepOut.of(note)
