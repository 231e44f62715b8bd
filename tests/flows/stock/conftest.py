"""Branches with shelves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.stock.shelves import Shelves
from tests.programme import Programme


@pytest.fixture
def shelves(programme: Programme, tmp_path: Path) -> Shelves:
    """Two branches, on both databases."""
    return Shelves(programme, tmp_path)


@pytest.fixture
def busy_shelves(busy_programme: Programme, tmp_path: Path) -> Shelves:
    """Two branches on PostgreSQL, where races can be seen."""
    return Shelves(busy_programme, tmp_path)


@pytest.fixture
def programme_on_sqlite_shelves(sqlite_url: str, tmp_path: Path) -> Iterator[Shelves]:
    """Two branches on SQLite, for what need not be tried twice."""
    made = Programme.make(sqlite_url)
    yield Shelves(made, tmp_path)
    made.database.close()
