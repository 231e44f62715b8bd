"""The end of a gift, day by day through both changes of the clock; and what leaves it, by two people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.faults.races import rush
from tests.world import FIRST, LAST, World, built, give
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.ids import PROGRAMME_ZONE, new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.draw_down import eligible
from voucher_service.partners.ending import calendar, leaving
from voucher_service.partners.ending.calendar import set_stop, standings, steps_of, turn
from voucher_service.partners.ending.models import EndStep, GiftLeaving, GiftStep, LeaveWay
from voucher_service.partners.ending.sign_off import count, sign
from voucher_service.partners.endings import return_to_donor
from voucher_service.units import Unit
from voucher_service.webhooks.models import Event

CLAIRE, OMAR = "staff:claire", "staff:omar"


def gift(database: Database, world: World, until: date, quantity: int = 10_000) -> int:
    with database.begin() as session:
        return give(session, world, label=f"Don {until}", quantity=quantity, valid_until=until).id


def hours(first: date, last: date) -> Iterator[datetime]:
    """Every hour of real time from the first minute of a day at the branches to the last."""
    at = datetime(first.year, first.month, first.day, 0, 1, tzinfo=PROGRAMME_ZONE).astimezone(UTC)
    end = datetime(last.year, last.month, last.day, 23, 59, tzinfo=PROGRAMME_ZONE).astimezone(UTC)
    while at <= end:
        yield at
        at += timedelta(hours=1)


# The last Sundays of March and October 2030 have 23 and 25 hours; each stands once at every step of a calendar.
CLOCKS = [date(2030, 3, 31), date(2030, 10, 27)]
FROM_LAST = [-30, -14, -7, 0, 1, 30, 37]


@pytest.mark.parametrize("change", CLOCKS)
def test_each_step_is_noted_on_its_day_once_and_told(
    sqlite_url: str, world_of: World, change: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url)
    told: list[tuple[int, date]] = []

    def listen(_session: object, _partner: object, event: Event, data: dict[str, object], *, now: datetime) -> None:
        assert event is Event.ALLOCATION_ENDING
        told.append((int(str(data["allocation_id"])), now.astimezone(PROGRAMME_ZONE).date()))

    monkeypatch.setattr(calendar, "tell", listen)
    lasts = [change - timedelta(days=days) for days in FROM_LAST]
    gifts = {gift(database, world_of, last): last for last in lasts if FIRST < last <= LAST}
    for at in hours(change - timedelta(days=1), change + timedelta(days=1)):
        database.run(turn, at)
    with database.read() as session:
        rows = session.scalars(select(GiftStep)).all()
    for row in rows:
        days = calendar.due_days(gifts[row.allocation_id], calendar.usual())
        assert row.due_on == days[EndStep(row.step)]
        if row.due_on >= change - timedelta(days=1):
            assert row.noted_at.astimezone(PROGRAMME_ZONE).date() == row.due_on, row.step
    on_the_day = {row.step for row in rows if row.due_on == change}
    assert on_the_day == {"warned", "reminded", "stopped", "ended", "tolerated", "statement_due"}
    # Once a gift and day; on the day of the change each gift with a step due, whatever the hours of that day.
    assert len(told) == len(set(told))
    due = {row.allocation_id for row in rows if row.due_on == change}
    assert {number for number, day in told if day == change} == due


@pytest.fixture
def world_of(sqlite_url: str) -> World:
    """The small programme, on SQLite only: a whole calendar is many turns."""
    database = Database(sqlite_url)
    made = built(database)
    database.close()
    return made


def test_from_thirty_days_before_to_thirty_seven_after(database: Database, world: World) -> None:
    last = date(2030, 6, 30)
    number = gift(database, world, last)

    def at(days: int) -> datetime:
        day = last + timedelta(days=days)
        return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)

    assert database.run(turn, at(-31)) == []
    for act, code in ((count, "gift_not_ending"), (sign, "gift_not_counted")):
        with pytest.raises(Conflict) as early:
            database.run(act, number, actor=CLAIRE, now=at(-31))
        assert early.value.code == code
    expected = [(-30, ["warned"]), (-15, []), (-14, ["stopped"]), (-7, ["reminded"]), (0, []), (1, ["ended"]),
                (30, ["tolerated"]), (36, []), (37, ["statement_due"]), (38, [])]  # fmt: skip
    for days, steps in expected:
        assert [step for _, step in database.run(turn, at(days))] == steps, days
        if days == -7:
            counted = database.run(count, number, actor=CLAIRE, now=at(days))
            assert (counted.available, counted.reserved, counted.in_delivery, counted.signed_by) == (10_000, 0, 0, None)
            assert database.run(count, number, actor=OMAR, now=at(days)).counted_by == CLAIRE
            with pytest.raises(SecondPersonNeeded):
                database.run(sign, number, actor=CLAIRE, now=at(days))
            with pytest.raises(IntegrityError, match="two_people"), database.begin() as session:
                session.execute(text("UPDATE gift_sign_off SET signed_by = counted_by, signed_at = counted_at"))
            assert database.run(sign, number, actor=OMAR, now=at(days)).signed_by == OMAR
            assert database.run(sign, number, actor="staff:lea", now=at(days + 1)).signed_by == OMAR
    with database.read() as session:
        assert [row.step for row in steps_of(session, number)][:4] == ["warned", "stopped", "reminded", "signed_off"]
        (one,) = standings(session, last + timedelta(days=38))
        assert (one.last_reached, one.next_step) == (EndStep.STATEMENT_DUE, None)
        (before,) = standings(session, last - timedelta(days=20))
        assert (before.last_reached, before.next_step) == (EndStep.WARNED, EndStep.STOPPED)
    for change in ("UPDATE gift_step SET actor = 'x'", "UPDATE gift_sign_off SET available = 1",
                   "UPDATE gift_sign_off SET signed_by = 'x'", "DELETE FROM gift_sign_off"):  # fmt: skip
        with pytest.raises(IntegrityError, match="written once"), database.begin() as session:
            session.execute(text(change))


def test_two_workers_note_a_step_once(database: Database, world: World) -> None:
    gift(database, world, date(2030, 6, 30))
    now = datetime(2030, 6, 25, 9, tzinfo=UTC)
    noted = rush([lambda: database.run(turn, now)] * 3)
    assert sorted(len(one) for one in noted) == [0, 0, 3]


def test_issuing_stops_fifteen_days_before_or_as_a_dated_rule_says(database: Database, world: World) -> None:
    last = date(2030, 6, 30)
    number = gift(database, world, last)

    def pays(day: date) -> bool:
        with database.read() as session:
            found = eligible(
                session, partner_id=world.partner_id, unit=Unit.EUR_CENT, quantity_each=500, branch_id=None, day=day
            )
        return number in {pot.allocation_id for pot in found}

    assert [pays(last - timedelta(days=days)) for days in (16, 15, 14, 0)] == [True, True, False, False]
    today = date(2030, 6, 1)
    for stop, day, field in ((31, date(2030, 6, 2), "stop_days"), (20, today, "effective_from")):
        with pytest.raises(BadInput) as caught:
            database.run(set_stop, stop_days=stop, effective_from=day, today=today)
        assert caught.value.field == field
    database.run(set_stop, stop_days=20, effective_from=date(2030, 6, 10), today=today)
    assert [pays(date(2030, 6, day)) for day in (9, 10, 11)] == [True, True, False]
    with database.read() as session:
        (one,) = standings(session, date(2030, 6, 11))
    assert one.last_reached is EndStep.STOPPED
    database.run(set_stop, stop_days=0, effective_from=date(2030, 6, 25), today=today)
    assert [pays(last), pays(last + timedelta(days=1))] == [True, False]


def test_what_leaves_a_gift_leaves_by_two_people_once(database: Database, world: World) -> None:
    number, now = gift(database, world, LAST), datetime(2030, 6, 1, 9, tzinfo=UTC)

    def ask(quantity: int, way: LeaveWay = LeaveWay.RETURN) -> GiftLeaving:
        return database.run(
            leaving.propose, number, quantity, way=way, actor=CLAIRE, reason="Fin du don", leaving_id=new_id(), now=now
        )

    made = ask(9_000)
    again = database.run(
        leaving.propose, number, 1, way=LeaveWay.RETURN, actor=CLAIRE, reason="Fin", leaving_id=made.id, now=now
    )
    assert again.quantity == 9_000
    with pytest.raises(Conflict) as waiting:
        ask(10)
    assert waiting.value.code == "leaving_pending"
    with pytest.raises(SecondPersonNeeded):
        database.run(leaving.agree, made.id, actor=CLAIRE, now=now)
    with pytest.raises(IntegrityError), database.begin() as session:
        session.execute(text("UPDATE gift_leaving SET quantity = 1"))
    answers = rush(
        [lambda: database.run(leaving.agree, made.id, actor=OMAR, now=now)] * 2
        + [lambda: database.run(leaving.withdraw, made.id, actor="staff:lea", now=now)]
    )
    booked = [one for one in answers if not isinstance(one, str) and one.agreed == 1]
    with database.read() as session:
        held = balances(session, number)
    assert held.get(AccountKind.RETURNED_TO_DONOR, 0) == (9_000 if booked else 0)
    assert {one for one in answers if isinstance(one, str)} <= {"leaving_decided"}
    lost = ask(500, LeaveWay.WRITE_OFF)
    database.run(leaving.agree, lost.id, actor=OMAR, now=now)
    with pytest.raises(Conflict) as exhausted:
        ask(50_000, LeaveWay.WRITE_OFF)
    assert exhausted.value.code == "allocation_exhausted"
    left = ask(9_500 if not booked else 500, LeaveWay.WRITE_OFF)
    database.run(return_to_donor, number, 1, actor=OMAR, reason="entre-temps", key="meanwhile", now=now)
    with pytest.raises(Conflict) as meanwhile:  # what was there when it was asked for is no longer
        database.run(leaving.agree, left.id, actor=OMAR, now=now)
    assert meanwhile.value.code == "allocation_exhausted"
    assert database.run(leaving.withdraw, left.id, actor=CLAIRE, now=now).agreed == 0
    with pytest.raises(NotFound):
        database.run(leaving.agree, new_id(), actor=OMAR, now=now)
    with database.read() as session:
        assert balances(session, number)[AccountKind.WRITTEN_OFF] == 500


@pytest.mark.parametrize("change", [
    "UPDATE gift_leaving SET agreed = 1, decided_by = proposed_by, decided_at = proposed_at",
    "UPDATE gift_leaving SET agreed = 1, decided_by = 'staff:x', decided_at = proposed_at",
])  # fmt: skip
def test_the_database_wants_two_people_and_a_movement(database: Database, world: World, change: str) -> None:
    number, now = gift(database, world, LAST), datetime(2030, 6, 1, 9, tzinfo=UTC)
    database.run(
        leaving.propose, number, 10, way=LeaveWay.RETURN, actor=CLAIRE, reason="Fin", leaving_id=new_id(), now=now
    )
    with pytest.raises(IntegrityError), database.begin() as session:
        session.execute(text(change))
