"""What a statement does not carry and the next may: awaited, then missing, under one id; nothing is lost in between."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, Wanted, World, add_orders, make_world
from tests.flows.reconciliation.test_cut_off import DAYS, edges, speak_for
from tests.flows.reconciliation.test_statements import keep, line
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.reconciliation import days, grace
from voucher_service.reconciliation.explain import TEXTS
from voucher_service.reconciliation.intake.models import GracePeriod
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.run import Figures, figures, run
from voucher_service.reconciliation.work.notes import history

AWAITED, MISSING = BreakClass.AWAITED_AT_PARTNER, BreakClass.MISSING_AT_PARTNER
ONE = timedelta(days=1)


def compare(session: Session, world: World, first: date, last: date, *references: object, at: datetime) -> Statement:
    """Keep and run the statement of these days; its lines are dated on the last of them."""
    lines = [line(one, day=f"{last:%d/%m/%Y} 12:00") for one in references or ("autre",)]
    statement = keep(session, world, *lines, period=(first, last))
    run(session, statement.id, at)
    return statement


def kinds(session: Session) -> dict[UUID | None, tuple[BreakClass, int, bool]]:
    """Class, priority and whether it is open, of the breaks on orders alone."""
    session.expire_all()
    found = session.scalars(select(Break).where(Break.line_id.is_(None)))
    return {one.order_id: (BreakClass(one.kind), one.priority, one.resolved_at is None) for one in found}


def test_the_last_day_is_awaited_and_the_next_statement_decides(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session, grace=None)
        before, late, lost = add_orders(session, world, [Wanted(at=NOON - ONE), Wanted(at=NOON), Wanted(at=NOON)])
        first = compare(session, world, DAY - ONE, DAY, at=NOON + ONE)
        assert kinds(session) == {before: (MISSING, 2, True), late: (AWAITED, 4, True), lost: (AWAITED, 4, True)}
        ids = dict(session.execute(select(Break.order_id, Break.id).where(Break.line_id.is_(None))).all())
        shown = figures(session, first)
        # Counted, and named: the sum of what is open and its weight are as if all were missing.
        assert (shown.awaited, shown.absent, shown.due, shown.open) == (2, 3, 2, 4)
        assert shown.difference == {world.unit: 1000 - 3 * 1000}
        assert (shown.unexplained, shown.clean, shown.residual) == (0, False, {world.unit: 0})
        run(session, first.id, NOON + 2 * ONE)
        assert kinds(session)[late] == (AWAITED, 4, True)
        compare(session, world, DAY + ONE, DAY + ONE, late, at=NOON + 2 * ONE)
        assert kinds(session) == {before: (MISSING, 2, True), late: (AWAITED, 4, False), lost: (MISSING, 2, True)}
        assert dict(session.execute(select(Break.order_id, Break.id).where(Break.line_id.is_(None))).all()) == ids
        assert [(one.step, one.was, one.became) for one in history(session, ids[lost]).items] == [
            ("class", AWAITED, MISSING)
        ]
        run(session, first.id, NOON + 2 * ONE)  # what has risen does not go back
        assert kinds(session)[lost] == (MISSING, 2, True)
        assert figures(session, first).by_class == {MISSING: 2, BreakClass.UNEXPECTED_AT_PARTNER: 1}


def test_when_no_statement_comes_the_clock_decides(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session, grace=None)
        (order,) = add_orders(session, world, [Wanted()])
        # A gap: what comes after the next day says nothing of the next day.
        compare(session, world, DAY, DAY, at=NOON)
        compare(session, world, DAY + 2 * ONE, DAY + 2 * ONE, at=NOON + 3 * ONE)
        last = NOON + timedelta(days=grace.USUAL_MOST)
        assert grace.follow_awaited(session, last) == 0
        assert kinds(session) == {order: (AWAITED, 4, True)}
        assert grace.follow_awaited(session, last + ONE) == 1
        assert grace.follow_awaited(session, last + ONE) == 0
        assert kinds(session) == {order: (MISSING, 2, True)}


@pytest.mark.parametrize("planted", ["", "zone", "hours"])
def test_the_days_are_the_partners_also_those_of_23_and_25_hours(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    if planted:
        whole = days.instants

        def otherwise(first: date, last: date, zone: object) -> tuple[datetime, datetime]:
            if planted == "zone":
                return whole(first, last)
            _, end = whole(first, first, zone)  # type: ignore[arg-type]  # as it is given
            return end.astimezone(NOON.tzinfo) - ONE, end

        monkeypatch.setattr(grace, "of_days", SimpleNamespace(instants=otherwise))
    database = Database(sqlite_url)
    right = []
    for number, (zone, day, hours) in enumerate(DAYS[1:4] if planted else DAYS):
        with database.begin() as session:
            world = make_world(session, f"Opérateur {number}", grace=None)
            inside, outside = edges(zone, day, hours)
            on_day = add_orders(session, world, [Wanted(at=at) for at in inside])
            # The last second of the day before, an hour before its end, and what is after the statement's days.
            *before, _, _ = add_orders(session, world, [Wanted(at=at) for at in outside])
            statement_id = speak_for(session, world, zone, day, inside[-1], new_id(), first=day - ONE)
            mine = (Break.statement_id == statement_id, Break.line_id.is_(None))
            found = dict(session.execute(select(Break.order_id, Break.kind).where(*mine)).all())
            right.append(found == dict.fromkeys(on_day, AWAITED.value) | dict.fromkeys(before, MISSING.value))
    database.close()
    assert all(right) is not bool(planted)


def test_a_delay_is_dated_never_edited_and_not_made_for_today(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session, grace=None)
        today = DAY

        def rule(days: int, most: int, day: date, partner: UUID = world.partner_id) -> None:
            grace.set_grace(
                session, partner_id=partner, days=days, most_days=most, effective_from=day, actor="staff:claire",
                today=today, now=NOON,
            )  # fmt: skip

        for days, most, day, field in (
            (32, 40, DAY + ONE, "days"), (5, 4, DAY + ONE, "most_days"), (1, 93, DAY + ONE, "most_days"),
            (2, 35, DAY, "effective_from"), (0, 0, DAY - ONE, "effective_from"),
        ):  # fmt: skip
            with pytest.raises(BadInput) as caught:
                rule(days, most, day)
            assert caught.value.field == field
        with pytest.raises(NotFound):
            rule(1, 3, DAY, new_id())
        rule(0, 0, DAY)
        rule(3, 10, DAY + 5 * ONE)
        with pytest.raises(Conflict) as taken:
            rule(0, 0, DAY)
        assert taken.value.code == "already_in_force"
        held = [grace.grace_on(session, world.partner_id, DAY + days * ONE) for days in (-1, 0, 4, 5)]
        assert held == [(1, 35), (0, 0), (0, 0), (3, 10)]
        add_orders(session, world, [Wanted(), Wanted(at=NOON + 3 * ONE), Wanted(at=NOON + 5 * ONE)])
        compare(session, world, DAY, DAY, at=NOON + ONE)
        compare(session, world, DAY + 3 * ONE, DAY + 5 * ONE, at=NOON + 6 * ONE)
        assert sorted(one[0] for one in kinds(session).values()) == [AWAITED, AWAITED, MISSING]
    with pytest.raises(IntegrityError), database.begin() as session:
        session.add(
            GracePeriod(
                partner_id=world.partner_id,
                effective_from=date(2027, 1, 1),
                days=3,
                most_days=2,
                set_by="x",
                set_at=NOON,
            )
        )


def _late_by_the_clock_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grace, "_spoken_until", lambda _session, statement, _days: statement.last_day)


def _a_gap_counts_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grace, "_spoken_until", lambda _session, statement, days: statement.last_day + days * ONE)


@pytest.mark.parametrize("plant", [_late_by_the_clock_alone, _a_gap_counts_as_said])
def test_a_delay_counted_otherwise_would_be_seen(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, plant: object
) -> None:
    assert callable(plant)
    plant(monkeypatch)
    database = Database(sqlite_url)
    with pytest.raises(AssertionError):
        test_the_last_day_is_awaited_and_the_next_statement_decides(database)
    database.close()


def test_what_is_awaited_and_what_is_missing_are_told_apart() -> None:
    assert "suivant" not in TEXTS[MISSING].next_step + TEXTS[MISSING].partner_step
    assert "Rien à faire encore" in TEXTS[AWAITED].next_step
    assert Figures(1, 1, 0, {AWAITED: 2}, 0, 0, {}, {}).due == 0
