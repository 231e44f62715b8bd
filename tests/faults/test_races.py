"""Races on PostgreSQL, with real connections: each is decided once, and nobody is refused for a race alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults import races
from tests.programme import Programme
from tests.world import THRESHOLD, built
from voucher_service.db import Database

pytestmark = pytest.mark.postgresql


@pytest.fixture
def programme(postgres_url: str) -> Iterator[Programme]:
    """Two gifts, together plenty, and a connection for each thread."""
    made = races.wide(postgres_url, gift=1_000_000, gifts=2)
    yield made
    made.database.close()


@pytest.mark.parametrize(("gift", "gifts"), [(10_000, 1), (5_000, 2), (1_000, 10)])
def test_thirty_two_issue_from_what_suffices_for_twenty(postgres_url: str, gift: int, gifts: int) -> None:
    programme = races.wide(postgres_url, gift=gift, gifts=gifts)
    races.issue_more_than_there_is(programme, threads=32, possible=20)
    programme.database.close()


def test_of_four_ends_one_happens(programme: Programme) -> None:
    won = races.four_ends(programme, rounds=200)
    assert won.total() == 200
    assert len(won) >= 2, "the race is one: not always the same wins"


def test_two_desks_at_the_cap(programme: Programme) -> None:
    races.person_at_the_cap(programme, rounds=25)


def test_two_desks_below_the_cap_both_issue(programme: Programme) -> None:
    for _ in range(10):
        person = programme.person()
        answers = races.rush([partial(programme.issue, person_id=person)] * 4)
        assert [answer for answer in answers if isinstance(answer, str)] == []


def test_two_workers_on_one_batch(programme: Programme) -> None:
    races.two_workers_one_batch(programme, rounds=10)


def test_two_approvers_of_one_gift(postgres_url: str) -> None:
    database = Database(postgres_url)
    races.two_approvers(database, built(database), rounds=10, quantity=THRESHOLD + 1)
    database.close()


def test_nobody_waits_crosswise(programme: Programme) -> None:
    told = races.crossing(programme, rounds=15)
    assert set(told) <= {"ok", "voucher_not_live"}, told
