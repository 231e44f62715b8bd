"""Step 11 carries lines, claims and differences to their new tables, and back; a closed month stays closed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, add_orders, make_world
from tests.sides import sides
from voucher_service.db import Database
from voucher_service.errors import Conflict
from voucher_service.ids import new_id
from voucher_service.migrations import runner
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Statement, StatementLine
from voucher_service.reconciliation.run import figures, run
from voucher_service.reconciliation.statements import import_statement

LINES = "SELECT {} AS line, partner_ref, quantity, status, event_at FROM {} ORDER BY line"
BELOW, ABOVE = LINES.format("line", "statement_line"), LINES.format("id % 4294967296", "stated_line")

REFUSED_BELOW = (
    "UPDATE statement_line SET quantity = 1",
    "DELETE FROM statement_line WHERE line = 2",
    (
        "INSERT INTO statement_line (statement_id, partner_id, line, unit, quantity, status, event_at) "
        "SELECT statement_id, partner_id, 9, unit, quantity, status, event_at FROM statement_line WHERE line = 2"
    ),
)
REFUSED_ABOVE = (
    (
        "INSERT INTO stated_line (id, unit, quantity, status, event_at) "
        "SELECT id + 7, unit, quantity, status, event_at FROM stated_line WHERE id % 4294967296 = 2"
    ),
    "UPDATE line_claim SET matched_by = 'serial'",
    "DELETE FROM line_claim",
    (
        "INSERT INTO line_claim (order_id, line_id, matched_by) "
        "SELECT (SELECT id FROM partner), id + 1, 'serial' FROM stated_line WHERE id % 4294967296 = 2"
    ),
)
REFUSED_ALWAYS = (
    "UPDATE reconciliation_break SET note = 'x'",
    "DELETE FROM reconciliation_break",
    (
        "INSERT INTO reconciliation_break (id, partner_id, statement_id, line_id, kind, priority, quantity, unit, "
        "found_at) SELECT statement_id, partner_id, statement_id, line_id - 1, kind, priority, quantity, unit, "
        "found_at FROM reconciliation_break"
    ),
)


def close_month(database: Database, partner_id: UUID) -> None:
    """Close March; what was agreed to does not matter here."""
    first = DAY.replace(day=1)
    with database.begin() as session:
        ours, theirs = sides(session, partner_id)
        session.add(
            PeriodClose(
                id=new_id(), partner_id=partner_id, first_day=first, last_day=DAY.replace(day=31), from_at=NOON,
                until_at=NOON + timedelta(days=1), size=1, manifest="", signature=bytes(64), proposed_by=ours,
                proposed_at=NOON, agreed_by=theirs, agreed_at=NOON,
            )
        )  # fmt: skip


def references(session: Session) -> list[tuple[int, str | None]]:
    """Our references as the lines state them."""
    return [(line.line, line.our_ref) for line in session.scalars(select(StatementLine).order_by(StatementLine.id))]


def refused(database: Database, *moves: str) -> None:
    for move in moves:
        with pytest.raises(IntegrityError, match="period is closed"), database.begin() as session:
            session.execute(text(move))


def test_lines_claims_and_differences_go_down_and_up_again(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    try:
        with database.begin() as session:
            world = make_world(session)
            (order,) = add_orders(session, world, [Wanted()])
            content = f"our ref;partner ref;montant eur;status;date\n{order};A;10;OK;10/03/2026\nx;B;3;OK;10/03/2026\n"
            statement = import_statement(
                session,
                vault=VAULT,
                partner_id=world.partner_id,
                file_name="x.csv",
                content=content.encode(),
                actor="lea",
                now=NOON,
            )
            before = run(session, statement.id, NOON).figures
            assert references(session) == (said := [(2, str(order)), (3, "x")])
            rows = session.execute(text(ABOVE)).all()
        close_month(database, world.partner_id)
        refused(database, *REFUSED_ABOVE, *REFUSED_ALWAYS)
        runner.downgrade(database_url, "0010")
        refused(database, *REFUSED_BELOW, *REFUSED_ALWAYS)
        with database.begin() as session:
            assert session.execute(text(BELOW)).all() == rows
            assert session.execute(text("SELECT line, our_ref FROM statement_line ORDER BY line")).all() == said
            claims = "SELECT line, matched_by FROM statement_line WHERE order_id IS NOT NULL"
            assert session.execute(text(claims)).all() == [(2, "our_ref")]
            broken = "SELECT line FROM statement_line l JOIN reconciliation_break b ON b.line_id = l.id"
            assert session.scalars(text(broken)).all() == [3]
        runner.upgrade(database_url)
        refused(database, *REFUSED_ABOVE, *REFUSED_ALWAYS)
        with database.begin() as session:
            assert session.execute(text(ABOVE)).all() == rows
            assert references(session) == said
            assert figures(session, session.get_one(Statement, statement.id)) == before
        with pytest.raises(Conflict), database.begin() as session:
            run(session, statement.id, NOON)
    finally:
        database.close()
