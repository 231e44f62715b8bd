"""What few files state of their lines besides: rows of small tables. Files without it write nothing."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from psycopg.copy import QueuedLibpqWriter
from sqlalchemy.orm import Session

from voucher_service.reconciliation.load import Load
from voucher_service.reconciliation.reader.columns import Columns

_PORTION = 10_000


class Costs:
    """A loader that remembers what lines cost, on their way to `load`: twelve bytes a line."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lines = array("I")
        self._costs = array("Q")

    def __call__(self, columns: Columns) -> None:
        """Load the lines."""
        self._load(columns)
        for line, cost in zip(columns.line, columns.cost, strict=False):  # none without the column
            if cost is not None:
                self._lines.append(line)
                self._costs.append(cost)

    def write(self, session: Session, number: int) -> None:
        """Keep them, for the lines of the statement with that number."""
        base = number << 32
        rows = zip([base + line for line in self._lines], self._costs, strict=True)
        if self._lines:
            add_rows(session, "stated_cost", ("line_id", "cost"), rows)


def add_rows(session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Add rows of whole numbers, bytes, or texts without control characters: COPY on PostgreSQL."""
    driver: Any = session.connection().connection.driver_connection
    names = ", ".join(columns)
    if session.get_bind().dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608  # our own names
        return
    cursor, left = driver.cursor(), iter(rows)
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN", writer=QueuedLibpqWriter(cursor)) as copy:
        while portion := [*islice(left, _PORTION)]:
            copy.write("".join("\t".join(map(_text, row)) + "\n" for row in portion))


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)
