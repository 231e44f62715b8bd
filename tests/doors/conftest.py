"""The doors over a small programme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on a fresh database, nobody delivering."""
    made = Desk.make(sqlite_url, tmp_path)
    yield made
    made.close()
