"""Nothing that a closed month covers moves: the database itself refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.closing.month import agree, march, propose, settled, statement
from tests.databases import fresh_sqlite
from tests.programme import Programme
from voucher_service.ids import new_id
from voucher_service.ledger.models import Transfer
from voucher_service.reconciliation.models import StatementIntake, StatementLine, in_statement


def close_march(programme: Programme) -> tuple[Programme, UUID]:
    """A closed March with a statement in it, and a statement of April beside it."""
    march(programme)
    statement_id, difference = statement(programme)
    statement(programme, date(2026, 4, 1))
    settled(programme, difference)
    agree(programme, propose(programme))
    return programme, statement_id


@pytest.fixture
def closed(programme: Programme) -> tuple[Programme, UUID]:
    """A closed March of one's own."""
    return close_march(programme)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Programme, UUID]]:
    """A closed March for tests that leave it as it was."""
    if request.param == "sqlite":
        url = fresh_sqlite(tmp_path_factory.mktemp("closed"))
    else:
        url = request.getfixturevalue("module_postgres_url")
    programme = Programme.make(url)
    yield close_march(programme)
    programme.database.close()


MOVES = {
    "period_close changed": "UPDATE period_close SET size = size + 1",
    "period_close reopened": "UPDATE period_close SET agreed_by = NULL, agreed_at = NULL",
    "period_close deleted": "DELETE FROM period_close",
    "line changed": "UPDATE stated_line SET quantity = 1 WHERE id = :second",
    "line deleted": "DELETE FROM stated_line WHERE id = :second",
    "line moved out": "UPDATE stated_line SET id = id + 4294967296 WHERE id = :second",
    "line added": "INSERT INTO stated_line (id, unit, quantity, status, event_at) "
    "SELECT id + 6, unit, quantity, status, event_at FROM stated_line WHERE id = :second",
    "claim changed": "UPDATE line_claim SET matched_by = 'serial' WHERE line_id = :second",
    "claim deleted": "DELETE FROM line_claim WHERE line_id = :second",
    "claim added": "INSERT INTO line_claim (order_id, line_id, matched_by) "
    "SELECT :n, id, 'serial' FROM stated_line WHERE id = :first",
    "claim moved in": "UPDATE line_claim SET line_id = :first WHERE line_id <> :second",
    "claim moved out": "UPDATE line_claim SET line_id = 7 WHERE line_id = :second",
    "break changed": "UPDATE reconciliation_break SET note = NULL WHERE statement_id = :s AND line_id = :first",
    "break reopened": "UPDATE reconciliation_break SET resolved_by = NULL, resolved_at = NULL "
    "WHERE statement_id = :s AND line_id = :first",
    "break deleted": "DELETE FROM reconciliation_break WHERE statement_id = :s AND line_id IS NULL",
    "break renamed": "UPDATE reconciliation_break SET kind = 'missing_at_partner' WHERE statement_id = :s "
    "AND line_id IS NULL",
    "break without a statement added": "INSERT INTO reconciliation_break (id, partner_id, order_id, kind, priority, "
    "quantity, unit, found_at) SELECT :n, b.partner_id, (SELECT id FROM top_up_order o WHERE o.id NOT IN "
    "(SELECT order_id FROM reconciliation_break WHERE order_id IS NOT NULL) LIMIT 1), 'late_delivery', 1, quantity, "
    "unit, :march FROM reconciliation_break b WHERE statement_id = :s AND line_id = :first",
    "break added": "INSERT INTO reconciliation_break (id, partner_id, statement_id, line_id, kind, priority, quantity, "
    "unit, found_at) SELECT :n, partner_id, :s, :second, "
    "kind, priority, quantity, unit, found_at FROM reconciliation_break WHERE statement_id = :s AND line_id = :first",
    "break moved in": "UPDATE reconciliation_break SET statement_id = :s "
    "WHERE statement_id <> :s AND line_id IS NOT NULL",
    "statement changed": "UPDATE statement SET line_count = 9 WHERE id = :s",
    "statement deleted": "DELETE FROM statement WHERE id = :s",
    "statement added": "INSERT INTO statement (id, partner_id, file_name, file_sha256, content, first_day, last_day, "
    "line_count, uploaded_by, uploaded_at) SELECT :n, partner_id, file_name, :h, content, first_day, last_day, "
    "line_count, uploaded_by, uploaded_at FROM statement WHERE id = :s",
    "transfer changed": "UPDATE transfer SET quantity = quantity + 1",
    "transfer deleted": "DELETE FROM transfer",
    "transfer dated back": "INSERT INTO transfer (id, key, request_hash, unit, quantity, source_id, destination_id, "
    "reason, object_kind, object_id, actor, occurred_at, recorded_at) SELECT :n, 'back', request_hash, unit, 1, "
    "source_id, destination_id, reason, object_kind, object_id, actor, occurred_at, recorded_at FROM transfer "
    "WHERE reason = 'received'",
}


def move(session: Session, programme: Programme, statement_id: UUID, name: str) -> int:
    """Do what MOVES says, and return how many rows it moved."""
    ids = {"s": statement_id, "n": new_id()}
    given: dict[str, object] = {key: one.hex if programme.database.is_sqlite else one for key, one in ids.items()}
    lines = (
        select(StatementLine.id)
        .join(StatementIntake, in_statement())
        .where(StatementIntake.statement_id == statement_id)
    )
    given |= dict(zip(("first", "second"), session.scalars(lines), strict=True)) | {
        "h": bytes(32),
        "march": "2026-03-15T09:00:00.000000",
    }
    used = {key: value for key, value in given.items() if re.search(rf":{key}\b", MOVES[name])}
    return session.execute(text(MOVES[name]), used).rowcount  # type: ignore[attr-defined,no-any-return]  # text


def try_move(programme: Programme, statement_id: UUID, name: str) -> None:
    """Move, and take it back: the next one finds the month as it was."""
    with programme.database.begin() as session:
        move(session, programme, statement_id, name)
        session.rollback()


@pytest.mark.parametrize("name", MOVES)
def test_nothing_in_a_closed_period_moves(shut: tuple[Programme, UUID], name: str) -> None:
    with pytest.raises(DBAPIError, match=r"period is closed|written once"):
        try_move(*shut, name)


def test_outside_the_closed_period_everything_moves(closed: tuple[Programme, UUID]) -> None:
    programme, _ = closed
    programme.issue()
    with programme.database.begin() as session:
        session.execute(
            text("UPDATE line_claim SET matched_by = 'serial' WHERE line_id IN (SELECT l.id FROM stated_line l "
                 "JOIN intake i ON i.number = l.id / 4294967296 "
                 "JOIN statement s ON s.id = i.statement_id WHERE first_day > :last)"), {"last": "2026-03-31"},
        )  # fmt: skip
        session.execute(text("UPDATE reconciliation_break SET note = 'x' WHERE resolved_at IS NULL"))
        patient = "SELECT count(*) FROM reconciliation_break WHERE kind = 'code_revealed_never_used' AND note = 'x'"
        assert session.scalar(text(patient)) == 2  # the one in March too: its code may still be used
        received = session.execute(select(Transfer.__table__).where(Transfer.reason == "received")).mappings().one()
        april = programme.now - timedelta(hours=1)
        session.execute(insert(Transfer), [dict(received) | {"id": new_id(), "key": "april", "recorded_at": april}])
    statement(programme, date(2026, 4, 3))


@pytest.mark.parametrize(
    ("table", "verb", "name"),
    [
        ("stated_line", "insert", "line added"),
        ("line_claim", "delete", "claim deleted"),
        ("reconciliation_break", "delete", "break deleted"),
    ],
)
def test_without_the_triggers_it_would_move(closed: tuple[Programme, UUID], table: str, verb: str, name: str) -> None:
    programme, statement_id = closed
    with programme.database.begin() as session:
        on = "" if programme.database.is_sqlite else f" ON {table}"
        session.execute(text(f"DROP TRIGGER closed_{table}_{verb}{on}"))
        assert move(session, programme, statement_id, name) == 1
