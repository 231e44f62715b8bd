"""A share of the tamper campaign: everything is found and located; see `tests.seal.campaign` for all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.programme import Programme
from tests.seal.campaign import build, run, run_months
from tests.seal.log import Log
from tests.seal.places import rows_of_months
from tests.seal.tampering import superuser
from voucher_service.db import Database
from voucher_service.ledger.seal import inspect as check
from voucher_service.ledger.seal.publish import LogForked
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.closing import inspect as closing
from voucher_service.reconciliation.closing.inspect import SIGNED, TOLD


def test_every_way_is_found_and_located(programme: Programme, tmp_path: Path) -> None:
    log = build(programme, tmp_path / "notes", 41, checkpoints=4)
    done, missed = run(log, rows=41, every=5)
    assert missed == []
    assert sum(done.values()) > 2_000
    assert log.findings() == [], "all of it was undone"


BALANCE = [column.name for column in DeclaredBalance.__table__.columns]
LATER = {
    "id": "s.id", "edition": "2", "closing": "d.closing + 1", "statement_id": "s.id", "line": "1",
}  # fmt: skip


def test_every_way_beside_the_log_is_found_and_located(
    programme: Programme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.of(programme, tmp_path / "notes")
    done, missed = run_months(log, every=397)
    assert missed == []
    assert sum(done.values()) > 80
    with superuser(log) as by:
        assert by.keys() + by.months() == [], "all of it was undone"
        monkeypatch.setattr(closing, "inspect", lambda *_: iter(()))  # what looks at nothing would be seen
        rows_of_months(by, done, missed)
        assert len(missed) == 7
        monkeypatch.undo()
        with by.connection.begin_nested() as undo:
            by.do("UPDATE period_close SET signature = csv")
            assert [finding.rule for finding in by.months()] == [SIGNED, SIGNED]
            monkeypatch.setattr(closing, "verifies", lambda *_: True)
            assert by.months() == []
            monkeypatch.undo()
            undo.rollback()
        by.do(  # a later edition counts, unless a statement said it that was replaced since
            f"INSERT INTO declared_balance SELECT {', '.join(LATER.get(name, f'd.{name}') for name in BALANCE)} "  # noqa: S608
            "FROM declared_balance d, statement s WHERE d.as_of < '2026-04-15' AND s.first_day < '2026-04-01'"
        )
        assert [finding.rule for finding in by.months()] == [TOLD]
        by.do(
            "INSERT INTO statement_reading (statement_id, partner_id, edition, replaces_id) "
            "SELECT b.id, a.partner_id, 2, a.id FROM statement a, statement b WHERE a.first_day < b.first_day"
        )
        assert by.months() == []


def test_a_checker_that_looks_at_nothing_would_be_seen(
    programme: Programme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = build(programme, tmp_path / "notes", 21, checkpoints=4)
    monkeypatch.setattr(check, "_leaf", lambda _facts: b"")
    assert log.findings(), "every row differs from nothing"
    monkeypatch.setattr(check, "_all", lambda *_: iter(()))
    _, missed = run(log, rows=21, every=10)
    assert len(missed) > 100


def test_a_database_rolled_back_whole_is_found_and_nothing_is_sealed_on_it(tmp_path: Path, sqlite_url: str) -> None:
    programme = Programme.make(sqlite_url)
    log = build(programme, tmp_path / "notes", 21, checkpoints=3)
    programme.database.close()
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    old = shutil.copy(file, tmp_path / "backup.sqlite")
    log.redeem(4)
    log.seal()
    programme.database.close()
    programme.database = Database(f"sqlite:///{old}")
    assert log.findings([]) == []
    assert "rolled back" in check.unknowable([])
    (finding,) = log.findings()
    assert finding.rule == check.OUTSIDE
    assert finding.detail == "leaves 21 to 28 are gone: the tail was cut or rolled back"
    log.redeem(30)
    with pytest.raises(LogForked):
        log.seal()
    with programme.database.read() as session:
        assert session.execute(text("SELECT COUNT(*) FROM ledger_leaf")).scalar_one() == 21


def test_without_a_checkpoint_outside_the_report_says_what_cannot_be_known(
    programme: Programme, tmp_path: Path
) -> None:
    log = Log.of(programme, tmp_path)
    log.redeem(1)
    log.seal()
    assert check.unknowable(log.outside()) == ""
    for words in ("tail was cut", "rolled back", "rewritten together"):
        assert words in check.unknowable([])
