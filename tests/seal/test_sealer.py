"""Sealing: every committed transfer once, late ones too, never two sealers, nothing sealed over a fork."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.programme import Programme
from tests.seal.log import Log
from voucher_service.ids import new_id
from voucher_service.ledger.models import Transfer
from voucher_service.ledger.seal import on_postgresql, publish, sealer
from voucher_service.ledger.seal.canonical import COLUMNS, facts, leaf_bytes
from voucher_service.ledger.seal.inspect import SAYS
from voucher_service.ledger.seal.models import Checkpoint, Leaf
from voucher_service.ledger.seal.note import open_note
from voucher_service.ledger.seal.publish import LogForked
from voucher_service.ledger.seal.tiles import Tiles, size_of
from voucher_service.ledger.seal.tree import leaf_hash, root_of


@pytest.fixture
def log(programme: Programme, tmp_path: Path) -> Log:
    return Log.of(programme, tmp_path / "checkpoints")


def test_everything_is_sealed_once_and_published(log: Log) -> None:
    log.redeem(3)
    assert log.seal() == 7
    assert log.seal() == 0
    log.redeem(1)
    assert log.seal() == 2
    with log.programme.database.read() as session:
        assert session.scalars(select(Leaf.number).order_by(Leaf.number)).all() == list(range(9))
        assert set(session.scalars(select(Leaf.transfer_id))) == set(session.scalars(select(Transfer.id)))
        sizes = [(tree.size, tree.root) for tree in (open_note(note, log.signer.key) for note in log.outside())]
        assert sizes == [(size, root_of(Tiles(session), size)) for size in (7, 9)]
    assert log.findings() == []


def transfer(at: int, now: object) -> dict[str, object]:
    return {
        "id": new_id(at), "key": f"late:{at}", "request_hash": bytes(32), "unit": "eur_cent", "quantity": 1,
        "source_id": 301, "destination_id": 310, "reason": "received", "object_kind": "test", "object_id": "1",
        "actor": "staff:test", "occurred_at": now, "recorded_at": now, "resolves_id": None, "corrects_id": None,
    }  # fmt: skip


def _late(session: Session, log: Log, **back: float) -> None:
    with_id = int((log.programme.now - timedelta(**back)).timestamp() * 1000)
    row = transfer(with_id, log.programme.now)
    book = log.programme.allocation_id * 100
    session.execute(insert(Transfer).values(row | {"source_id": book + 1, "destination_id": book + 10}))


@pytest.mark.postgresql
def test_what_commits_after_younger_transfers_were_sealed_is_not_missed(
    busy_programme: Programme, tmp_path: Path
) -> None:
    log = Log.of(busy_programme, tmp_path)
    with busy_programme.database.begin() as open_since_before:
        _late(open_since_before, log, minutes=1)
        log.redeem(2)
        assert log.seal() == 5
    assert log.seal() == 1
    with busy_programme.database.begin() as session:
        _late(session, log, days=400)
    assert log.seal() == 0, "older than the sealer looks back"
    assert log.seal(sweep=True) == 1
    assert log.findings() == []


AWKWARD: tuple[dict[str, object], ...] = (
    {
        "key": "a\\b\nc\\n",
        "actor": "staff:é\t\\",
        "object_id": "\\",
        "occurred_at": datetime(2026, 3, 29, 1, tzinfo=UTC),
    },
    {"object_kind": "voucher", "object_id": "\n\\é", "recorded_at": datetime(2026, 10, 25, 0, 30, 1, 7, tzinfo=UTC)},
    {"object_kind": "a\nb", "object_id": "", "key": "\u2028 'q' :x %s", "request_hash": bytes(range(224, 256))},
    {
        "quantity": 2**53,
        "occurred_at": datetime(1999, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC),
        "object_id": "\U0001f4a7" * 9,
    },
)


def _awkward(session: Session, log: Log) -> None:
    book = log.programme.allocation_id * 100
    for at, more in enumerate(AWKWARD, start=1):
        row = transfer(at, log.programme.now) | {"source_id": book + 1, "destination_id": book + 10}
        session.execute(insert(Transfer).values(row | more))


def _unlike(log: Log) -> list[UUID]:
    """Transfers whose leaf is not what `canonical` says."""
    with log.programme.database.read() as session:
        rows = session.execute(select(Leaf.hash, *COLUMNS).join(Transfer, Transfer.id == Leaf.transfer_id)).all()
    assert len(rows) > len(AWKWARD)
    return [row[1] for row in rows if row[0] != leaf_hash(leaf_bytes(facts(row[1:])))]


def test_both_ways_to_seal_take_the_canonical_bytes(log: Log) -> None:
    log.redeem(2)
    with log.programme.database.begin() as session:
        _awkward(session, log)
    with log.programme.database.begin() as session:
        if not log.programme.database.is_sqlite:
            session.execute(text("SET LOCAL TIME ZONE 'Pacific/Chatham'"))
        assert sealer.seal_portion(session, log.signer, now=log.programme.now, sweep=True) == 5 + len(AWKWARD)
    assert _unlike(log) == []
    assert log.findings([]) == []


@pytest.mark.postgresql
def test_another_form_in_sql_would_be_found(
    busy_programme: Programme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.of(busy_programme, tmp_path)
    with busy_programme.database.begin() as session:
        _awkward(session, log)
    monkeypatch.setattr(on_postgresql, "_APPEND", on_postgresql._APPEND.replace("HH24", "HH12"))
    log.seal(sweep=True)
    assert _unlike(log) != []
    assert {finding.rule for finding in log.findings()} == {SAYS}


@pytest.mark.postgresql
def test_two_sealers_at_once_seal_everything_once(busy_programme: Programme, tmp_path: Path) -> None:
    log = Log.of(busy_programme, tmp_path)
    log.redeem(12)
    stop = threading.Event()
    counts = [0, 0]

    def work(which: int) -> None:
        while not stop.is_set():
            counts[which] += busy_programme.database.run(
                sealer.seal_portion, log.signer, now=busy_programme.now, portion=3
            )

    threads = [threading.Thread(target=work, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    log.redeem(12)
    while sum(counts) < 49 and all(thread.is_alive() for thread in threads):
        threads[0].join(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(counts) == 49
    with busy_programme.database.read() as session:
        assert size_of(session) == 49 == session.scalar(select(func.count()).select_from(Transfer))
    assert log.findings([]) == []


def test_a_sealer_that_dies_before_its_commit_leaves_nothing(log: Log) -> None:
    def die(session: Session) -> None:
        assert sealer.seal_portion(session, log.signer, now=log.programme.now) == 5
        raise ZeroDivisionError

    log.redeem(2)
    with pytest.raises(ZeroDivisionError):
        log.programme.database.run(die)
    assert log.seal() == 5


def test_a_checkpoint_that_was_not_published_before_a_crash_is_published_next(log: Log) -> None:
    log.redeem(1)
    sealer.seal_all(log.programme.database, log.signer, now=log.programme.now)
    assert log.outside() == []
    log.seal()
    assert len(log.outside()) == 1


def test_portions_come_to_the_same_tree(log: Log) -> None:
    log.redeem(4)
    while log.programme.database.run(sealer.seal_portion, log.signer, now=log.programme.now, portion=2):
        pass
    with log.programme.database.read() as session:
        assert session.scalars(select(Checkpoint.size).order_by(Checkpoint.size)).all() == [2, 4, 6, 8, 9]
    assert log.findings([]) == []


def test_a_look_of_many_portions_seals_everything_and_what_committed_late(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.redeem(2)
    assert log.seal() == 5
    log.redeem(3)
    with log.programme.database.begin() as session:
        _late(session, log, minutes=1)
    monkeypatch.setattr(sealer, "PORTION", 2)
    assert log.seal() == 7, "the late one stands before the place that later portions go on from"
    with log.programme.database.read() as session:
        assert set(session.scalars(select(Leaf.transfer_id))) == set(session.scalars(select(Transfer.id)))
        assert session.scalars(select(Checkpoint.size).order_by(Checkpoint.size)).all() == [5, 7, 9, 11, 12]
    assert log.findings() == []


@pytest.mark.parametrize("what", ["rolled back", "another history", "garbage"])
def test_nothing_is_sealed_over_a_fork(log: Log, what: str) -> None:
    log.redeem(2)
    log.seal()
    latest = log.folder / publish.LATEST
    with log.programme.database.read() as session:
        root = root_of(Tiles(session), 5)
    forged = {
        "rolled back": log.signer.sign(6, root),
        "another history": log.signer.sign(5, bytes(32)),
        "garbage": latest.read_text().replace("5\n", "4\n", 1),
    }
    latest.write_text(forged[what])
    log.redeem(1)
    with pytest.raises(LogForked):
        log.seal()
    with log.programme.database.read() as session:
        assert size_of(session) == 5


@pytest.mark.parametrize("table", ["ledger_leaf", "ledger_node", "ledger_checkpoint"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET hash = hash", "DELETE FROM {}"])
def test_rows_of_the_log_are_written_once(log: Log, table: str, verb: str) -> None:
    log.redeem(1)
    log.seal()
    with log.programme.database.begin() as session:
        session.execute(text("INSERT INTO ledger_node VALUES (1, 0, :hash)"), {"hash": bytes(32)})
    statement = verb.format(table).replace("hash", "root" if table == "ledger_checkpoint" else "hash")
    with pytest.raises(DBAPIError, match="written once"), log.programme.database.begin() as session:
        session.execute(text(statement))
