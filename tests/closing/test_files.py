"""The audit reads the kept files themselves: a changed byte is found and its row named, in however many portions."""

from __future__ import annotations

import hashlib
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import Update, select, text, update

from tests.closing.month import APRIL, agree, at, march, propose, seal, settled, statement
from tests.programme import Programme
from voucher_service.ledger import audit_files
from voucher_service.ledger.audit_files import CHAIN, MONTH, STATEMENT
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Statement


def months(programme: Programme) -> tuple[UUID, UUID, UUID]:
    """March and April agreed on, with a statement in each; return March's, and both closes."""
    march(programme)
    in_march, difference = statement(programme)
    settled(programme, difference)
    first = agree(programme, propose(programme))
    _, difference = statement(programme, date(2026, 4, 20))
    settled(programme, difference)
    at(programme, 2026, 5, 2)
    seal(programme)
    second = agree(programme, propose(programme, APRIL))
    return in_march, first.id, second.id


def unguarded(programme: Programme, typed: Update) -> None:
    """Change what no guard lets change, as the database's owner can."""
    with programme.database.begin() as session:
        if programme.database.is_sqlite:
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(typed)


def found(programme: Programme) -> set[tuple[str, UUID]]:
    with programme.database.read() as session:
        return {(rule, UUID(str(row))) for rule, row, _ in audit_files.file_findings(session)}


def test_each_changed_file_is_found_and_its_row_named(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_files, "PORTION", 400)  # the files of a month come in several
    monkeypatch.setattr(audit_files, "_PAGE", 1)
    in_march, first, second = months(programme)
    assert found(programme) == set()
    with programme.database.read() as session:
        table = {row.id: (row.csv, row.pdf, row.manifest) for row in session.scalars(select(PeriodClose))}
        content = session.get_one(Statement, in_march).content
    csv, pdf, _ = table[second]
    told = table[first][2]
    assert csv is not None
    assert pdf is not None
    of_march = update(Statement).where(Statement.id == in_march)
    of_first, of_april = (update(PeriodClose).where(PeriodClose.id == one) for one in (first, second))
    # What is typed, what is found, and how it was before.
    faults = [
        (of_march.values(content=content[:-1] + b"?"), (STATEMENT, in_march), of_march.values(content=content)),
        (of_march.values(content=content + b" "), (STATEMENT, in_march), of_march.values(content=content)),
        (of_march.values(content=b""), (STATEMENT, in_march), of_march.values(content=content)),
        (of_april.values(csv=csv.replace(b"0", b"1", 1)), (MONTH, second), of_april.values(csv=csv)),
        (of_april.values(pdf=pdf[:-1]), (MONTH, second), of_april.values(pdf=pdf)),
        (of_first.values(manifest=f"{told} "), (CHAIN, second), of_first.values(manifest=told)),
    ]
    for typed, expected, before in faults:
        unguarded(programme, typed)
        assert found(programme) == {expected}
        unguarded(programme, before)
        assert found(programme) == set()
    # Both the file and its SHA-256: the row agrees with itself, the month that names it does not.
    unguarded(programme, of_march.values(content=b"x", file_sha256=hashlib.sha256(b"x").digest()))
    assert found(programme) == {(CHAIN, first)}
    assert CHAIN in {one.rule for one in programme.findings()}
