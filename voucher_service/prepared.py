"""One statement compiled once and prepared by the driver, for the path where microseconds count.

SQLAlchemy's execution of a large statement costs about a millisecond of CPU, most of it the driver splitting
the text at its placeholders again each time. Numbered placeholders need no splitting, and a parameter that
occurs five times is sent once. PostgreSQL only; errors are those SQLAlchemy would raise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.sql import ClauseElement

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement with named parameters; every constant in it must be written out, not bound."""

    def __init__(self, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]  # ships no types for it
        self.names = tuple(dict.fromkeys(_PLACEHOLDER.findall(str(compiled))))
        numbers = {name: f"${number}" for number, name in enumerate(self.names, start=1)}
        self.sql = _PLACEHOLDER.sub(lambda found: numbers[found[1]], str(compiled)).replace("%%", "%")
        bound = {name: value for name, value in compiled.params.items() if value is not None}
        assert not bound, f"constants must be written out: {bound}"

    def one_or_none(self, connection: Connection, given: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Execute in the connection's transaction and return the only row, or None.

        Values go to the driver as they are: JSON as text, instants aware.

        Raises:
            IntegrityError, OperationalError: as SQLAlchemy names them.
        """
        rows = self.all(connection, given)
        return rows[0] if rows else None

    def all(self, connection: Connection, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute as `one_or_none` does and return every row."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        try:
            with psycopg.RawCursor(driver) as cursor:
                # Prepared on the server at the first use: planning costs more than executing.
                cursor.execute(self.sql.encode(), [given[name] for name in self.names], prepare=True)
                return cursor.fetchall()
        except psycopg.IntegrityError as error:
            raise IntegrityError(self.sql, None, error) from error
        except psycopg.OperationalError as error:
            connection.invalidate(error)
            raise OperationalError(self.sql, None, error, connection_invalidated=True) from error
