"""The sandbox partner's own book, in its own file as a partner's would be: orders, the calls it made, its key."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS movement (
    number INTEGER PRIMARY KEY, reference TEXT NOT NULL, tail TEXT NOT NULL, product TEXT NOT NULL,
    quantity INTEGER NOT NULL, unit TEXT NOT NULL, code TEXT NOT NULL, taken_at TEXT NOT NULL,
    done_at TEXT NOT NULL, reversed_at TEXT
);
CREATE INDEX IF NOT EXISTS movement_reference ON movement (reference);
CREATE TABLE IF NOT EXISTS called (number INTEGER NOT NULL, status TEXT NOT NULL, PRIMARY KEY (number, status));
CREATE TABLE IF NOT EXISTS signing (one INTEGER PRIMARY KEY CHECK (one = 1), key BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the partner's book. `code` is "delivered" or why it was refused."""

    number: int
    reference: str
    tail: str
    product: str
    quantity: int
    unit: str
    code: str
    taken_at: datetime
    done_at: datetime
    reversed_at: datetime | None

    @property
    def partner_ref(self) -> str:
        """Return the partner's own reference."""
        return f"SBX-{self.number:08d}"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the book; made when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = sqlite3.connect(path, timeout=30, isolation_level=None)
    book.row_factory = sqlite3.Row
    try:
        book.execute("PRAGMA journal_mode=WAL")
        book.executescript(_SCHEMA)
        yield book
    finally:
        book.close()


def line_of(row: sqlite3.Row) -> Movement:
    """Return a line as it stands in the book."""
    reversed_at = row["reversed_at"]
    return Movement(
        number=row["number"],
        reference=row["reference"],
        tail=row["tail"],
        product=row["product"],
        quantity=row["quantity"],
        unit=row["unit"],
        code=row["code"],
        taken_at=datetime.fromisoformat(row["taken_at"]),
        done_at=datetime.fromisoformat(row["done_at"]),
        reversed_at=datetime.fromisoformat(reversed_at) if reversed_at else None,
    )


def signing_key(book: sqlite3.Connection) -> bytes:
    """Return the key that the partner signs its calls with: drawn once."""
    known = book.execute("SELECT key FROM signing").fetchone()
    if known is None:
        book.execute("INSERT OR IGNORE INTO signing (one, key) VALUES (1, ?)", (os.urandom(32),))
        known = book.execute("SELECT key FROM signing").fetchone()
    key: bytes = known["key"]
    return key
