"""A migrated database with the small programme in it, and a vault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World, built
from voucher_service.crypto import Vault
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
def vault() -> Vault:
    """A vault with a master key of its own."""
    return Vault(bytes(range(32)))
