"""The routes of `/api/v1`. Each sees its own partner only; another's things do not exist for it."""

from __future__ import annotations

import hashlib
from uuid import UUID

from flask import current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import UnsupportedMediaType

from voucher_service.errors import BadFile, BadInput
from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.allocations import allocation_page, reports
from voucher_service.reconciliation.books.draw_down import gift_of
from voucher_service.reconciliation.reader.light import let_go, light_faults
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement, known_statement
from voucher_service.web import doors
from voucher_service.web.api import schemas
from voucher_service.web.api.describe import Description, described, description_of
from voucher_service.web.api.door import PAGE, as_json, blueprint, next_page, query
from voucher_service.web.api.examples import STATEMENT_CSV
from voucher_service.web.api.once import once, sent_body

FILES = (
    "text/csv",
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)


@blueprint.get("/openapi.json")
@doors.public
@described(Description("This description, in OpenAPI 3.1.", answer=None))
def openapi() -> ResponseReturnValue:
    """Describe the API; the same for everyone."""
    return jsonify(description_of(current_app, blueprint.name))


@blueprint.get("/allocations")
@doors.requires_key(Scope.BOOKS_READ)
@described(Description("What became of each of your gifts.", answer=schemas.AllocationsOut, query=schemas.Asked))
def allocations() -> ResponseReturnValue:
    """List the partner's gifts, oldest first."""
    page = query(schemas.Asked).page
    with doors.services().database.read() as session:
        gifts, total = allocation_page(session, doors.key_holder().partner_id, page, PAGE)
    items = [schemas.AllocationOut.of(gift) for gift in gifts]
    return as_json(schemas.AllocationsOut(items=items, total=total, next=next_page(page, total)))


@blueprint.get("/allocations/<int:allocation_id>")
@doors.requires_key(Scope.BOOKS_READ)
@described(Description("What became of one gift.", answer=schemas.AllocationOut))
def allocation(allocation_id: int) -> ResponseReturnValue:
    """Tell one gift of the partner."""
    with doors.services().database.read() as session:
        gift = gift_of(session, doors.key_holder().partner_id, allocation_id)
        (told,) = reports(session, [gift])
    return as_json(schemas.AllocationOut.of(told))


@blueprint.get("/statements")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(Description("Your statements and how far each agrees.", answer=schemas.StatementsOut, query=schemas.Asked))
def statements() -> ResponseReturnValue:
    """List the partner's statements, newest first."""
    page = query(schemas.Asked).page
    with doors.services().database.read() as session:
        rows, total = queries.statements(session, doors.key_holder().partner_id, page=page)
    items = [schemas.StatementOut.of(row) for row in rows]
    return as_json(schemas.StatementsOut(items=items, total=total, next=next_page(page, total)))


@blueprint.get("/statements/<uuid:statement_id>")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(Description("One statement and how far it agrees.", answer=schemas.StatementOut))
def statement(statement_id: UUID) -> ResponseReturnValue:
    """Tell one statement of the partner."""
    with doors.services().database.read() as session:
        return as_json(_statement(session, doors.key_holder().partner_id, statement_id))


@blueprint.get("/statements/<uuid:statement_id>/differences")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(
    Description(
        "The differences of a statement, each with its class and what both sides say.",
        answer=schemas.DifferencesOut,
        query=schemas.AskedDifferences,
    )
)
def differences(statement_id: UUID) -> ResponseReturnValue:
    """List the differences of one of the partner's statements, most urgent first."""
    asked = query(schemas.AskedDifferences)
    resolved = None if asked.open is None else not asked.open
    with doors.services().database.read() as session:
        of = queries.statement_of(session, doors.key_holder().partner_id, statement_id)
        found, total = queries.differences(session, of, kind=asked.kind, resolved=resolved, page=asked.page)
    items = [schemas.DifferenceOut.of(one) for one in found]
    return as_json(schemas.DifferencesOut(items=items, total=total, next=next_page(asked.page, total)))


@blueprint.post("/statements")
@doors.requires_key(Scope.STATEMENTS_WRITE, upload=True)
@described(
    Description(
        "Send a statement: the file is the body. CSV or XLSX, kept whole or refused whole, and reconciled at once.",
        answer=schemas.StatementOut,
        status=201,
        query=schemas.AskedUpload,
        takes=FILES,
        conflicts=("statement_number_taken", "statement_replaced", "period_closed"),
        misses=True,
        sample=STATEMENT_CSV,
    )
)
def upload() -> ResponseReturnValue:
    """Import and reconcile the file that is the body; the same file again answers with the first."""
    if request.mimetype not in FILES:
        raise UnsupportedMediaType
    asked = query(schemas.AskedUpload)
    if (asked.first_day is None) != (asked.last_day is None):
        missing = "first_day" if asked.first_day is None else "last_day"
        raise BadInput("Donnez les deux jours de la période, ou aucun.", field=missing)
    try:
        with light_faults():
            answer = once(201, _import, asked)
    except BadFile:
        let_go(g.pop("body", b""))
        raise
    if g.get("known_before"):
        answer.headers["Statement-Known-Before"] = "true"
    return answer


def _import(session: Session, asked: schemas.AskedUpload) -> schemas.StatementOut:
    holder, now = doors.key_holder(), doors.now()
    period = (asked.first_day, asked.last_day) if asked.first_day and asked.last_day else None
    content = sent_body()
    known = known_statement(session, holder.partner_id, hashlib.sha256(content).digest())
    if known is not None:
        g.known_before = True
        return _statement(session, holder.partner_id, known.id)
    kept = import_statement(
        session,
        vault=doors.services().vault,
        partner_id=holder.partner_id,
        file_name=asked.file_name,
        content=content,
        actor=holder.actor,
        now=now,
        period=period,
        number=asked.number,
        replaces=asked.replaces,
    )
    run(session, kept.id, now)
    return _statement(session, holder.partner_id, kept.id)


def _statement(session: Session, partner_id: UUID, statement_id: UUID) -> schemas.StatementOut:
    found = queries.statement_of(session, partner_id, statement_id)
    return schemas.StatementOut.of(queries.row_of(session, found))
