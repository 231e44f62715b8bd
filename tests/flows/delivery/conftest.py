"""Desks to deliver from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.delivery.desk import Desk
from tests.programme import Programme


@pytest.fixture
def desk(programme: Programme, tmp_path: Path) -> Desk:
    """A desk with a partner that keeps its word, on both databases."""
    return Desk(programme, tmp_path)


@pytest.fixture
def careless_desk(programme: Programme, tmp_path: Path) -> Desk:
    """A desk whose partner pays a replayed reference a second time."""
    return Desk(programme, tmp_path, enforces_reference=False)


@pytest.fixture
def busy_desk(busy_programme: Programme, tmp_path: Path) -> Desk:
    """A desk on PostgreSQL, where races can be seen."""
    return Desk(busy_programme, tmp_path)


@pytest.fixture
def programme_on_sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose database files can be read as bytes."""
    made = Programme.make(sqlite_url)
    yield Desk(made, tmp_path)
    made.database.close()
