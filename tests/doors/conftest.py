"""The composed application, for tests of the doors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask

from tests.desk import Desk
from tests.house import make_app
from voucher_service.web.house import TRANSLATIONS


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        """Move it on by a `timedelta`'s arguments."""
        self.at += timedelta(**by)


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    """The application on SQLite with branches and staff."""
    return make_app(sqlite_url, tmp_path)


@pytest.fixture
def clock(app: Flask) -> Clock:
    """The application's own clock, in our hands."""
    app.extensions["clock"] = Clock()
    held: Clock = app.extensions["clock"]
    return held


@pytest.fixture(scope="session", autouse=True)
def compiled_catalogues() -> None:
    """Compile the catalogues that are older than their texts, as `make` does."""
    for source in TRANSLATIONS.glob("*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            with source.open("rb") as text:
                catalogue = read_po(text)
            with compiled.open("wb") as file:
                write_mo(file, catalogue)


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The counter and the beneficiary's door over a small programme, nobody delivering."""
    made = Desk.make(sqlite_url, tmp_path)
    yield made
    made.close()
