"""What a partner's tolerance books by itself: up to its bounds, all of a statement or nothing, and listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from tests.flows.reconciliation.builders import AMPLE, NOON, add_gift, make_world
from tests.flows.reconciliation.left import CLAIRE, DAY, LATER, OMAR, Books, make_books
from tests.flows.reconciliation.test_statements import line
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.allocations import allocation_report
from voucher_service.reconciliation.balances import compare, tolerance
from voucher_service.reconciliation.balances.models import Tolerance
from voucher_service.reconciliation.models import Break, BreakClass
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Settlement, Way
from voucher_service.units import Unit


@pytest.mark.parametrize(
    ("each", "most", "open_ones"),
    [(0, 0, 2), (4, 4, 2), (3, 4, 2), (3, 5, 0), (3, 6, 0)],
    ids=["none", "one line above it", "above the bound", "at the bound", "below it"],
)
def test_tolerance_is_booked_up_to_its_bounds_and_never_in_part(
    held: Books, each: int, most: int, open_ones: int
) -> None:
    """One line says 3 cents more than we booked, the other 2 less."""
    one, two = held.orders
    if each == 4:
        each, most = 2, 9  # smaller than one of the two: that stays, the other is booked
        open_ones = 1
    if each:
        held.tolerate(each, most)
    result = held.compared(line(one, "10,03"), line(two, "9,98"))
    assert result.figures.by_class.get(BreakClass.AMOUNT_DIFFERS, 0) == open_ones
    assert result.figures.complete
    booked = {(3, 5): [3, -2], (3, 6): [3, -2], (2, 9): [-2]}.get((each, most), [])
    with held.database.read() as session:
        made = session.scalars(select(Settlement).where(Settlement.way == Way.TOLERANCE.value)).all()
        assert sorted(one.quantity for one in made) == sorted(booked)
        assert all("ligne" in one.note and one.transfer_id for one in made)
        variance = balances(session, held.world.book_id).get(AccountKind.VARIANCE, 0)
    assert variance == sum(booked)
    assert held.left().closing == AMPLE - 2_000 - sum(booked), "what is left follows the partner's figures"
    with held.database.begin() as session:  # again: nothing more
        statement_id = session.scalars(select(Break.statement_id)).first()
        assert statement_id is not None
        run(session, statement_id, LATER)
        assert len(session.scalars(select(Settlement)).all()) == len(booked)
    assert held.faults() == []


def test_tolerance_that_people_undo_is_not_used_again(held: Books) -> None:
    held.tolerate(5, 5)
    held.compared(line(held.orders[0], "10,03"), line(held.orders[1]))
    with held.database.read() as session:
        made = session.scalars(select(Settlement)).one()
        statement_id = session.scalars(select(Break.statement_id)).one()
        assert statement_id is not None
    undone = held.database.run(settle.propose_undo, made.id, note="À revoir", actor=CLAIRE, now=LATER)
    held.database.run(settle.agree, undone.id, actor=OMAR, now=LATER)
    held.database.run(run, statement_id, LATER)
    assert held.breaks("amount_differs") == [(3, True)]
    assert held.faults() == []


@pytest.mark.parametrize(("differs", "is_open"), [(-5, False), (5, False), (6, True)])
def test_the_residual_of_a_balance_is_tolerated_likewise(held: Books, differs: int, is_open: bool) -> None:
    held.tolerate(5, 5)
    held.declare(AMPLE - 2_000 + differs)
    assert held.breaks() == [(differs, is_open)]
    assert held.left().closing == AMPLE - 2_000 + (0 if is_open else differs)
    held.database.run(compare.refresh_partner, held.world.partner_id, LATER)
    assert held.breaks() == [(differs, is_open)]
    with held.database.read() as session:
        (gift,) = allocation_report(session, held.world.partner_id)
    assert gift.holds, "what was agreed to be unexplained is no fault of the books"
    assert gift.variance == (0 if is_open else -differs)
    assert held.faults() == []


EVE = DAY - timedelta(days=1)


@pytest.mark.parametrize("planted", [False, True], ids=["", "planted"])
@pytest.mark.parametrize(
    ("told", "kept"),
    [("balance", "ended"), ("line", "ended"), ("balance", "of another unit"), ("balance", "of another operator")],
)
def test_a_tolerance_serves_its_own_days_unit_and_operator_only(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, told: str, kept: str, planted: bool
) -> None:
    """Planted: whoever asks gets the widest there is."""
    held = make_books(sqlite)
    if kept == "of another operator":
        with sqlite.begin() as session:
            other = replace(held, world=make_world(session, "Opérateur B"))
        other.tolerate(5, 5)
    elif kept == "of another unit":
        replace(held, world=replace(held.world, unit=Unit.MEGABYTE)).tolerate(5, 5)
    else:
        held.tolerate(5, 5, since=EVE)
        held.tolerate(0, 0)
    if planted:
        widest = select(Tolerance).order_by(Tolerance.each.desc()).limit(1)
        monkeypatch.setattr(tolerance, "tolerance_on", lambda session, *_: session.scalar(widest))
    if told == "line":
        held.compared(line(held.orders[0], "10,03"), line(held.orders[1]))
        assert held.breaks("amount_differs") == [(3, not planted)]
    else:
        held.declare(AMPLE - 2_000 - 3)
        assert held.breaks() == [(-3, not planted)]


def test_the_day_of_a_balance_says_which_tolerance_holds(sqlite: Database) -> None:
    held = make_books(sqlite)
    held.tolerate(5, 5, since=EVE)
    held.tolerate(0, 0)
    held.declare(-5, day=EVE)  # nothing had been given yet
    assert held.breaks() == [(-5, False)]
    held.declare(AMPLE - 2_000 - 5)
    assert held.breaks() == [(-5, False)], "what was booked for the eve counts on the day after too"
    assert held.faults() == []


@pytest.mark.parametrize("planted", [False, True], ids=["", "planted"])
def test_two_balances_of_one_day_share_the_bound(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    held = make_books(sqlite)
    with sqlite.begin() as session:
        second = add_gift(session, session.get_one(Partner, held.world.partner_id), 9, Unit.EUR_CENT)
    if planted:
        monkeypatch.setattr(tolerance, "_used", lambda *_: 0)
    held.tolerate(3, 5)
    held.declare(AMPLE - 2_000 - 3)
    replace(held, world=replace(held.world, book_id=second)).declare(AMPLE - 3)
    assert sorted(held.breaks()) == [(-3, False), (-3, not planted)]


def test_a_balance_corrected_after_its_difference_was_tolerated_ends_with_nothing_open(sqlite: Database) -> None:
    """The booking was for a figure that no longer counts: undone, its difference must not come back."""
    held = make_books(sqlite)
    held.tolerate(3, 5)
    held.declare(AMPLE - 2_000 - 3)
    held.declare(AMPLE - 2_000, reason="Trois centimes retrouvés")
    assert sorted(held.breaks()) == [(-3, False), (3, True)], "three and three are above the bound"
    with sqlite.read() as session:
        made = session.scalars(select(Settlement)).one()
    undone = sqlite.run(settle.propose_undo, made.id, note="Corrigé depuis", actor=CLAIRE, now=LATER)
    sqlite.run(settle.agree, undone.id, actor=OMAR, now=LATER)
    assert sorted(held.breaks()) == [(-3, False), (3, False)]
    assert held.left().closing == AMPLE - 2_000
    assert held.faults() == []


def test_a_wider_tolerance_is_never_for_today(held: Books) -> None:
    def put(each: int, most: int, since: date) -> None:
        held.database.run(
            tolerance.set_tolerance, partner_id=held.world.partner_id, unit=Unit.EUR_CENT, each=each, most=most,
            effective_from=since, actor=CLAIRE, today=DAY, now=NOON,
        )  # fmt: skip

    tomorrow = DAY + timedelta(days=1)
    for each, most, since in ((1, 1, DAY), (1, 1, DAY - timedelta(days=1)), (2, 1, tomorrow), (-1, 1, tomorrow)):
        with pytest.raises(BadInput):
            put(each, most, since)
    put(1, 2, tomorrow)
    with pytest.raises(Conflict) as caught:
        put(1, 3, tomorrow)
    assert caught.value.code == "already_in_force"
    with held.database.read() as session:
        at = [tolerance.tolerance_on(session, held.world.partner_id, "eur_cent", day) for day in (DAY, tomorrow)]
    assert at[0] is None
    assert at[1] is not None
    assert (at[1].each, at[1].most) == (1, 2)
    put(0, 0, DAY)  # a narrower one may begin at once
