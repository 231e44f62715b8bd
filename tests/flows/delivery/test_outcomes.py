"""Every answer of the sandbox partner, from the order to the books."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.flows.delivery.desk import Desk
from voucher_service.fulfilment.decide import PAUSED, UNDONE
from voucher_service.fulfilment.models import AttemptKind, Order, OrderState
from voucher_service.fulfilment.schedule import ROUTE_PAUSE
from voucher_service.fulfilment.waiting import STOCK_EMPTY
from voucher_service.fulfilment.words import Progress, status_words, to_check
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.units import Unit
from voucher_service.vouchers.models import VoucherState

D, G, M = OrderState.DELIVERED, OrderState.GIVEN_BACK, OrderState.MANUAL
OUTCOMES = [
    ("100", D, None, 1),
    ("200", D, None, 1),
    ("300", D, None, 1),
    ("101", D, None, 1),
    ("102", G, "invalid_number", 1),
    ("302", G, "invalid_number", 1),
    ("103", G, "number_barred", 1),
    ("105", D, None, 1),
    ("106", G, "declined", 1),
    ("107", M, "absent", 5),
    ("108", D, None, 1),
    ("109", D, None, 1),
    ("110", D, None, 1),
    ("111", G, "failed_on_operator", 1),
    ("999", D, None, 1),
]


@pytest.mark.parametrize(("suffix", "state", "code", "submits"), OUTCOMES)
def test_each_number_ends_as_the_partner_says(
    desk: Desk, suffix: str, state: OrderState, code: str | None, submits: int
) -> None:
    order_id = desk.order(suffix)
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (state, code)
    assert [a.kind for a in desk.attempts(order_id)].count(AttemptKind.SUBMIT) == submits
    assert {a.our_ref for a in desk.attempts(order_id)} == {str(order_id)}
    expected = VoucherState.ISSUED if state is G else VoucherState.REDEEMED
    assert desk.voucher_of(order_id).state == expected
    assert desk.paid() == (500 if state is D else 0)
    with desk.programme.database.read() as session:
        held = balances(session, desk.programme.allocation_id)
    where = {D: AccountKind.DELIVERED, G: AccountKind.RESERVED, M: AccountKind.IN_DELIVERY}[state]
    assert held[where] == 500
    desk.nobody_is_harmed(order_id)


def test_an_unknown_is_asked_about_with_growing_waits_and_never_called_failed(desk: Desk) -> None:
    order_id = desk.order("300")
    begun = desk.now()
    desk.step()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.UNKNOWN, "timeout")
    assert order.due_at == begun + timedelta(seconds=5)
    assert status_words(order).word is Progress.UNDER_WAY
    assert "ne pas refaire" in status_words(order).sentence
    assert desk.step() is False, "nothing is due before its time"
    desk.programme.later(seconds=5)
    desk.step()
    order = desk.row(order_id)
    assert (order.state, order.due_at) == (OrderState.ACCEPTED, begun + timedelta(seconds=20))
    desk.programme.later(seconds=15)
    desk.step()
    assert desk.row(order_id).state == D
    assert desk.paid() == 500


def test_an_operator_that_is_away_is_tried_again_later(desk: Desk) -> None:
    order_id = desk.order("104")
    waits = []
    for _ in range(7):
        desk.step()
        due = desk.row(order_id).due_at
        assert due is not None
        waits.append((due - desk.now()).total_seconds())
        desk.programme.now = due
    assert waits == [10, 30, 120, 600, 1800, 3600, 3600]
    assert (desk.row(order_id).state, desk.paid()) == (OrderState.WAITING, 0)
    desk.nobody_is_harmed(order_id)


def test_a_refusal_of_us_pauses_the_route_and_is_not_told_to_the_person(desk: Desk) -> None:
    refused, other = desk.order("112"), desk.order("100")
    desk.step(refused)
    for order_id in (refused, other):
        order = desk.row(order_id)
        assert (order.state, order.outcome_code) == (OrderState.WAITING, PAUSED)
        assert order.due_at == desk.now() + ROUTE_PAUSE
        assert status_words(order).word is Progress.UNDER_WAY
    newcomer = desk.order("100")
    assert desk.step(newcomer) is False
    assert desk.attempts(newcomer) == []
    with desk.programme.database.read() as session:
        assert {order.id for order in to_check(session)} == {refused, other, newcomer}
    with desk.programme.database.begin() as session:  # the account is filled up, and the number changed hands
        session.execute(update(Order).where(Order.id == refused).values(state="manual", due_at=None))
    desk.programme.later(minutes=31)
    desk.sweep()
    assert [desk.row(order_id).state for order_id in (other, newcomer)] == [D, D]


def test_a_voucher_given_back_can_be_presented_again(desk: Desk) -> None:
    first = desk.order("102")
    desk.settle()
    words = status_words(desk.row(first))
    assert words.word is Progress.GIVEN_BACK
    assert "de nouveau" in words.next_step
    second = desk.order("100", voucher=desk.voucher_of(first))
    desk.settle()
    assert (desk.row(first).state, desk.row(second).state) == (G, D)
    assert desk.paid() == 500
    assert desk.programme.findings() == []


def test_an_order_that_cannot_be_read_goes_to_people_after_five_failures(desk: Desk) -> None:
    order_id = desk.order("100")
    with desk.programme.database.begin() as session:
        session.execute(update(Order).where(Order.id == order_id).values(number_sealed=b"\x01" + bytes(40)))
    healthy = desk.order("100")
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (M, "internal_failures")
    assert [a.outcome for a in desk.attempts(order_id)] == ["internal"] * 5
    assert status_words(order).word is Progress.TO_CHECK
    assert (desk.row(healthy).state, desk.paid()) == (D, 500)


def test_a_route_that_is_not_set_up_calls_nobody(desk: Desk) -> None:
    order_id = desk.order("100")
    del desk.providers["sandbox"]
    desk.step()
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.WAITING, "route_missing")
    assert desk.paid() == 0


def test_the_reason_of_every_state_has_words(desk: Desk) -> None:
    order_id = desk.order("100")
    words = set()
    states: list[tuple[OrderState, str | None]] = [(state, None) for state in OrderState]
    special: list[tuple[OrderState, str | None]] = [(OrderState.GIVEN_BACK, UNDONE), (OrderState.WAITING, STOCK_EMPTY)]
    for unit in (Unit.EUR_CENT, Unit.PIECE):  # a top-up, and a thing that is handed over
        for state, code in [*states, *special]:
            order = desk.row(order_id)
            order.unit, order.state, order.outcome_code = unit.value, state.value, code
            said = status_words(order)
            assert said.sentence
            assert said.next_step
            words.add(said.word)
    assert words == set(Progress)
