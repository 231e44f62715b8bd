"""An open database for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import fresh_sqlite
from tests.flows.reconciliation.left import Books, make_books
from voucher_service.db import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test: once on SQLite, once on PostgreSQL."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database for what is planted: the language of the queries is the same."""
    database = Database(fresh_sqlite(tmp_path))
    yield database
    database.close()


@pytest.fixture
def held(database: Database) -> Books:
    """A partner with an ample gift, of which two orders of 10 € were delivered."""
    return make_books(database)
