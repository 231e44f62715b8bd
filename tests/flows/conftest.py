"""The programme that flows run in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.programme import Programme


@pytest.fixture
def programme(database_url: str) -> Iterator[Programme]:
    """A programme ready to issue from, on both databases."""
    made = Programme.make(database_url)
    yield made
    made.database.close()


@pytest.fixture
def busy_programme(postgres_url: str) -> Iterator[Programme]:
    """A programme on PostgreSQL, where races can be seen."""
    made = Programme.make(postgres_url)
    yield made
    made.database.close()
