"""Each bomb is answered 4xx, in time, and the server's memory hardly moves; `python -m tests.bombs` prints figures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bombs.files import BOMBS
from tests.bombs.target import Target, target
from tests.databases import fresh_sqlite
from tests.programme import Programme
from voucher_service.reconciliation.reader.sources import book

MEMORY = 100.0
"""MiB that may be added to the server; the bound the child process lives under is `book.MEMORY`."""
SECONDS = 2.0
QUICK = ("book_of_two_cells", "book_with_a_huge_dimension", "book_that_laughs", "book_of_many_parts")
"""Those that cost the machine least; all of them run in `make drill-bombs`."""
BUSY = 5
"""The machine of the tests runs other tests beside: time is measured on a quiet one, here only hung requests show."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One server for all bombs, on SQLite."""
    url = fresh_sqlite(tmp_path_factory.mktemp("bombs"))
    with target(Programme.make(url), url) as found:
        found.by_page(b"x", "x.csv")  # whatever is made at the first request is made now
        yield found


@pytest.mark.parametrize("name", QUICK)
def test_a_bomb_is_refused(server: Target, name: str) -> None:
    content = BOMBS[name]()
    for way in server.ways.values():
        outcome = way(content)
        assert 400 <= outcome.status < 500
        assert outcome.server < MEMORY
        assert outcome.children < book.MEMORY / 2**20
        assert outcome.seconds < SECONDS * BUSY
