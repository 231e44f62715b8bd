"""What the owner of the database can do to the books: each a change in a transaction that is undone afterwards.

Triggers, foreign keys and checks are off, as a superuser can switch them off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from tests.seal.log import Log
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.audit_files import file_findings
from voucher_service.ledger.seal import inspect_keys, publish, sealer
from voucher_service.ledger.seal.inspect import KEYS, inspect
from voucher_service.ledger.seal.models import KeyChange
from voucher_service.reconciliation.closing import inspect as closing
from voucher_service.reconciliation.closing.signing import StatementSigner

COLUMNS = {
    "transfer": (
        "id", "key", "request_hash", "unit", "quantity", "source_id", "destination_id", "reason", "object_kind",
        "object_id", "actor", "occurred_at", "recorded_at", "resolves_id", "corrects_id",
    ),
    "ledger_leaf": ("transfer_id", "hash"),
    "ledger_node": ("hash",),
    "ledger_checkpoint": ("root", "note"),
}  # fmt: skip
LOG = ("ledger_leaf", "ledger_node", "ledger_checkpoint")
MONTHS = (
    "ledger_key_change", "statement_key_change", "period_close", "statement", "declared_balance",
)  # fmt: skip


@dataclass(slots=True)
class Superuser:
    """Someone inside the database. `where` addresses a row: `rowid` or `ctid`."""

    connection: Connection
    log: Log

    @property
    def sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        return "rowid" if self.sqlite else "ctid"

    def do(self, sql: str, **values: Any) -> Any:
        """Execute, with ids as the database keeps them."""
        kept = {name: one.hex if self.sqlite and isinstance(one, UUID) else one for name, one in values.items()}
        return self.connection.execute(text(sql), kept)

    def findings(self, outside: Sequence[str] | None = None) -> list[Finding]:
        """What the check says now, two hours later."""
        now = self.log.programme.now + timedelta(hours=2)
        notes = self.log.kept() if outside is None else outside
        with Session(self.connection, join_transaction_mode="rollback_only") as session:
            return list(inspect(session, self.log.signer.key, notes, now=now, most=10**6))

    def keys(self) -> list[Finding]:
        """What the check says of the log's keys and checkpoints, private keys included."""
        with Session(self.connection, join_transaction_mode="rollback_only") as session:
            return [*self.findings(), *inspect_keys.private(session, self.log.signer, KeyChange, KEYS)]

    def months(self) -> list[Finding]:
        """What the check says of the months now."""
        with Session(self.connection, join_transaction_mode="rollback_only") as session:
            signer = StatementSigner(self.log.programme.vault)
            found = list(closing.inspect(session, signer, publish.outside_changes(self.log.folder)))
            files = file_findings(session, self.log.programme.vault)
            return found + [Finding(rule, f"statement {closing._uuid(row)}", what) for rule, row, what in files]

    def seal_again(self, sizes: Sequence[int]) -> None:
        """Throw the log away and make it again as it was made, up to each of `sizes`, with the stolen key."""
        for table in LOG:
            self.do(f"DELETE FROM {table}")  # noqa: S608  # one of three names
        with Session(self.connection, join_transaction_mode="rollback_only") as session:
            done = 0
            for size in sizes:
                done += sealer.seal_portion(
                    session, self.log.signer, now=self.log.programme.now, sweep=True, portion=size - done
                )
            session.flush()


@contextmanager
def superuser(log: Log) -> Iterator[Superuser]:
    """Let anything happen, then undo it."""
    with log.programme.database.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA ignore_check_constraints = ON")
        with connection.begin() as transaction:
            if sqlite:
                names = (
                    connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
                )
                for name in names:
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                for table in ("transfer", *LOG, *MONTHS):
                    checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = CAST(:t AS regclass)"
                    for name in connection.execute(text(checks), {"t": table}).scalars().all():
                        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
            yield Superuser(connection, log)
            transaction.rollback()
        if sqlite:
            connection.invalidate()


def flips(by: Superuser, table: str, column: str) -> Iterator[tuple[int, list[Any]]]:
    """Flip one bit of the byte at each position of the column, in every row at once; yield the rows' addresses.

    Each flip stands in a savepoint that is undone before the next. A row whose value is shorter, or NULL, is left.
    """
    rows = by.connection.execute(text(f"SELECT {by.where}, {column} FROM {table}")).all()  # noqa: S608  # our names
    texts = by.sqlite and any(isinstance(value, str) for _, value in rows)
    given = "CAST(CAST(:value AS BLOB) AS TEXT)" if texts else ":value"
    change = text(f"UPDATE {table} SET {column} = {given} WHERE {by.where} = :row")  # noqa: S608  # our names
    for position in count():
        bent = [{"row": row, "value": flip(value, position, sqlite=by.sqlite)} for row, value in rows]
        bent = [one for one in bent if one["value"] is not None]
        if not bent:
            return
        with by.connection.begin_nested() as undo:
            by.connection.execute(change, bent)
            yield position, [one["row"] for one in bent]
            undo.rollback()


def flip(value: Any, position: int, *, sqlite: bool) -> Any:
    """Return the value with a bit of one byte flipped; None where it has no such byte."""
    length = {int: 8, datetime: 7, date: 3, UUID: 16, type(None): 0}.get(type(value))
    if position >= (len(value) if length is None else length):
        return None
    bit = 1 << position % 8
    changed: Any
    if isinstance(value, int):
        changed = value ^ (bit << 8 * position)
        changed -= 2**64 if changed >= 2**63 else 0
    elif isinstance(value, datetime):  # PostgreSQL keeps microseconds in eight bytes; the last is beyond the calendar
        changed = value + timedelta(microseconds=256**position)
    elif isinstance(value, date):  # days in four bytes, of which the last is beyond the calendar
        changed = value + timedelta(days=256**position)
    elif isinstance(value, UUID):
        changed = UUID(int=value.int ^ (bit << 8 * (15 - position)))
    elif isinstance(value, str) and not sqlite:  # PostgreSQL takes no byte that is not text
        changed = value[:position] + chr(ord(value[position]) ^ 1) + value[position + 1 :]
    else:
        raw = value.encode() if isinstance(value, str) else bytes(value)
        changed = raw[:position] + bytes([raw[position] ^ bit]) + raw[position + 1 :]
    return changed
