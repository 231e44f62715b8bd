"""Step 9 carries lines, claims and differences to their new tables, and back."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from tests.flows.reconciliation.builders import NOON, Wanted, add_orders, make_world
from voucher_service.db import Database
from voucher_service.migrations import runner
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement

LINES = "SELECT line, our_ref, partner_ref, quantity, status, event_at FROM {} ORDER BY line"


def test_lines_claims_and_differences_go_down_and_up_again(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    try:
        with database.begin() as session:
            world = make_world(session)
            (order,) = add_orders(session, world, [Wanted()])
            content = f"our ref;partner ref;montant eur;status;date\n{order};A;10;OK;10/03/2026\nx;B;3;OK;10/03/2026\n"
            statement = import_statement(
                session, partner_id=world.partner_id, file_name="x.csv", content=content.encode(), actor="lea", now=NOON
            )
            before = run(session, statement.id, NOON).figures
            rows = session.execute(text(LINES.format("stated_line"))).all()
        runner.downgrade(database_url, "0008")
        with database.begin() as session:
            assert session.execute(text(LINES.format("statement_line"))).all() == rows
            claims = "SELECT line, matched_by FROM statement_line WHERE order_id IS NOT NULL"
            assert session.execute(text(claims)).all() == [(2, "our_ref")]
            broken = "SELECT line FROM statement_line l JOIN reconciliation_break b ON b.line_id = l.id"
            assert session.scalars(text(broken)).all() == [3]
        runner.upgrade(database_url)
        with database.begin() as session:
            assert session.execute(text(LINES.format("stated_line"))).all() == rows
            again = run(session, statement.id, NOON)
            assert (again.new, again.closed, again.figures) == (0, 0, before)
    finally:
        database.close()
