"""Codes that expire, are lost or go back: two people above the threshold, and the stock-take always adds up."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from tests.flows.delivery.desk import Desk
from tests.flows.delivery.lots import lot_file
from tests.programme import FIRST_DAY
from voucher_service.errors import BadInput, Conflict, SecondPersonNeeded
from voucher_service.fulfilment.custody import decide, expire_stock, take_out
from voucher_service.fulfilment.custody_models import ActKind, ActState, StockAct
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import ItemState, StockItem
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import SecondPersonThreshold


def bring(desk: Desk, numbers: list[int], name: str = "codes.csv") -> int:
    """Import a lot; return its number."""
    programme = desk.programme
    made = import_lot(
        programme.database,
        programme.vault,
        partner_id=programme.partner_id,
        file_name=name,
        content=lot_file(numbers),
        actor="staff:test",
        now=programme.now,
    )
    return made.lot_id


def limit(desk: Desk, quantity: int) -> None:
    """Above so many pieces a second person decides."""
    with desk.programme.database.begin() as session:
        session.merge(SecondPersonThreshold(unit="piece", effective_from=FIRST_DAY, quantity=quantity))


def take(desk: Desk, lot_id: int, quantity: int, kind: ActKind = ActKind.LOST, **changes: object) -> StockAct:
    """Take codes out of the lot."""
    fields: dict[str, object] = {
        "act_id": new_id(),
        "lot_id": lot_id,
        "kind": kind,
        "quantity": quantity,
        "reason": "enveloppe ouverte",
        "actor": "staff:awa",
        "now": desk.programme.now,
    }
    return desk.programme.database.run(take_out, **(fields | changes))  # type: ignore[arg-type]  # its own names


def at(desk: Desk, lot_id: int) -> dict[AccountKind, int]:
    """The lot's balances."""
    with desk.programme.database.read() as session:
        return balances(session, lot_id)


def test_a_small_loss_and_a_return_are_booked_once(desk: Desk) -> None:
    limit(desk, 10)
    lot_id, act_id = bring(desk, list(range(8))), new_id()
    take(desk, lot_id, 2, act_id=act_id)
    take(desk, lot_id, 2, act_id=act_id)
    take(desk, lot_id, 3, ActKind.RETURNED)
    held = at(desk, lot_id)
    assert (held[AccountKind.AVAILABLE], held[AccountKind.WRITTEN_OFF], held[AccountKind.RETURNED_TO_DONOR]) == (
        3,
        2,
        3,
    )
    assert desk.programme.findings() == []


def test_above_the_threshold_another_person_decides_also_when_it_is_split(desk: Desk) -> None:
    limit(desk, 4)
    lot_id = bring(desk, list(range(10)))
    assert take(desk, lot_id, 3).state == ActState.DONE
    second = take(desk, lot_id, 3)
    assert second.state == ActState.PENDING, "three and three are six"
    assert at(desk, lot_id)[AccountKind.AVAILABLE] == 7
    database, now = desk.programme.database, desk.programme.now
    with pytest.raises(SecondPersonNeeded):
        database.run(decide, second.id, agree=True, actor="staff:awa", now=now)
    database.run(decide, second.id, agree=True, actor="staff:marc", now=now)
    assert at(desk, lot_id)[AccountKind.AVAILABLE] == 4
    with pytest.raises(Conflict):
        database.run(decide, second.id, agree=True, actor="staff:marc", now=now)
    assert desk.programme.findings() == []


def test_the_database_refuses_a_lone_decision(desk: Desk) -> None:
    limit(desk, 0)
    act = take(desk, bring(desk, [1, 2]), 1)
    with pytest.raises(Exception, match=r"approved|two_people"), desk.programme.database.begin() as session:
        session.execute(update(StockAct).where(StockAct.id == act.id).values(state="done", decided_by="staff:awa"))


def test_more_than_there_is_changes_nothing(desk: Desk) -> None:
    limit(desk, 100)
    lot_id = bring(desk, [1, 2, 3])
    take(desk, lot_id, 2)
    with pytest.raises(Conflict) as refused:
        take(desk, lot_id, 2)
    assert refused.value.code == "stock_too_small"
    with pytest.raises(BadInput):
        take(desk, lot_id, 0)
    assert at(desk, lot_id)[AccountKind.AVAILABLE] == 1
    assert desk.programme.findings() == []


def test_codes_past_their_day_leave_stock_once(desk: Desk) -> None:
    lot_id = bring(desk, list(range(5)))
    desk.programme.later(days=600)
    assert desk.programme.database.run(expire_stock, desk.programme.now) == 5
    assert desk.programme.database.run(expire_stock, desk.programme.now) == 0
    assert at(desk, lot_id)[AccountKind.AVAILABLE] == 0
    assert desk.programme.findings() == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["lost", "returned", "give", "agree", "decline", "expire"]), st.integers(1, 4)),
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, size=st.integers(1, 9))
def test_whatever_happens_the_stock_take_adds_up(desk: Desk, steps: list[tuple[str, int]], size: int) -> None:
    limit(desk, 2)
    desk.programme.serial += 100
    begin, start = desk.programme.serial, desk.programme.now
    lot_id = bring(desk, list(range(begin, begin + size)), f"{begin}.csv")
    for step, many in steps:
        _do(desk, lot_id, step, many)
    with desk.programme.database.read() as session:
        rows = session.execute(
            select(StockItem.state, func.count()).where(StockItem.lot_id == lot_id).group_by(StockItem.state)
        )
        states = Counter({ItemState(state): count for state, count in rows})
    assert states.total() == size, "no code appears or vanishes"
    assert desk.programme.findings() == []
    desk.programme.now = start


def _do(desk: Desk, lot_id: int, step: str, many: int) -> None:
    database = desk.programme.database
    if step in {"lost", "returned"}:
        with suppress(Conflict, BadInput):  # the lot has not that many
            take(desk, lot_id, many, ActKind(step), actor=f"staff:{many}")
    elif step == "give":
        desk.code_order()
        desk.sweep()
    elif step == "expire":
        desk.programme.later(days=500)
        database.run(expire_stock, desk.programme.now)
        desk.programme.later(days=-500)
    else:
        for act_id in _pending(desk):
            with suppress(Conflict):  # fewer are left than were asked for
                database.run(decide, act_id, agree=step == "agree", actor="staff:marc", now=desk.programme.now)


def _pending(desk: Desk) -> list[UUID]:
    with desk.programme.database.read() as session:
        return list(session.scalars(select(StockAct.id).where(StockAct.state == ActState.PENDING.value)))


def test_a_planted_loss_without_its_booking_is_found(desk: Desk) -> None:
    lot_id = bring(desk, [1, 2, 3])
    with desk.programme.database.begin() as session:
        session.execute(text("UPDATE stock_item SET state = 'lost' WHERE serial LIKE '%1_'"))
    rules = {finding.rule for finding in desk.programme.findings()}
    assert "each code and article of stock lies where the books say" in rules
    assert lot_id
