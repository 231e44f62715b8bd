"""Figures against a programme whose history is written by the real functions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programme import Programme
from voucher_service.fulfilment.settle import found_delivered
from voucher_service.impact.figures import Dashboard, Delivered, Figures, Live, dashboard
from voucher_service.impact.small_cells import LEAST, for_funders, is_small, total_for_funders
from voucher_service.units import Unit


@pytest.fixture
def programme(database_url: str) -> Iterator[Programme]:
    """A programme ready to issue from, on both databases."""
    made = Programme.make(database_url)
    yield made
    made.database.close()


def visit(programme: Programme, at: datetime, *, person: UUID | None = None, branch: int = 0) -> UUID:
    """Issue a voucher and redeem it at `at`; return the order."""
    programme.now = at
    place = programme.branches[branch]
    code = programme.digits(programme.issue(person_id=person))
    recorded = programme.scan(code, branch_id=place.id, till_book_id=place.till_book_id, paid_cents=200)
    assert recorded.order_id is not None, recorded
    return recorded.order_id


def deliver(programme: Programme, order: UUID, at: datetime) -> None:
    """Let the partner confirm the order at `at`."""
    with programme.database.begin() as session:
        found_delivered(session, order, partner_ref=None, actor="partner", occurred_at=at, now=at)


def seen(programme: Programme, now: datetime) -> Dashboard:
    """Return the dashboard as of `now`."""
    with programme.database.read() as session:
        return dashboard(session, now)


def test_an_empty_programme_shows_zeros(programme: Programme) -> None:
    board = seen(programme, datetime(2026, 3, 20, tzinfo=UTC))
    assert board.this_month == Figures()
    assert [month for month, _ in board.months] == [
        *(date(2025, month, 1) for month in range(4, 13)),
        *(date(2026, month, 1) for month in range(1, 4)),
    ]
    assert board.cities == {"Lille": Figures(), "Marseille": Figures()}
    assert board.live == {}


def test_people_visits_and_top_ups_are_counted_where_and_when_they_happened(programme: Programme) -> None:
    anna, bilal = programme.person(), programme.person()
    march = datetime(2026, 3, 10, 9, tzinfo=UTC)
    first = visit(programme, march - timedelta(days=40), person=anna)
    second = visit(programme, march, person=anna)
    visit(programme, march + timedelta(days=1), person=anna, branch=1)
    third = visit(programme, march + timedelta(days=1), person=bilal, branch=1)
    visit(programme, march + timedelta(days=2))
    for order in (first, second, third):
        deliver(programme, order, march + timedelta(days=3))
    programme.issue()
    board = seen(programme, march + timedelta(days=4))
    two, one = {Unit.EUR_CENT: Delivered(2, 1_000)}, {Unit.EUR_CENT: Delivered(1, 500)}
    assert board.this_month == Figures(2, 4, {Unit.EUR_CENT: Delivered(3, 1_500)})
    assert board.months[-1] == (date(2026, 3, 1), board.this_month)
    assert board.months[-3:-1] == [(date(2026, 1, 1), Figures(1, 1)), (date(2026, 2, 1), Figures())]
    assert board.cities == {"Lille": Figures(1, 2, two), "Marseille": Figures(2, 2, one)}
    assert board.live == {Unit.EUR_CENT: Live(1, 500, 500)}
    assert programme.findings() == []


def test_a_month_ends_at_midnight_in_paris(programme: Programme) -> None:
    visit(programme, datetime(2026, 3, 31, 21, 59, 59, 999_999, tzinfo=UTC))
    visit(programme, datetime(2026, 3, 31, 22, 0, tzinfo=UTC))
    board = seen(programme, datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert [(month.month, figures.visits) for month, figures in board.months[-2:]] == [(3, 1), (4, 1)]


def test_twelve_months_and_no_day_more(programme: Programme) -> None:
    visit(programme, datetime(2025, 3, 31, 21, 59, tzinfo=UTC))
    visit(programme, datetime(2025, 3, 31, 22, 0, tzinfo=UTC))
    board = seen(programme, datetime(2026, 3, 20, tzinfo=UTC))
    assert [figures.visits for _, figures in board.months] == [1] + [0] * 11


def test_a_voucher_past_its_last_day_is_not_live(programme: Programme) -> None:
    voucher = programme.issue()
    noon = datetime(voucher.last_day.year, voucher.last_day.month, voucher.last_day.day, 11, tzinfo=UTC)
    assert seen(programme, noon).live == {Unit.EUR_CENT: Live(1, 500, 500)}
    assert seen(programme, noon + timedelta(days=1)).live == {}


def test_small_figures_are_hidden_together_with_the_next_smallest() -> None:
    parts = {
        "Lille": Figures(40, 80),
        "Lyon": Figures(3, 12),
        "Nantes": Figures(),
        "Paris": Figures(9, 14, {Unit.SMS: Delivered(20, 400)}),
    }
    assert for_funders(parts) == {**parts, "Lyon": None, "Paris": None}
    assert total_for_funders(Figures(4, 9)) is None
    assert total_for_funders(Figures(5, 9)) == Figures(5, 9)
    assert is_small(Figures(5, 9, {Unit.SMS: Delivered(4, 400), Unit.PIECE: Delivered(9, 9)}))


counts = st.integers(0, 12)
cells = st.builds(
    lambda people, more, top_ups: Figures(
        people, people + more, {Unit.EUR_CENT: Delivered(top_ups, top_ups * 500)} if top_ups else {}
    ),
    counts,
    counts,
    counts,
)


@given(st.dictionaries(st.sampled_from("ABCDEFG"), cells))
def test_nothing_hidden_can_be_had_by_subtraction(parts: dict[str, Figures]) -> None:
    shown = for_funders(parts)
    assert shown.keys() == parts.keys()
    assert not any(is_small(figures) for figures in shown.values() if figures is not None)
    assert all(figures is None or figures == parts[name] for name, figures in shown.items())
    hidden = [parts[name] for name, figures in shown.items() if figures is None]
    left = [figures for figures in shown.values() if figures is not None and figures.visits + figures.top_ups]
    if hidden and left:
        assert len(hidden) >= 2
        assert min(sum(each.people for each in hidden), sum(each.visits for each in hidden)) >= LEAST
    if not any(is_small(figures) for figures in parts.values()):
        assert hidden == []
