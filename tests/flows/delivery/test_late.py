"""A delivery found after its value had gone back: booked, and a break of the first priority in the same transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.flows.delivery.desk import Desk
from tests.guards.tree import ROOT
from voucher_service.fulfilment.decide import LATE_DELIVERY
from voucher_service.fulfilment.deliver import deliver_next
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.outcome import Late, no_late
from voucher_service.fulfilment.settle import give_back
from voucher_service.reconciliation.breaks import follow_late, open_late
from voucher_service.reconciliation.models import Break, BreakClass


def given_back_too_early(desk: Desk) -> UUID:
    """An order whose value went back while the partner was delivering it; a callback has just spoken of it."""
    order_id = desk.order("300")
    desk.step()
    how: dict[str, Any] = {"code": "closed", "actor": "staff:a", "occurred_at": desk.now(), "now": desk.now()}
    with desk.programme.database.begin() as session:
        assert give_back(session, Order.id == order_id, **how)
    desk.programme.later(minutes=5)
    with desk.programme.database.begin() as session:
        session.get_one(Order, order_id).due_at = desk.now()
    return order_id


def ask(desk: Desk, order_id: UUID, late: Late) -> None:
    """Let a worker ask about it."""
    database, vault = desk.programme.database, desk.programme.vault
    assert deliver_next(database, desk.providers, vault, desk.now, order_id=order_id, late=late)


def breaks(desk: Desk) -> list[tuple[UUID | None, str, int, int, bool]]:
    """The breaks there are."""
    with desk.programme.database.read() as session:
        rows = session.scalars(select(Break))
        return [(one.order_id, one.kind, one.priority, one.quantity, one.resolved_at is None) for one in rows]


def test_a_late_delivery_opens_a_break_of_the_first_priority_at_once(desk: Desk) -> None:
    order_id = given_back_too_early(desk)
    ask(desk, order_id, open_late)
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.MANUAL, LATE_DELIVERY)
    assert breaks(desk) == [(order_id, BreakClass.LATE_DELIVERY, 1, 500, True)]
    assert desk.programme.database.run(follow_late, desk.now()) == (0, 0), "the clock finds nothing left to do"
    assert desk.programme.findings() == []


def test_one_that_was_booked_without_its_break_gets_it_by_the_clock(desk: Desk) -> None:
    """Planted: the worker tells nobody."""
    order_id = given_back_too_early(desk)
    ask(desk, order_id, no_late)
    assert breaks(desk) == []
    assert desk.programme.database.run(follow_late, desk.now()) == (1, 0)
    assert breaks(desk) == [(order_id, BreakClass.LATE_DELIVERY, 1, 500, True)]


def test_the_booking_and_the_break_stand_or_fall_together(desk: Desk) -> None:
    order_id = given_back_too_early(desk)

    def fails(*_: object) -> None:
        raise RuntimeError("the break cannot be written")

    with pytest.raises(RuntimeError):
        ask(desk, order_id, fails)
    assert (desk.row(order_id).state, breaks(desk)) == (OrderState.GIVEN_BACK, [])
    desk.programme.later(minutes=1)
    ask(desk, order_id, open_late)
    assert len(breaks(desk)) == 1


def test_what_is_delivered_in_time_opens_nothing(desk: Desk) -> None:
    order_id = desk.order()
    ask(desk, order_id, open_late)
    assert (desk.row(order_id).state, breaks(desk)) == (OrderState.DELIVERED, [])


def test_the_workers_of_both_kinds_open_it() -> None:
    """Guard: what runs in production passes the break on; without it only the clock of each hour would."""
    told = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("wsgi.py", "voucher_service/tasks.py")}
    assert told["wsgi.py"].count("late=open_late") == 1
    assert told["voucher_service/tasks.py"].count("late=open_late") == 2
    assert all("follow_late" in text.partition("late=open_late")[2] for text in told.values())
