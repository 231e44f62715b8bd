"""A migrated database with the small programme in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.world import World, built
from voucher_service.db import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database, on both engines."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    """The programme."""
    return built(database)


@pytest.fixture
def built_sqlite() -> Iterator[Callable[[str], tuple[Database, World]]]:
    """Make the programme in the SQLite file of the address given: for rules that no engine changes."""
    opened: list[Database] = []

    def make(url: str) -> tuple[Database, World]:
        opened.append(Database(url))
        return opened[-1], built(opened[-1])

    yield make
    for database in opened:
        database.close()
