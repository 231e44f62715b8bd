"""An open database for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voucher_service.db import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test: once on SQLite, once on PostgreSQL."""
    made = Database(database_url)
    yield made
    made.close()
