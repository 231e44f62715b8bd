"""Canonical lines into the database while the file is still being read: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from psycopg.copy import QueuedLibpqWriter
from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.reconciliation.reader.columns import Columns

Load = Callable[[Columns], None]

_FIELDS = "id, our_ref, named_id, partner_ref, serial, unit, quantity, status, event_at, product"
_COPY = f"COPY stated_line ({_FIELDS}) FROM STDIN"
_INSERT = f"INSERT INTO stated_line ({_FIELDS}) VALUES (?{', ?' * 9})"  # noqa: S608  # our own names


@contextmanager
def line_loader(session: Session, number: int) -> Iterator[Load]:
    """Give the function that adds lines to the statement of that number; they count once the block ends in peace."""
    driver: Any = session.connection().connection.driver_connection
    base = number << 32
    if session.get_bind().dialect.name == "sqlite":

        def insert(columns: Columns) -> None:
            named = [text and text.replace("-", "") for text in columns.named]
            driver.executemany(_INSERT, _rows(columns, base, named))

        yield insert
        return
    cursor = driver.cursor()
    # A thread feeds the server, which takes in one portion while the next is being read.
    with cursor.copy(_COPY, writer=QueuedLibpqWriter(cursor)) as copy:

        def send(columns: Columns) -> None:
            copy.write(_text(columns, base))

        yield send
    # The planner knows nothing of rows written just now, and would match them one by one.
    session.execute(text("ANALYZE stated_line"))


def _rows(columns: Columns, base: int, named: list[str | None]) -> Iterator[tuple[object, ...]]:
    return zip(
        [base + line for line in columns.line], _spelled(columns) or repeat(None), named, columns.partner_ref,
        columns.serial, columns.unit, columns.quantity, columns.status, columns.event_at,
        columns.product or repeat(None), strict=False,
    )  # fmt: skip


def _text(columns: Columns, base: int) -> str:
    """Return the lines as COPY reads them. References hold no control characters; a backslash is doubled."""
    cells = zip(
        _ids(columns.line, base), _cells(_spelled(columns)), _cells(columns.named),
        _cells(columns.partner_ref), _cells(columns.serial), columns.unit, map(str, columns.quantity), columns.status,
        columns.event_at, _cells(columns.product), strict=False,
    )  # fmt: skip
    return "\n".join(map("\t".join, cells)) + "\n"


def _ids(lines: Sequence[int], base: int) -> Iterable[str]:
    if isinstance(lines, range):  # nearly always: line follows line
        return map(str, range(base + lines.start, base + lines.stop, lines.step))
    return [str(base + line) for line in lines]


def _spelled(columns: Columns) -> Sequence[str | None]:
    """Return our references where they are not the id of an order itself, which stands beside; nothing if all are."""
    if columns.our_ref is columns.named:
        return ()
    return [None if ours == named else ours for ours, named in zip(columns.our_ref, columns.named, strict=True)]


def _cells(texts: Sequence[str | None]) -> Iterable[str]:
    if not any(texts):
        return repeat("\\N")
    return ["\\N" if text is None else text.replace("\\", "\\\\") if "\\" in text else text for text in texts]
