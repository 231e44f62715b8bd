"""Who has a break in hand, how old it is, what the list shows; late deliveries; months that cannot be proposed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from tests.faults.races import rush
from tests.flows.breaks.conftest import CLAIRE, OMAR, Bench
from tests.flows.reconciliation.builders import NOON, Wanted, add_orders
from tests.flows.reconciliation.test_statements import keep, line
from tests.programme import MASTER
from tests.sides import sides
from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import PROGRAMME_ZONE, new_id, utc_now
from voucher_service.ledger.seal import sealer
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.reconciliation import run as running
from voucher_service.reconciliation.breaks import follow_late, open_late
from voucher_service.reconciliation.closing import close
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.work import notes, worklist
from voucher_service.reconciliation.work.models import Side, Way
from voucher_service.reconciliation.work.worklist import Age, Life, Sort
from voucher_service.staff.models import Role, Staff


def coordinator(bench: Bench) -> str:
    """A coordinator at work."""
    with bench.database.begin() as session:
        row = Staff(
            id=new_id(), login=f"c{new_id().hex}", name="Lou", role=Role.COORDINATOR.value, password_hash="x",
            created_at=NOON, active=True, session_version=1,
        )  # fmt: skip
        session.add(row)
    return f"staff:{row.id}"


def code(work: object, *args: object, **more: object) -> str:
    try:
        work(*args, **more)  # type: ignore[operator]  # a feature
    except Conflict as error:
        return error.code
    return "done"


def test_one_has_it_in_hand_and_hands_it_over(bench: Bench) -> None:
    bench.make("missing_at_partner")
    run_, lou = bench.database.run, coordinator(bench)
    takers = [partial(run_, notes.take, bench.hand, actor=who, now=bench.now) for who in (CLAIRE, OMAR, lou)]
    taken = rush(takers)
    assert sorted(str(one) for one in taken) == ["None", "break_taken", "break_taken"]
    with bench.database.read() as session:
        owner = worklist.item_of(session, bench.found().id, bench.now).owner
    assert owner in {CLAIRE, OMAR, lou}
    given: dict[str, Any] = {"actor": "staff:x", "now": bench.now}
    assert code(run_, notes.give_back, bench.hand, **given) == "break_taken"
    assert code(run_, notes.assign, bench.hand, owner=lou, was=None, **given) == "break_taken"
    with pytest.raises(BadInput):
        run_(notes.assign, bench.hand, owner="staff:nobody", was=owner, **given)
    assert code(run_, notes.assign, bench.hand, owner=lou, was=owner, **given) == "done"
    assert code(run_, notes.give_back, bench.hand, actor=lou, now=bench.now) == "done"
    assert code(run_, notes.assign, bench.hand, owner=lou, was=None, **given) == "done"
    with bench.database.read() as session:
        steps = [one.step for one in notes.history(session, bench.found().id).items]
    assert steps == ["taken", "taken", "given_back", "taken"]
    for words in ("", "ab", "x" * 1001):
        with pytest.raises(BadInput):
            run_(notes.add_note, bench.hand, words=words, side=Side.PARTNER, actor="p", now=bench.now)
    with pytest.raises(NotFound):
        run_(
            notes.add_note, bench.hand, words="pas à moi", side=Side.PARTNER, actor="p", now=bench.now,
            partner_id=new_id(),
        )  # fmt: skip


# Found one minute after midnight of a Sunday of 23 hours, of 25 hours, and of an ordinary day.
@pytest.mark.parametrize("found_on", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 14)])
def test_its_age_is_counted_in_days_of_the_branches(bench: Bench, found_on: date) -> None:
    bench.make("missing_at_partner")
    found_at = datetime(found_on.year, found_on.month, found_on.day, 0, 1, tzinfo=PROGRAMME_ZONE).astimezone(UTC)
    with bench.database.begin() as session:
        session.execute(update(Break).values(found_at=found_at))
    for days, age in ((0, "0-1"), (1, "0-1"), (2, "2-7"), (7, "2-7"), (8, "8-30"), (30, "8-30"), (31, "31-")):
        day = found_on + timedelta(days=days)
        for hour, minute in ((0, 2), (23, 58)):
            at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=PROGRAMME_ZONE).astimezone(UTC)
            with bench.database.read() as session:
                assert worklist.item_of(session, bench.found().id, at).age == age, (days, hour)
                held = {one: worklist.worklist(session, worklist.Wanted(age=one), at)[1] for one in Age}
            assert {one.value for one, count in held.items() if count} == {age}, (days, hour)


def test_the_list_is_filtered_sorted_and_paged(bench: Bench) -> None:
    with bench.database.begin() as session:
        lines = [line(f"x{number}", str(number)) for number in range(1, 61)]
        statement = keep(session, bench.world, *lines, line("y", "0,50", "refusé"))
        run(session, statement.id, NOON)
        (order,) = add_orders(session, bench.world, [Wanted(OrderState.WAITING)])
        other = keep(session, bench.world, line(order), name="b.csv")
        run(session, other.id, NOON + timedelta(days=3))
    now = NOON + timedelta(days=3)
    bench.statement_id = statement.id
    with bench.database.read() as session:
        first, total = worklist.worklist(session, worklist.Wanted(sort=Sort.VALUE), now)
        second, _ = worklist.worklist(session, worklist.Wanted(sort=Sort.VALUE, page=2), now)
        oldest, _ = worklist.worklist(session, worklist.Wanted(sort=Sort.AGE, page=2), now)
        unexpected = worklist.Wanted(kind=BreakClass.UNEXPECTED_AT_PARTNER, owner="nobody", priority=1)
        assert worklist.worklist(session, unexpected, now)[1] == 61
        assert worklist.worklist(session, worklist.Wanted(partner_id=new_id()), now)[1] == 0
        assert worklist.worklist(session, worklist.Wanted(open=False), now)[1] == 0
    assert (total, len(first), len(second)) == (62, 50, 12)
    values = [abs(item.difference.quantity) for item in [*first, *second]]
    assert values == sorted(values, reverse=True)
    assert oldest[-1].difference.kind is BreakClass.DELIVERED_THERE_OPEN_HERE
    assert {item.life for item in first} == {Life.NEW}
    bench.now = now
    bench.again()
    with bench.database.read() as session:
        again, _ = worklist.worklist(session, worklist.Wanted(kind=BreakClass.UNEXPECTED_AT_PARTNER), bench.now)
    assert {item.life for item in again} == {Life.PERSISTING}


def late_order(bench: Bench) -> None:
    with bench.database.begin() as session:
        wanted = Wanted(OrderState.MANUAL, outcome_code="late_delivery")
        (bench.order_id,) = add_orders(session, bench.world, [wanted])


def test_a_late_delivery_opens_its_break_at_once_and_once(bench: Bench) -> None:
    late_order(bench)
    opened = rush([lambda: bench.database.run(open_late, bench.ordered, NOON)] * 3)
    assert len(set(opened)) == 1
    assert bench.database.run(follow_late, NOON) == (0, 0)
    bench.break_id = opened[0]
    assert (bench.found().priority, bench.found().statement_id) == (1, None)
    with pytest.raises(NotFound):
        bench.database.run(open_late, new_id(), NOON)
    bench.agree(bench.propose(Way.THEIRS))
    assert bench.order().state == OrderState.DELIVERED.value
    assert bench.faults() == []
    assert bench.database.run(follow_late, NOON) == (0, 0)


def test_a_late_delivery_passes_to_the_line_that_tells_of_it(bench: Bench) -> None:
    late_order(bench)
    assert bench.database.run(follow_late, NOON) == (1, 0)
    with bench.database.begin() as session:
        statement = keep(session, bench.world, line(bench.ordered))
        result = run(session, statement.id, NOON)
    assert (result.new, result.closed) == (1, 1)
    with bench.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Break).where(Break.resolved_at.is_(None))) == 1
    assert bench.database.run(follow_late, NOON) == (0, 0)


def test_a_late_delivery_decided_elsewhere_closes_by_the_clock(bench: Bench) -> None:
    late_order(bench)
    bench.database.run(follow_late, NOON)
    with bench.database.begin() as session:
        session.execute(update(Order).values(state=OrderState.GIVEN_BACK.value))
    assert bench.database.run(follow_late, NOON) == (0, 1)


def propose_march(bench: Bench) -> PeriodClose:
    vault = Vault(MASTER)
    sealer.seal_all(bench.database, LogSigner(vault, 1), now=utc_now(), sweep=True)
    at = datetime(2026, 4, 2, 9, tzinfo=UTC)
    with bench.database.begin() as session:
        ours, _ = sides(session, bench.world.partner_id)
    return bench.database.run(close.propose, vault, bench.world.partner_id, date(2026, 3, 1), actor=ours, now=at)


def lose_a_claim(session: Session) -> None:
    """What no run would do: a matched line without what it was matched with, and no break to tell of it."""
    session.execute(delete(LineClaim))


def test_a_month_with_a_line_nobody_accounts_for_is_not_proposed(bench: Bench) -> None:
    with bench.database.begin() as session:
        (order,) = add_orders(session, bench.world, [Wanted()])
        statement = keep(session, bench.world, line(order))
        assert run(session, statement.id, NOON).figures.complete
    with bench.database.begin() as session:
        lose_a_claim(session)
    with pytest.raises(Conflict) as caught:
        propose_march(bench)
    assert caught.value.code == "run_incomplete"
    with patch.object(running.Figures, "complete", True):  # the planted fault: nobody counts again
        assert propose_march(bench).first_day == date(2026, 3, 1)


def test_in_a_closed_month_nothing_is_booked(bench: Bench) -> None:
    bench.make("missing_at_partner")
    made = bench.propose(Way.THEIRS)
    first = date(2026, 3, 1)
    with bench.database.begin() as session:
        ours, theirs = sides(session, bench.world.partner_id)
        session.add(
            PeriodClose(
                id=new_id(), partner_id=bench.world.partner_id, first_day=first, last_day=date(2026, 3, 31),
                from_at=NOON - timedelta(days=9), until_at=NOON + timedelta(days=21), size=1, manifest="",
                signature=bytes(64), proposed_by=ours, proposed_at=NOON, agreed_by=theirs, agreed_at=NOON,
            )
        )  # fmt: skip
    assert code(bench.agree, made) == "period_closed"
    assert code(bench.again) == "period_closed"
    assert bench.found().resolved_at is None
