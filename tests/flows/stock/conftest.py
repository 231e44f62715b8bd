"""Branches with shelves."""

from __future__ import annotations

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
