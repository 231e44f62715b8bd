"""A month is proposed, agreed to and kept: the files are the same each time, and nothing it covers moves."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.programme import Programme
from voucher_service.errors import Conflict, NotFound, SecondPersonNeeded
from voucher_service.ids import new_id
from voucher_service.ledger.models import Transfer
from voucher_service.ledger.seal import sealer
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.reconciliation.breaks import resolve
from voucher_service.reconciliation.closing import close, signing
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Break, LineClaim, Statement, StatementIntake, StatementLine

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
US, THEM = "staff:claire", "staff:operateur"


def seal(programme: Programme) -> None:
    sealer.seal_all(programme.database, LogSigner(programme.vault, 1), now=programme.now, sweep=True)


def at(programme: Programme, year: int, month: int, day: int) -> None:
    programme.now = datetime(year, month, day, 9, 0, tzinfo=UTC)


def statement(programme: Programme, day: date = date(2026, 3, 10)) -> tuple[UUID, UUID]:
    """A statement of two lines: the first is an open difference, the second claims an order."""
    content, statement_id, break_id = str(day).encode(), new_id(), new_id()
    with programme.database.begin() as session:
        session.add(
            Statement(
                id=statement_id, partner_id=programme.partner_id, file_name="mars.csv", content=content,
                file_sha256=hashlib.sha256(content).digest(), first_day=day, last_day=day, line_count=1,
                uploaded_by=THEM, uploaded_at=programme.now,
            )
        )  # fmt: skip
        session.flush()
        intake = (session.scalar(select(func.max(StatementIntake.number))) or 0) + 1
        session.add(StatementIntake(statement_id=statement_id, number=intake))
        line, calm = (
            StatementLine(
                id=(intake << 32) + number, statement_id=statement_id, line=number, unit="eur_cent", quantity=500,
                status="delivered", event_at=programme.now,
            )
            for number in (2, 3)
        )  # fmt: skip
        session.add_all([line, calm, LineClaim(order_id=new_id(), line_id=calm.id, matched_by="our_ref")])
        session.flush()
        session.add(
            Break(
                id=break_id, partner_id=programme.partner_id, statement_id=statement_id, line_id=line.id, priority=1,
                kind="unexpected_at_partner", quantity=500, unit="eur_cent", found_at=programme.now,
            )
        )  # fmt: skip
    return statement_id, break_id


def propose(programme: Programme, month: date = MARCH) -> PeriodClose:
    return programme.database.run(
        close.propose, programme.vault, programme.partner_id, month, actor=US, now=programme.now
    )


def agree(programme: Programme, row: PeriodClose, actor: str = THEM) -> PeriodClose:
    return programme.database.run(close.agree, row.id, programme.partner_id, actor=actor, now=programme.now)


def march(programme: Programme) -> None:
    """One voucher used and delivered in March, one still live; then April begins and the books are sealed."""
    programme.scan(programme.digits(programme.issue()))
    programme.issue()
    programme.deliver()
    at(programme, 2026, 4, 2)
    seal(programme)


def test_the_statement_says_what_the_books_say(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with programme.database.read() as session:
        made = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    table = list(csv.reader(io.StringIO(made.csv.decode("utf-8-sig")), delimiter=";"))
    figures = {line[3]: [int(cell) for cell in line[4:]] for line in table[1:]}
    assert figures["disponible"] == [0, 100_000, 1_000, 99_000]
    assert figures["réservé à un bon"] == [0, 1_000, 500, 500]
    assert figures["livré"] == [0, 500, 0, 500]
    manifest = json.loads(row.manifest)
    assert manifest["files"] == {
        "etat.csv": hashlib.sha256(made.csv).hexdigest(), "etat.pdf": hashlib.sha256(made.pdf).hexdigest(),
    }  # fmt: skip
    assert made.pdf.startswith(b"%PDF")
    public = signing.public_key(programme.vault)
    assert signing.holds(public, row.manifest, row.signature)
    assert not signing.holds(public, row.manifest + " ", row.signature)


def test_made_again_it_is_the_same_byte_for_byte_whatever_came_since(programme: Programme) -> None:
    march(programme)
    row = agree(programme, propose(programme))
    with programme.database.read() as session:
        first = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    programme.issue()
    seal(programme)
    at(programme, 2027, 1, 5)
    with programme.database.read() as session:
        again = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    assert again == first


def test_months_are_chained_and_follow_each_other(programme: Programme) -> None:
    march(programme)
    first = propose(programme)
    at(programme, 2026, 5, 2)
    with pytest.raises(Conflict) as refused:
        propose(programme, APRIL)
    assert refused.value.code == "earlier_period_open"
    agree(programme, first)
    second = propose(programme, APRIL)
    assert json.loads(first.manifest)["previous"] == ""
    assert json.loads(second.manifest)["previous"] == hashlib.sha256(first.manifest.encode()).hexdigest()
    with programme.database.read() as session:
        made = close.remake(session, close.of_partner(session, programme.partner_id, second.id))
    opening = [line.split(";")[4] for line in made.csv.decode().splitlines()[1:]]
    assert opening[0] == "99000"


def refusal(programme: Programme, month: date = MARCH) -> str:
    with pytest.raises(Conflict) as refused:
        propose(programme, month)
    return refused.value.code


def test_what_is_not_over_sealed_or_explained_is_not_closed(programme: Programme) -> None:
    programme.issue()
    assert refusal(programme) == "period_not_over"
    at(programme, 2026, 4, 2)
    assert refusal(programme) == "not_sealed_yet"
    seal(programme)
    _, difference = statement(programme)
    assert refusal(programme) == "period_not_clean"
    programme.database.run(resolve, difference, actor=US, note="Corrigé par l’opérateur", now=programme.now)
    row = propose(programme)
    agree(programme, row)
    assert refusal(programme) == "period_closed"


def test_two_sides_agree_and_a_change_in_between_is_noticed(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with pytest.raises(SecondPersonNeeded):
        agree(programme, row, actor=US)
    with pytest.raises(NotFound):
        programme.database.run(close.agree, row.id, new_id(), actor=THEM, now=programme.now)
    _, difference = statement(programme)
    programme.database.run(resolve, difference, actor=US, note="Corrigé par l’opérateur", now=programme.now)
    with pytest.raises(Conflict) as refused:
        agree(programme, row)
    assert refused.value.code == "statement_changed"
    row = propose(programme)
    agreed = agree(programme, row)
    assert (agreed.proposed_by, agreed.agreed_by) == (US, THEM)
    assert agree(programme, row).agreed_at == agreed.agreed_at
    with pytest.raises(Conflict) as closed:
        agree(programme, row, actor="staff:someone")
    assert closed.value.code == "period_closed"


@pytest.fixture
def closed(programme: Programme) -> tuple[Programme, UUID]:
    """A closed March with a statement in it, and a statement of April beside it."""
    march(programme)
    statement_id, difference = statement(programme)
    statement(programme, date(2026, 4, 1))
    programme.database.run(resolve, difference, actor=US, note="Corrigé par l’opérateur", now=programme.now)
    agree(programme, propose(programme))
    return programme, statement_id


LINE_ADDED = (
    "INSERT INTO stated_line (id, statement_id, line, unit, quantity, status, event_at) "
    "SELECT id + 6, {}, 9, unit, quantity, status, event_at FROM stated_line WHERE statement_id = :s AND line = 3"
)
MOVES = {
    "period_close changed": "UPDATE period_close SET size = size + 1",
    "period_close reopened": "UPDATE period_close SET agreed_by = NULL, agreed_at = NULL",
    "period_close deleted": "DELETE FROM period_close",
    "line changed": "UPDATE stated_line SET quantity = 1 WHERE statement_id = :s",
    "line deleted": "DELETE FROM stated_line WHERE statement_id = :s AND line = 3",
    "line moved out": "UPDATE stated_line SET line = 77 WHERE statement_id = :s AND line = 3",
    "line added": LINE_ADDED.format("statement_id"),
    "line added under another statement's name": LINE_ADDED.format(":n"),
    "claim changed": "UPDATE line_claim SET matched_by = 'serial' WHERE line_id = :second",
    "claim deleted": "DELETE FROM line_claim WHERE line_id = :second",
    "claim added": "INSERT INTO line_claim SELECT :n, id, 'serial' FROM stated_line WHERE id = :first",
    "claim moved in": "UPDATE line_claim SET line_id = :first WHERE line_id <> :second",
    "claim moved out": "UPDATE line_claim SET line_id = 7 WHERE line_id = :second",
    "break changed": "UPDATE reconciliation_break SET note = NULL, resolved_at = NULL WHERE statement_id = :s",
    "break deleted": "DELETE FROM reconciliation_break WHERE statement_id = :s",
    "break added": "INSERT INTO reconciliation_break (id, partner_id, statement_id, line_id, kind, priority, quantity, "
    "unit, found_at) SELECT :n, partner_id, :s, :second, "
    "kind, priority, quantity, unit, found_at FROM reconciliation_break WHERE statement_id = :s",
    "break moved in": "UPDATE reconciliation_break SET statement_id = :s WHERE statement_id <> :s",
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
    lines = select(StatementLine.id).where(StatementLine.statement_id == statement_id).order_by(StatementLine.line)
    given |= dict(zip(("first", "second"), session.scalars(lines), strict=True)) | {"h": bytes(32)}
    used = {key: value for key, value in given.items() if re.search(rf":{key}\b", MOVES[name])}
    return session.execute(text(MOVES[name]), used).rowcount  # type: ignore[attr-defined,no-any-return]  # text


@pytest.mark.parametrize("name", MOVES)
def test_nothing_in_a_closed_period_moves(closed: tuple[Programme, UUID], name: str) -> None:
    programme, statement_id = closed
    with (
        pytest.raises(DBAPIError, match=r"period is closed|written once"),
        programme.database.begin() as session,
    ):
        move(session, programme, statement_id, name)


def test_outside_the_closed_period_everything_moves(closed: tuple[Programme, UUID]) -> None:
    programme, _ = closed
    programme.issue()
    with programme.database.begin() as session:
        session.execute(
            text("UPDATE line_claim SET matched_by = 'serial' WHERE line_id IN (SELECT l.id FROM stated_line l "
                 "JOIN statement s ON s.id = l.statement_id WHERE first_day > :last)"), {"last": "2026-03-31"},
        )  # fmt: skip
        session.execute(text("UPDATE reconciliation_break SET note = 'x' WHERE resolved_at IS NULL"))
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


def test_the_database_wants_two_people(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with pytest.raises(IntegrityError), programme.database.begin() as session:
        session.execute(text("UPDATE period_close SET agreed_by = proposed_by, agreed_at = proposed_at"))
    assert row.agreed_by is None
