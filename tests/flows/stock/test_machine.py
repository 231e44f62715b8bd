"""The stock-take's equation under random lives, on both databases, and the machine finds what is planted."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.flows.stock.machine import Lives
from tests.flows.stock.shelves import Shelves
from tests.programme import FIRST_DAY
from voucher_service.fulfilment.articles import books, closing, holding, importing, parcels
from voucher_service.fulfilment.articles.count_models import Finding
from voucher_service.partners.models import SecondPersonThreshold

CALM = settings(
    max_examples=6,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Articles of one lot have ids in the order of the file, so that an example comes out the same again."""
    numbers = count(1)
    monkeypatch.setattr(importing, "new_id", lambda: UUID(int=next(numbers)))


def allow(shelves: Shelves) -> None:
    """Let one person write off what a life loses."""
    with shelves.programme.database.begin() as session:
        session.merge(SecondPersonThreshold(unit="piece", effective_from=FIRST_DAY, quantity=100_000))


def test_whatever_happens_paper_rows_and_books_agree(shelves: Shelves) -> None:
    allow(shelves)
    machine = type("TheseLives", (Lives,), {"shelves": shelves})
    run_state_machine_as_test(machine, settings=CALM)


def _any_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set aside the first to expire of any branch."""
    real = holding.pick
    other: Callable[..., Any] = lambda session, claim, branch_id, now: (  # noqa: E731
        real(session, claim, branch_id - 1 if branch_id % 2 == 0 else branch_id + 1, now)
        or real(session, claim, branch_id, now)
    )
    monkeypatch.setattr("voucher_service.fulfilment.stock.pick", other)


def _stays_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A received parcel does not change where its articles are."""
    real = parcels._arrive
    monkeypatch.setattr(
        parcels, "_arrive", lambda s, p, a, **how: real(s, p, a, **(how | {"branch_id": p.from_branch_id}))
    )


def _exchange_without_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two boxes of different lots change places, and the books are not told."""
    real = books.book_step
    steps = (books.PUT_BACK, books.TAKEN)
    monkeypatch.setattr(books, "book_step", lambda s, step, *a, **k: None if step in steps else real(s, step, *a, **k))


def _set_aside_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set aside and not seen is never lost, yet what is missing is taken for explained."""
    real = closing.judge
    swap = {Finding.MISSING: Finding.EXPLAINED}
    monkeypatch.setattr(closing, "judge", lambda *a: swap.get(real(*a), real(*a)))


def _missing_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was missing from a parcel is put in stock all the same."""
    real = parcels._arrive
    monkeypatch.setattr(parcels, "_leave_lost", lambda s, p, a: real(s, p, a, branch_id=p.to_branch_id, arrived=1))


PLANTED = [_any_branch, _stays_where_it_was, _exchange_without_books, _set_aside_is_missing, _missing_arrives]


def drive(shelves: Shelves, seed: int, steps: int = 25) -> None:
    """Let one life be led by a die instead of by Hypothesis, which would ask for the same life twice."""
    die = random.Random(seed)  # invents lives; guards nothing
    life = type("ThisLife", (Lives,), {"shelves": shelves})()
    life.open()
    for _ in range(steps):
        pick, side = die.randrange(30), die.randrange(2)
        ways: list[Callable[[], None]] = [
            partial(life.bring, die.randint(1, 2), side, die.randrange(3)),
            partial(life.want, side),
            partial(life.send, [pick], side),
            partial(life.count, side, {pick}, {die.randrange(30)}),
        ]
        if life._in("held"):
            ways += [partial(life.give, pick, other) for other in (False, True)]
        if life.parcels:
            ways += [partial(life.receive, pick, misses) for misses in (False, True)] + [partial(life.recall, pick)]
        die.choice(ways)()
        life.paper_rows_and_books_agree()


def drive_many(shelves: Shelves) -> None:
    """Lead a dozen lives."""
    for seed in range(12):
        drive(shelves, seed)


def test_the_die_leads_good_lives(shelves: Shelves) -> None:
    allow(shelves)
    drive(shelves, 1)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_found(
    programme_on_sqlite_shelves: Shelves, monkeypatch: pytest.MonkeyPatch, plant: Callable[..., None]
) -> None:
    allow(programme_on_sqlite_shelves)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        drive_many(programme_on_sqlite_shelves)
