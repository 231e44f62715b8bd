"""Fixtures every test may use: fresh databases on both engines, and a Valkey.

A test that asks for PostgreSQL or Valkey fails, with the reason, when none can be had; it never skips.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.databases import fresh_postgres, fresh_sqlite
from tests.programme import Programme
from tests.quick import quick, real_passwords
from tests.servers.shared import SESSION_VARIABLE, close_session, open_session, shared_valkey
from voucher_service.db import Database

SESSION_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Open the session in the first process; the workers of pytest-xdist inherit its name."""
    if "PYTEST_XDIST_WORKER" not in os.environ or SESSION_VARIABLE not in os.environ:
        folder = config.stash[SESSION_FOLDER] = open_session()
        # The folders of the tests go with the session; `--basetemp` keeps them, to look at what failed.
        config.option.basetemp = config.option.basetemp or folder / "pytest"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers where the session was opened."""
    folder = config.stash.get(SESSION_FOLDER, None)
    if folder is not None:
        close_session(folder)


@pytest.fixture(scope="session", autouse=True)
def quickly() -> Iterator[None]:
    """Spare all tests what `tests.quick` tells of."""
    with quick():
        yield


@pytest.fixture
def costly_passwords() -> Iterator[None]:
    """Hash passwords at the cost of the installation."""
    with real_passwords():
        yield


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with fresh_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url() -> Iterator[str]:
    """A fresh, migrated PostgreSQL database the tests of one module share."""
    with fresh_postgres() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A fresh, migrated SQLite file."""
    return fresh_sqlite(tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def redis_url() -> str:
    """An empty Valkey database; each worker of pytest-xdist has a numbered one of its own."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    url = f"{shared_valkey().rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(autouse=True)
def databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every database a test opened: a connection left to the collector warns in the middle of another test."""
    opened: list[Database] = []
    as_it_is = Database.__init__

    def remember(self: Database, url: str, **options: int) -> None:
        as_it_is(self, url, **options)
        opened.append(self)

    monkeypatch.setattr(Database, "__init__", remember)
    yield
    for database in opened:
        database.close()


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
