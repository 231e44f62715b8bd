"""The stock-take's equation under random lives, on both databases, and the machine finds what is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.flows.stock.machine import Lives
from tests.flows.stock.shelves import Shelves
from tests.programme import FIRST_DAY
from voucher_service.fulfilment.articles import closing, hand_over, holding, parcels
from voucher_service.fulfilment.articles.count_models import Finding
from voucher_service.partners.models import SecondPersonThreshold

CALM = settings(
    max_examples=6,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def live(shelves: Shelves, how: settings = CALM) -> None:
    """Let articles live."""
    with shelves.programme.database.begin() as session:
        session.merge(SecondPersonThreshold(unit="piece", effective_from=FIRST_DAY, quantity=100_000))
    machine = type("TheseLives", (Lives,), {"shelves": shelves})
    run_state_machine_as_test(machine, settings=how)


def test_whatever_happens_paper_rows_and_books_agree(shelves: Shelves) -> None:
    live(shelves)


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
        parcels, "_arrive", lambda s, p, a, *, branch_id, arrived: real(s, p, a, branch_id=p.from_branch_id, arrived=arrived)
    )  # fmt: skip


def _exchange_without_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two boxes of different lots change places, and the books are not told."""
    real = hand_over.books.book_step
    steps = (hand_over.books.PUT_BACK, hand_over.books.TAKEN)
    monkeypatch.setattr(
        hand_over.books, "book_step", lambda s, step, *a, **k: None if step in steps else real(s, step, *a, **k)
    )


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
EAGER = settings(CALM, max_examples=60, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_machine_finds_what_is_planted(
    programme_on_sqlite_shelves: Shelves, monkeypatch: pytest.MonkeyPatch, plant: Callable[..., None]
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        live(programme_on_sqlite_shelves, EAGER)
