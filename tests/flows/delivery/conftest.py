"""Desks to deliver from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.flows.delivery.desk import Desk
from tests.flows.delivery.linked import TMF654, Link, Linked, Linking
from tests.integrations.talk import served
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


@pytest.fixture
def linking(programme: Programme) -> Iterator[Linking]:
    """Make a desk behind a connection of this kind; the partner is told who is refused."""
    with ExitStack() as stack:

        def make(link: Link, *, codes: dict[str, Any] | None = None, **settings: str) -> Linked:
            more = {"codes": codes} if codes else {}
            there = stack.enter_context(served(link.partner(**more)))
            if link is TMF654:
                settings["codes"] = "400 21 beneficiary\n403 30 partner_precondition"
            return Linked(programme, link, there, **settings)

        yield make
