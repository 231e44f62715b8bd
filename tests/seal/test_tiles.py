"""The log as C2SP tlog-tiles serves it, read over HTTP by a reader that shares no code with the service."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text

from tests.desk import Desk
from tests.house import services_of
from tests.programme import Programme
from tests.seal.tiled import TiledLog, tile_path, tiles_of
from voucher_service.ledger.seal import sealer, verify_books
from voucher_service.ledger.seal.models import Checkpoint, Leaf
from voucher_service.ledger.seal.tiles import Tiles
from voucher_service.ledger.seal.tree import inclusion, root_of
from voucher_service.reconciliation.books import proofs

SIZES = (1, 255, 256, 300, 66_000)
HASHES = [hashlib.sha256(b"leaf %d" % number).digest() for number in range(SIZES[-1])]


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors and nothing sealed."""
    made = Desk.make(sqlite_url, tmp_path)
    yield made
    made.close()


def grow(desk: Desk, old: int, size: int) -> None:
    """Give the log leaves up to `size`, and a checkpoint over them."""
    signer, programme = services_of(desk.app).log_signer(), desk.programme
    with programme.database.begin() as session:
        rows = [(n, f"{n:032x}", HASHES[n]) for n in range(old, size)]
        session.connection().exec_driver_sql("INSERT INTO ledger_leaf VALUES (?, ?, ?)", rows)
        sealer.grow(session, old, size)
        root = root_of(Tiles(session), size)
        note = signer.sign(size, root)
        session.execute(insert(Checkpoint).values(size=size, root=root, note=note, sealed_at=programme.now))


def fetch(client: FlaskClient, path: str) -> bytes:
    """Get what lies below the prefix, with the headers that the specification wants."""
    answer = client.get(f"/ledger/{path}")
    assert answer.status_code == 200, path
    if path == "checkpoint":
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
    else:
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer.headers["Cache-Control"]
    return bytes(answer.data)


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067, 256) == "tile/0/x001/x234/067"
    tiles = tiles_of(70_000)
    assert [sum(1 for level, _, width in tiles if (level, width) == one) for one in ((0, 256), (1, 256))] == [273, 1]
    assert [tile for tile in tiles if tile[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert tiles_of(256) == [(0, 0, 256), (1, 0, 1)]


def test_a_stranger_s_reader_proves_leaves_and_growth_from_tiles_alone(desk: Desk) -> None:
    client, rng, old = desk.app.test_client(), random.Random(3), 0
    known: list[tuple[int, bytes]] = []
    for size in SIZES:
        grow(desk, old, size)
        log = TiledLog(lambda path: fetch(client, path))
        assert (log.size, log.mth(0, size)) == (size, log.root)
        for number in {0, size - 1, *(rng.randrange(size) for _ in range(20))}:
            path = log.path(number, 0, size)
            assert verify_books.climb(HASHES[number], number + 1, size, path, leaf=True)[1] == log.root
        for earlier, root in known:
            grown = log.proof(earlier, 0, size, known=True)
            assert verify_books.climb(root, earlier, size, grown) == (root, log.root)
        with desk.programme.database.read() as session:
            for earlier, _ in known:  # the service's own proofs are the same
                ours = proofs.grown(session, earlier, size)["path"]
                assert ours == [part.hex() for part in log.proof(earlier, 0, size, known=True)]
        known.append((size, log.root))
        old = size
    for size, _ in known:  # partial tiles of earlier checkpoints stay where they were
        for level, number, width in tiles_of(size)[-3:]:
            assert len(fetch(client, tile_path(level, number, width))) == 32 * width


@pytest.mark.postgresql
def test_a_proof_on_postgresql_is_one_query(busy_programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    size = 1_000
    with busy_programme.database.begin() as session:
        session.execute(
            text(
                "INSERT INTO ledger_leaf SELECT n, ('0a000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, "
                "sha256(int8send(n)) FROM generate_series(0, 999) n"
            )
        )
        sealer.grow(session, 0, size)
        root = root_of(Tiles(session), size)
        leaves = session.scalars(select(Leaf.hash).order_by(Leaf.number)).all()
        event.listen(session.connection(), "before_cursor_execute", lambda *given: asked.append(given[2]))
        for number in (0, 255, 256, 700, 999):
            path = Tiles(session).make(partial(inclusion, number=number, size=size))
            assert verify_books.climb(leaves[number], number + 1, size, path, leaf=True)[1] == root
        assert len(asked) == 5
        monkeypatch.setattr("voucher_service.ledger.seal.tiles._KEPT", 1)  # what was read is let go of
        tiles = Tiles(session)
        paths = [tiles.make(partial(inclusion, number=number, size=size)) for number in range(0, size, 50)]
        for number, path in zip(range(0, size, 50), paths, strict=True):
            assert verify_books.climb(leaves[number], number + 1, size, path, leaf=True)[1] == root
        with pytest.raises(LookupError):
            Tiles(session).make(partial(inclusion, number=3, size=size + 1))


def test_what_is_no_tile_or_not_there_yet_is_not_found(desk: Desk) -> None:
    client = desk.app.test_client()
    assert client.get("/ledger/tile/0/000.p/1").status_code == 404
    grow(desk, 0, 300)
    for path in ("0/000", "0/001.p/44", "0/001.p/1", "1/000.p/1"):
        assert client.get(f"/ledger/tile/{path}").status_code == 200, path
    wrong = [
        "0/001", "0/001.p/45", "1/000", "1/000.p/2", "2/000.p/1", "63/000", "64/000", "00/000", "01/000.p/1", "0/0",
        "0/000.p/0", "0/000.p/01", "0/000.p/256", "0/000.p/", "0/000.p", "0/x000/000", "0/x999/x999/x999/x999/999",
        "0/-01", "0/000/", "0/٠٠٠", "entries/000", "entries/000.p/1", "0/000.p/1.p/1", "0/../000",
    ]  # fmt: skip
    for path in wrong:
        assert client.get(f"/ledger/tile/{path}").status_code == 404, path
