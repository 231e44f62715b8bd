"""Which allocations pay: order, earmarks, dates, and the arithmetic of shares."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world import DAY, FIRST, LAST, NOW, THRESHOLD, World, give
from voucher_service.db import Database
from voucher_service.errors import Conflict
from voucher_service.partners.draw_down import Draw, Pot, choose, share
from voucher_service.partners.ending.models import EndCalendar
from voucher_service.partners.gifts import create_partner
from voucher_service.partners.models import DrawDown, EarmarkKind
from voucher_service.units import Unit

JUNE = date(2030, 6, 30)


def drawn(
    database: Database,
    world: World,
    count: int,
    *,
    rule: DrawDown = DrawDown.EXPIRING_FIRST,
    branch_id: int | None = None,
    each: int = 1_000,
    unit: Unit = Unit.EUR_CENT,
    day: date = DAY,
    partner_id: UUID | None = None,
) -> list[Draw]:
    """Choose with the usual values, allowing use until the end of the year and beyond."""
    with database.read() as session:
        return choose(
            session,
            partner_id=partner_id or world.partner_id,
            unit=unit,
            quantity_each=each,
            count=count,
            branch_id=branch_id,
            last_day=date(2031, 2, 1),
            day=day,
            rule=rule,
        )


def two_gifts(database: Database, world: World) -> tuple[int, int]:
    """Give 7 and 3 vouchers' worth; the second expires first, the first has the lower priority number."""
    with database.begin() as session:
        large = give(session, world, label="Grand", quantity=7_500, priority=10).id
        small = give(session, world, label="Petit", quantity=3_000, priority=20, valid_until=JUNE).id
    return large, small


def test_each_rule_draws_in_its_order_and_no_draw_outlives_its_gift(database: Database, world: World) -> None:
    large, small = two_gifts(database, world)
    assert drawn(database, world, 5) == [Draw(small, 3, JUNE), Draw(large, 2, LAST)]
    assert drawn(database, world, 5, rule=DrawDown.PRIORITY) == [Draw(large, 5, LAST)]
    assert drawn(database, world, 8, rule=DrawDown.PRIORITY) == [Draw(large, 7, LAST), Draw(small, 1, JUNE)]
    assert drawn(database, world, 5, rule=DrawDown.PRO_RATA) == [Draw(large, 4, LAST), Draw(small, 1, JUNE)]


def test_an_offer_may_end_before_the_gift(database: Database, world: World) -> None:
    _, small = two_gifts(database, world)
    with database.read() as session:
        found = choose(
            session,
            partner_id=world.partner_id,
            unit=Unit.EUR_CENT,
            quantity_each=1_000,
            count=1,
            branch_id=None,
            last_day=DAY + timedelta(days=30),
            day=DAY,
            rule=DrawDown.EXPIRING_FIRST,
        )
    assert found == [Draw(small, 1, DAY + timedelta(days=30))]


def test_too_little_says_how_many_are_possible(database: Database, world: World) -> None:
    two_gifts(database, world)
    with pytest.raises(Conflict, match="suffisent pour 10 bons sur 11") as raised:
        drawn(database, world, 11)
    assert raised.value.code == "allocation_exhausted"
    with pytest.raises(Conflict, match="Aucune dotation ouverte"):
        drawn(database, world, 1, each=7_501)


def test_earmarks_pay_only_for_their_places(database: Database, world: World) -> None:
    east, north, west = world.branches
    with database.begin() as session:
        free = give(session, world, label="Libre").id
        city = give(session, world, label="Lyon", earmarks=[(EarmarkKind.CITY, "Lyon")]).id
        marks = [(EarmarkKind.BRANCH, str(north)), (EarmarkKind.BRANCH, str(east))]
        named = give(session, world, label="Antennes", earmarks=marks).id

    def payers(branch_id: int | None) -> set[int]:
        places = {None: 10, east: 30, north: 20, west: 20}
        return {draw.allocation_id for draw in drawn(database, world, places[branch_id], branch_id=branch_id)}

    assert payers(None) == {free}
    assert payers(east) == {free, city, named}
    assert payers(north) == {free, named}
    assert payers(west) == {free, city}
    for branch_id, possible in ((None, 10), (north, 20), (west, 20), (999, 10)):
        with pytest.raises(Conflict, match=f"pour {possible} bons"):
            drawn(database, world, possible + 1, branch_id=branch_id)


def test_only_open_gifts_of_the_partner_unit_and_day_pay(database: Database, world: World) -> None:
    with database.begin() as session:
        session.add(  # issued until the last day itself
            EndCalendar(
                effective_from=FIRST, warn_days=30, stop_days=0, remind_days=7, tolerance_days=30, statement_days=37
            )
        )
        give(session, world, label="Attend", quantity=THRESHOLD + 1, actor="staff:omar")
        give(session, world, label="Mo", unit=Unit.MEGABYTE)
        give(session, world, label="Demain", valid_from=DAY + timedelta(days=1))
        give(session, world, label="Hier", valid_until=DAY - timedelta(days=1))
        stranger = create_partner(session, name="Autre", now=NOW).id
    with pytest.raises(Conflict, match="Aucune"):
        drawn(database, world, 1)
    assert len(drawn(database, world, 1, unit=Unit.MEGABYTE)) == 1
    with pytest.raises(Conflict, match="Aucune"):
        drawn(database, world, 1, unit=Unit.MEGABYTE, partner_id=stranger)
    for day in (FIRST, DAY - timedelta(days=1), DAY + timedelta(days=1), LAST):
        assert len(drawn(database, world, 1, day=day)) == 1


@st.composite
def purses(draw: st.DrawFn) -> tuple[list[Pot], int]:
    """Some pots for vouchers of one size, and a count they can pay."""
    each = draw(st.integers(1, 50))
    held = draw(st.lists(st.integers(each, 5_000), min_size=1, max_size=8))
    day = st.dates(date(2030, 1, 1), date(2030, 1, 5))
    pots = [Pot(n, draw(st.integers(1, 3)), draw(day), a, a // each) for n, a in enumerate(held, start=1)]
    most = sum(pot.vouchers for pot in pots)
    return pots, draw(st.one_of(st.integers(1, most), st.integers(max(1, most - 2), most)))


def test_the_largest_remainder_gives_way_where_its_pot_is_empty() -> None:
    # Shares 1.76 and 9.24: the first has the larger remainder, and only one voucher's worth.
    pots = [Pot(1, 100, JUNE, 19, 1), Pot(2, 100, JUNE, 100, 10)]
    assert share(pots, 11, DrawDown.PRO_RATA) == [(1, 1), (2, 10)]


@given(purses(), st.sampled_from(DrawDown))
def test_shares_add_up_and_no_pot_pays_more_than_it_has(purse: tuple[list[Pot], int], rule: DrawDown) -> None:
    pots, count = purse
    room = {pot.allocation_id: pot.vouchers for pot in pots}
    shares = share(pots, count, rule)
    assert sum(vouchers for _, vouchers in shares) == count
    assert all(0 < vouchers <= room[allocation] for allocation, vouchers in shares)
    assert len({allocation for allocation, _ in shares}) == len(shares)
    assert share(pots[::-1], count, rule) == shares


@given(purses())
def test_pro_rata_stays_within_one_voucher_where_there_is_room(purse: tuple[list[Pot], int]) -> None:
    pots, count = purse
    total = sum(pot.available for pot in pots)
    shares = dict(share(pots, count, DrawDown.PRO_RATA))
    for pot in pots:
        exact = count * pot.available / total
        assert shares.get(pot.allocation_id, 0) >= int(exact) - 1e-9
        if all(other.vouchers > count * other.available / total + 1 for other in pots):
            assert shares.get(pot.allocation_id, 0) < exact + 1


@given(purses(), st.sampled_from([DrawDown.EXPIRING_FIRST, DrawDown.PRIORITY]))
def test_a_later_pot_pays_only_when_the_earlier_are_empty(purse: tuple[list[Pot], int], rule: DrawDown) -> None:
    pots, count = purse
    shares = dict(share(pots, count, rule))

    def rank(pot: Pot) -> tuple[int, date, int]:
        first = pot.priority if rule is DrawDown.PRIORITY else 0
        return first, pot.valid_until, pot.allocation_id

    begun = [pot for pot in pots if pot.allocation_id in shares]
    last = max(begun, key=rank)
    assert all(shares.get(pot.allocation_id) == pot.vouchers for pot in pots if rank(pot) < rank(last))
