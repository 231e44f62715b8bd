"""Keep a partner's statement: the file as it came, and its canonical lines."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from voucher_service.db import Base
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.models import Statement, StatementLine
from voucher_service.reconciliation.reader.read import Line, Parsed, read

# The table, not the class: the ORM would send one statement each time the pattern of empty cells changes.
_INSERT = insert(Base.metadata.tables[StatementLine.__tablename__])
_CHUNK = 5_000  # rows built at a time: the lines of a big file must not stand twice in memory


def import_statement(
    session: Session,
    *,
    partner_id: UUID,
    file_name: str,
    content: bytes,
    actor: str,
    now: datetime,
    period: tuple[date, date] | None = None,
) -> Statement:
    """Keep the file and its lines. The same content again changes nothing and answers with the first.

    `period` is the first and last day the file speaks for, in Europe/Paris; without it, the days of its first
    and last line. A delivery of ours on a day no file speaks for is never looked for.

    Raises:
        BadFile: the file is rejected whole, with line, column and remedy.
        BadInput: the period ends before it begins.
        NotFound: no such partner.
    """
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    digest = hashlib.sha256(content).digest()
    known = session.scalar(select(Statement).where(Statement.partner_id == partner_id, Statement.file_sha256 == digest))
    if known is not None:
        return known
    parsed = read(content)
    first_day, last_day = _period(parsed, period)
    statement = Statement(
        id=new_id(),
        partner_id=partner_id,
        file_name="".join(c for c in file_name if c.isprintable())[-200:] or "releve.csv",
        file_sha256=digest,
        content=content,
        first_day=first_day,
        last_day=last_day,
        line_count=len(parsed.lines),
        uploaded_by=actor,
        uploaded_at=now,
    )
    session.add(statement)
    session.flush()
    for start in range(0, len(parsed.lines), _CHUNK):
        batch = [_row(statement, line) for line in parsed.lines[start : start + _CHUNK]]
        session.execute(_INSERT, batch)
    if session.get_bind().dialect.name == "postgresql":
        # The planner knows nothing of rows written just now, and would match them one by one.
        session.execute(text("ANALYZE statement_line"))
    return statement


def _period(parsed: Parsed, period: tuple[date, date] | None) -> tuple[date, date]:
    if period is None:
        return parsed.first_day, parsed.last_day
    first_day, last_day = period
    if last_day < first_day:
        raise BadInput("La période finit avant de commencer : corrigez les dates.", field="last_day")
    for line in parsed.lines:
        if not first_day <= local_day(line.event_at) <= last_day:
            raise BadFile(
                "cette date est hors de la période du {first_day:%d/%m/%Y} au {last_day:%d/%m/%Y} : "
                "corrigez la période ou le fichier.",
                line=line.line,
                column="date",
                first_day=first_day,
                last_day=last_day,
            )
    return period


def _row(statement: Statement, line: Line) -> dict[str, object]:
    return {
        "statement_id": statement.id,
        "partner_id": statement.partner_id,
        "line": line.line,
        "our_ref": line.our_ref,
        "partner_ref": line.partner_ref,
        "serial": line.serial,
        "unit": line.unit.value,
        "quantity": line.quantity,
        "status": line.status.value,
        "event_at": line.event_at,
    }
