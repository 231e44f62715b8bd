"""The tamper campaign: `python -m tests.seal.campaign [rows]`, on SQLite and PostgreSQL. See docs/drills/tamper.md.

Every way is tried with the checkpoints kept outside: it must be found, and the place named. The ways that a chain
alone cannot see are tried without them too: then nothing is found, and the report must say what cannot be known.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.programme import Programme
from tests.seal.log import Log
from tests.seal.places import close_two_months, keyed, rows_of_months, spoken
from tests.seal.tampering import COLUMNS, Superuser, flips, superuser
from tests.servers.postgresql import postgres
from voucher_service.ids import new_id
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal import inspect as check
from voucher_service.migrations.runner import upgrade

Missed = list[str]


def build(programme: Programme, folder: Path, rows: int, *, checkpoints: int = 10) -> Log:
    """Make a ledger of `rows` transfers, sealed in portions."""
    log = Log.of(programme, folder)
    for part in range(1, checkpoints + 1):
        with programme.database.read() as session:
            there = session.execute(text("SELECT COUNT(*) FROM transfer")).scalar_one()
        log.redeem((rows * part // checkpoints - there + 1) // 2)
        log.seal()
    assert log.findings() == []
    return log


def run(log: Log, *, rows: int, every: int = 1) -> tuple[Counter[str], Missed]:
    """Try everything; return how many changes were made by kind, and those not found or not located.

    `every` takes one row or byte in so many where each is tried by itself.
    """
    done: Counter[str] = Counter()
    missed: Missed = []
    with superuser(log) as by:
        for table, columns in COLUMNS.items():
            for column in columns:
                _bytes(by, table, column, done, missed, every)
        for number in range(0, rows, every):
            _one_row(by, number, rows, done, missed)
        keyed(by, done, missed, every)
        for share in (0.3, 0.5, 0.9):
            _hidden(by, int(rows * share), rows, done, missed)
    return done, missed


def run_months(log: Log, *, every: int = 1) -> tuple[Counter[str], Missed]:
    """Close two months and try everything that a signature covers there; return the same."""
    close_two_months(log)
    done: Counter[str] = Counter()
    missed: Missed = []
    with superuser(log) as by:
        assert by.keys() + by.months() == []
        spoken(by, done, missed, every)
        rows_of_months(by, done, missed)
    return done, missed


def _bytes(by: Superuser, table: str, column: str, done: Counter[str], missed: Missed, every: int) -> None:
    names = _names(by, table)
    for position, touched in flips(by, table, column):
        if position % every:
            continue
        told = {finding.row for finding in by.findings()}
        kind = f"a byte of {table}"
        done[kind] += len(touched)
        missed += [f"{kind}.{column}, byte {position}: {names[row]}" for row in touched if not names[row] & told]


def _names(by: Superuser, table: str) -> dict[Any, set[str]]:
    """Return by which names a finding may call each row of the table."""
    if table == "transfer":
        rows = by.do(
            f"SELECT t.{by.where}, t.id, l.number FROM transfer t JOIN ledger_leaf l ON l.transfer_id = t.id"  # noqa: S608
        )
        return {row: {check._uuid(str(one)), f"leaf {number}"} for row, one, number in rows}
    if table == "ledger_leaf":
        rows = by.do(f"SELECT {by.where}, transfer_id, number FROM ledger_leaf")  # noqa: S608
        return {row: {check._uuid(str(one)), f"leaf {number}"} for row, one, number in rows}
    if table == "ledger_node":
        rows = by.do(f"SELECT {by.where}, level, number FROM ledger_node")  # noqa: S608
        return {row: {f"node {level}/{number}"} for row, level, number in rows}
    rows = by.do(f"SELECT {by.where}, size FROM ledger_checkpoint")  # noqa: S608
    return {row: {f"checkpoint {size}"} for row, size in rows}


def _one_row(by: Superuser, number: int, rows: int, done: Counter[str], missed: Missed) -> None:
    """Delete, swap and insert at the leaf of this number."""
    other = (number + 1) % rows
    here, there = (
        by.do("SELECT transfer_id FROM ledger_leaf WHERE number = :n", n=n).scalar_one() for n in (number, other)
    )
    stand_in = new_id()
    facts = ", ".join(name for name in COLUMNS["transfer"] if name not in {"id", "key", "resolves_id"})
    ways: dict[str, tuple[list[tuple[str, dict[str, Any]]], str]] = {
        "a transfer deleted": ([("DELETE FROM transfer WHERE id = :a", {"a": here})], f"leaf {number}"),
        "a leaf deleted": ([("DELETE FROM ledger_leaf WHERE number = :n", {"n": number})], check._uuid(str(here))),
        "transfer and leaf deleted": (
            [("DELETE FROM transfer WHERE id = :a", {"a": here}),
             ("DELETE FROM ledger_leaf WHERE number = :n", {"n": number})],
            f"leaf {number}" if number < rows - 1 else "outside",
        ),
        "two transfers swapped": (
            [("UPDATE transfer SET id = :c WHERE id = :a", {"a": here, "c": stand_in}),
             ("UPDATE transfer SET id = :a WHERE id = :b", {"a": here, "b": there}),
             ("UPDATE transfer SET id = :b WHERE id = :c", {"b": there, "c": stand_in})],
            check._uuid(str(here)),
        ),
        "two leaves swapped": (
            [("UPDATE ledger_leaf SET number = -1 WHERE number = :n", {"n": number}),
             ("UPDATE ledger_leaf SET number = :n WHERE number = :m", {"n": number, "m": other}),
             ("UPDATE ledger_leaf SET number = :m WHERE number = -1", {"m": other})],
            "outside",
        ),
        "a transfer inserted": (
            [(f"INSERT INTO transfer (id, key, {facts}) SELECT :c, 'forged', {facts} FROM transfer WHERE id = :a",  # noqa: S608
              {"a": here, "c": stand_in})],
            str(stand_in),
        ),
        "a transfer inserted with a leaf at the end": (
            [(f"INSERT INTO transfer (id, key, {facts}) SELECT :c, 'forged', {facts} FROM transfer WHERE id = :a",  # noqa: S608
              {"a": here, "c": stand_in}),
             ("INSERT INTO ledger_leaf SELECT :r, :c, hash FROM ledger_leaf WHERE number = :n",
              {"r": rows, "c": stand_in, "n": number})],
            f"leaf {rows}",
        ),
    }  # fmt: skip
    for kind, (statements, place) in ways.items():
        with by.connection.begin_nested() as undo:
            for sql, values in statements:
                by.do(sql, **values)
            found = by.findings()
            undo.rollback()
        done[kind] += 1
        if not _located(found, place):
            missed.append(f"{kind} at leaf {number}: {found[:3]}")


def _located(found: list[Finding], place: str) -> bool:
    if place == "outside":
        return any(finding.rule == check.OUTSIDE for finding in found)
    return any(finding.row == place for finding in found)


def _hidden(by: Superuser, number: int, rows: int, done: Counter[str], missed: Missed) -> None:
    """What leaves a log that agrees with itself: only a checkpoint outside can tell."""
    sizes = [size for (size,) in by.do("SELECT size FROM ledger_checkpoint ORDER BY size")]
    kept = [size for size in sizes if size <= number]
    good = max(kept, default=0)

    def cut() -> str:
        by.do("DELETE FROM transfer WHERE id IN (SELECT transfer_id FROM ledger_leaf WHERE number >= :n)", n=good)
        by.seal_again(kept)
        return f"leaves {good} to"

    def rewrite() -> str:
        by.do(
            "UPDATE transfer SET quantity = quantity + 1 "
            "WHERE id = (SELECT transfer_id FROM ledger_leaf WHERE number = :n)",
            n=number,
        )
        by.seal_again(sizes)
        return f"the first difference lies in leaves {good} to"

    def cut_and_grow() -> str:
        cut()
        first = by.do("SELECT id FROM transfer ORDER BY id LIMIT 1").scalar_one()
        facts = ", ".join(name for name in COLUMNS["transfer"] if name not in {"id", "key", "resolves_id"})
        for at in range(rows - good):
            by.do(
                f"INSERT INTO transfer (id, key, {facts}) SELECT :c, :key, {facts} FROM transfer WHERE id = :a",  # noqa: S608
                c=new_id(), key=f"other:{at}", a=first,
            )  # fmt: skip
        by.seal_again([*kept, rows])
        return f"the first difference lies in leaves {good} to"

    ways = {"the tail cut": cut, "everything made again": rewrite, "rolled back and gone on": cut_and_grow}
    for kind, way in ways.items():
        with by.connection.begin_nested() as undo:
            words = way()
            with_outside, without = by.findings(), by.findings([])
            undo.rollback()
        done[kind] += 1
        if not any(finding.rule == check.OUTSIDE and finding.detail.startswith(words) for finding in with_outside):
            missed.append(f"{kind} at leaf {number}: {with_outside[:3]}")
        if without or "cannot be known" not in check.unknowable([]):
            missed.append(f"{kind} at leaf {number}, without outside: {without[:3]}")


def try_on(url: str, folder: str, rows: int) -> bool:
    """Run on one database; print what was done as soon as it is. Return whether anything was missed."""
    upgrade(url)
    programme = Programme.make(url, gift=10**9)
    log = build(programme, Path(folder) / url.partition(":")[0].replace("+", "-"), rows)
    with programme.database.read() as session:
        there = session.execute(text("SELECT COUNT(*) FROM transfer")).scalar_one()
    name = url.partition(":")[0]
    bad = _tell(f"{name}: {there} transfers, {len(log.outside())} checkpoints outside", *run(log, rows=there))
    bad += _tell(f"{name}: beside the log, two months closed and both keys changed twice", *run_months(log))
    programme.database.close()
    return bad > 0


def _tell(head: str, done: Counter[str], missed: Missed) -> int:
    told = [head, *(f"  {kind:55} {count:7,} tried" for kind, count in done.items())]
    told += [f"  missed or not located: {len(missed)}", *(f"    {one}" for one in missed[:20])]
    print("\n".join(told), flush=True)
    return len(missed)


def main(rows: int) -> int:
    """Run on both databases, each in a process of its own; print what was done. Return 1 when anything was missed."""
    with tempfile.TemporaryDirectory() as folder, postgres(own=True) as server:
        urls = (f"sqlite:///{folder}/tamper.sqlite", server.url)
        with ProcessPoolExecutor(len(urls), multiprocessing.get_context("spawn")) as both:
            ended = list(both.map(partial(try_on, folder=folder, rows=rows), urls))
    return int(any(ended))


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    sys.exit(main(*(int(argument) for argument in sys.argv[1:] or ["500"])))
