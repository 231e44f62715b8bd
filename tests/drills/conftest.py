"""A desk to live orders on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.delivery.desk import Desk
from tests.programme import Programme


@pytest.fixture
def desk(programme: Programme, tmp_path: Path) -> Desk:
    """A desk on both databases."""
    return Desk(programme, tmp_path)
