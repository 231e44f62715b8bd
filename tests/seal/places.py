"""Tampering row by row: with what a row is found by, and with every byte of what the months say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.closing.month import THEM, agree, at, propose, settled, statement
from tests.seal.log import Log
from tests.seal.tampering import Superuser, flip
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal import publish, ring
from voucher_service.ledger.seal.inspect import KEYS
from voucher_service.reconciliation.balances.books import position
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.closing import inspect as closing
from voucher_service.reconciliation.closing import signing
from voucher_service.reconciliation.days import instants

KEYED = {
    "ledger_leaf": ("number",), "ledger_node": ("level", "number"), "ledger_checkpoint": ("size",),
}  # fmt: skip
"""The columns that rows of the log are found by."""

SPOKEN = {
    "ledger_key_change": ("number", "size", "private_sealed", "note"),
    "statement_key_change": ("number", "size", "private_sealed", "note"),
    "period_close": (
        "partner_id", "first_day", "last_day", "from_at", "until_at", "size", "manifest", "signature", "csv", "pdf",
    ),
    "statement": ("partner_id", "file_name", "file_sha256", "line_count", "content"),
    "declared_balance": (
        "partner_id", "allocation_id", "as_of", "edition", "closing", "opening", "granted", "delivered", "reversed",
        "expired", "returned",
    ),
}  # fmt: skip
"""What a signature covers of what partners rely on beside the log. The rest is said in docs/drills/tamper.md."""

_CHECKED = {"ledger_key_change": Superuser.keys}


def close_two_months(log: Log) -> None:
    """Close two months with both keys changed in between and after, a statement and declared balances in each."""
    programme = log.programme
    for year, month in ((2026, 4), (2026, 5)):
        at(programme, year, month - 1, 28)
        _, open_break = statement(programme, date(year, month - 1, 10))
        settled(programme, open_break)
        at(programme, year, month, 2)
        log.seal(sweep=True)
        _declare(log, date(year, month, 1) - timedelta(days=1))
        agree(programme, propose(programme, date(year, month - 1, 1)))
        programme.database.run(ring.rotate, log.signer, now=programme.now)
        programme.database.run(signing.rotate, programme.vault, now=programme.now)
    with programme.database.read() as session:
        publish.publish_keys(log.folder, ring.changes(session))
        publish.publish_keys(log.folder, signing.changes(session), publish.STATEMENT_KEYS)


def _declare(log: Log, day: date) -> None:
    programme = log.programme
    with programme.database.read() as session:
        left = position(session, programme.allocation_id, instants(day, day, PROGRAMME_ZONE)[1]).closing
    said = Said(closing=left, opening=left + 2, granted=3, delivered=9, reversed=7, expired=2, returned=1)
    programme.database.run(
        declare, partner_id=programme.partner_id, allocation_id=programme.allocation_id, as_of=day, actor=THEM,
        said=said, now=programme.now, reason="",
    )  # fmt: skip


def keyed(by: Superuser, done: Counter[str], missed: list[str], every: int = 1) -> None:
    """Flip a bit of each byte of what a row is found by, one row at a time; a row that is there already moves over."""
    for table, keys in KEYED.items():
        rows = by.do(f"SELECT {', '.join(keys)} FROM {table} ORDER BY 1").all()  # noqa: S608  # our names
        for row in rows[::every]:
            for column in keys:
                _move(by, table, dict(zip(keys, row, strict=True)), column, done, missed)


def _move(by: Superuser, table: str, row: dict[str, int], column: str, done: Counter[str], missed: list[str]) -> None:
    for at_byte in range(8):
        other = row | {column: flip(row[column], at_byte, sqlite=by.sqlite)}
        away = row | {column: -row[column] - 7}
        with by.connection.begin_nested() as undo:
            try:
                for old, new in ((other, away), (row, other), (away, row)):
                    _rename(by, table, old, new)
            except DBAPIError:  # PostgreSQL keeps no such number in this column
                undo.rollback()
                continue
            found = by.findings()
            undo.rollback()
        done[f"a byte of where a row of {table} stands"] += 1
        if not any(_tells(finding, table, row, other) for finding in found):
            missed.append(f"{table} {row}, {column} byte {at_byte}: {found[:3]}")


def _rename(by: Superuser, table: str, old: dict[str, int], new: dict[str, int]) -> None:
    change = ", ".join(f"{name} = :new_{name}" for name in new)
    where = " AND ".join(f"{name} = :old_{name}" for name in old)
    values = {f"new_{name}": value for name, value in new.items()} | {f"old_{name}": old[name] for name in old}
    by.do(f"UPDATE {table} SET {change} WHERE {where}", **values)  # noqa: S608  # our names


def _tells(finding: Finding, table: str, row: dict[str, int], other: dict[str, int]) -> bool:
    """Say whether the finding names the row's old or new place, or the leaves between which it lies."""
    word = table.removeprefix("ledger_")
    if finding.row in {f"{word} {'/'.join(str(part) for part in one.values())}" for one in (row, other)}:
        return True
    span = re.search(r"lies in leaves (\d+) to (\d+)", finding.detail)
    return span is not None and table == "ledger_leaf" and int(span[1]) <= row["number"] <= int(span[2])


def spoken(by: Superuser, done: Counter[str], missed: list[str], every: int = 1) -> None:
    """Flip a bit of each byte of what is signed beside the log, one row at a time: the row must be named."""
    for table, columns in SPOKEN.items():
        check: Callable[[Superuser], list[Finding]] = _CHECKED.get(table, Superuser.months)
        for column in columns:
            for at_byte, names in _flips(by, table, column, every):
                told = {finding.row for finding in check(by)}
                done[f"a byte of {table}"] += 1
                if not names & told:
                    missed.append(f"{table}.{column}, byte {at_byte}: {sorted(names)} not in {sorted(told)[:3]}")


def _flips(by: Superuser, table: str, column: str, every: int) -> Iterator[tuple[int, set[str]]]:
    rows = by.do(f"SELECT {by.where}, {column} FROM {table} ORDER BY 1").all()  # noqa: S608  # our names
    before = _names(by, table)
    given = "CAST(CAST(:value AS BLOB) AS TEXT)" if by.sqlite and any(isinstance(v, str) for _, v in rows) else ":value"
    for row, value in rows:
        length = 8 if isinstance(value, int) else 16 if value is None or not hasattr(value, "__len__") else len(value)
        for at_byte in range(0, length if isinstance(value, bytes) else length * 2, every):
            bent = flip(value, at_byte, sqlite=by.sqlite)
            if bent is None:
                continue
            with by.connection.begin_nested() as undo:
                try:
                    by.connection.execute(
                        text(f"UPDATE {table} SET {column} = {given} WHERE {by.where} = :row"),  # noqa: S608
                        {"value": bent, "row": row},
                    )
                except DBAPIError:  # PostgreSQL keeps no such number in this column
                    undo.rollback()
                    continue
                after = {name for names in _names(by, table).values() for name in names}
                yield at_byte, before[row] | (after - {name for names in before.values() for name in names})
                undo.rollback()


def _names(by: Superuser, table: str) -> dict[Any, set[str]]:
    """Return by which names a finding may call each row of the table."""
    if table.endswith("_key_change"):
        rows = by.do(f"SELECT {by.where}, number FROM {table}")  # noqa: S608  # our names
        return {row: {f"change {number}"} for row, number in rows}
    if table == "period_close":
        return {row: {closing._uuid(one)} for row, one in by.do(f"SELECT {by.where}, id FROM period_close")}  # noqa: S608
    if table == "statement":
        rows = by.do(f"SELECT {by.where}, id, file_sha256 FROM statement")  # noqa: S608
        return {
            row: {f"statement {closing._uuid(one)}", f"statement {bytes(digest).hex()}"} for row, one, digest in rows
        }
    day = "CAST(as_of AS BLOB)" if by.sqlite else "as_of"
    rows = by.do(f"SELECT {by.where}, allocation_id, {day} FROM declared_balance")  # noqa: S608
    return {row: {f"gift {gift} on {closing._said(day)}"} for row, gift, day in rows}


def rows_of_months(by: Superuser, done: Counter[str], missed: list[str]) -> None:
    """Delete and insert rows beside the log; say of each way which rule must see it."""
    ways = {
        "the first month deleted": ("DELETE FROM period_close WHERE first_day = :first", closing.CHAINED),
        "a month's files lost": ("UPDATE period_close SET pdf = NULL", closing.WHOLE),
        "a statement of a closed month deleted": ("DELETE FROM statement WHERE first_day = :tenth", closing.TOLD),
        "a declared balance deleted": ("DELETE FROM declared_balance WHERE as_of = :last", closing.TOLD),
        "a balance declared again": (
            "UPDATE declared_balance SET as_of = :last, edition = 2 WHERE as_of <> :last", closing.TOLD
        ),
        "the first key of months deleted": ("DELETE FROM statement_key_change WHERE number = 1", closing.KEYS),
        "the last key of months deleted": ("DELETE FROM statement_key_change WHERE number = 2", closing.KEYS),
        "the first key of the log deleted": ("DELETE FROM ledger_key_change WHERE number = 1", KEYS),
        "the last key of the log deleted": ("DELETE FROM ledger_key_change WHERE number = 2", KEYS),
    }  # fmt: skip
    days = {"first": date(2026, 3, 1), "tenth": date(2026, 3, 10), "last": date(2026, 3, 31)}
    for kind, (sql, rule) in ways.items():
        given = {name: day.isoformat() if by.sqlite else day for name, day in days.items() if f":{name}" in sql}
        with by.connection.begin_nested() as undo:
            by.do(sql, **given)
            found = by.keys() + by.months()
            undo.rollback()
        done[kind] += 1
        if rule not in {finding.rule for finding in found}:
            missed.append(f"{kind}: {found[:3]}")
