"""A desk on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()
