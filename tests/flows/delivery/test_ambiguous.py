"""The ambiguous-outcome rule where a partner is not to be trusted with the same reference twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.flows.delivery.desk import Desk
from voucher_service.fulfilment.abilities import NeverHappened, TooLate, Undone
from voucher_service.fulfilment.decide import reference
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.providers import (
    Capabilities,
    Delivered,
    Found,
    Idempotency,
    NotFound,
    Ref,
    Reversed,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.fulfilment.schedule import CUT_OFF
from voucher_service.fulfilment.settle import found_delivered, found_reversed, give_back
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind


@dataclass
class Taker:
    """A partner that pays a replay twice, and takes back: its answers in the order given, the last one repeated."""

    capabilities: Capabilities
    clock: Callable[[], object]
    submits: list[Submitted]
    queries: list[Found | None] = field(default_factory=lambda: [None])
    reversals: list[Undone] = field(default_factory=lambda: [NeverHappened("404")])
    seen: list[TopUp] = field(default_factory=list)
    taken_back: list[Ref] = field(default_factory=list)

    def submit(self, top_up: TopUp) -> Submitted:
        self.seen.append(top_up)
        return self.submits.pop(0)

    def query(self, ref: Ref) -> Found:
        assert ref.ours == self.seen[-1].reference
        answer = self.queries.pop(0) if len(self.queries) > 1 else self.queries[0]
        return NotFound(as_of=self.clock()) if answer is None else answer  # type: ignore[arg-type]  # the desk's clock

    def reverse(self, ref: Ref) -> Undone:
        self.taken_back.append(ref)
        return self.reversals.pop(0) if len(self.reversals) > 1 else self.reversals[0]


def taker(desk: Desk, submits: list[Submitted], **answers: object) -> Taker:
    """Put such a partner behind the route."""
    can = replace(desk.partner.capabilities, idempotency=Idempotency.CONTRADICTED, reversal=True)
    made = Taker(can, desk.now, submits, **answers)  # type: ignore[arg-type]  # the names are the dataclass's
    desk.providers["sandbox"] = made
    return made


def test_proved_absent_is_taken_back_first_and_sent_under_a_new_reference(desk: Desk) -> None:
    partner = taker(desk, [Unknown("timeout"), Delivered("P2", 500)])
    order_id = desk.order()
    desk.settle()
    assert [attempt.outcome for attempt in desk.attempts(order_id)][-4:] == [
        "absent", "absent", "never_happened", "delivered",
    ]  # fmt: skip
    assert [ref.ours for ref in partner.taken_back] == [order_id]
    first, second = (top_up.reference for top_up in partner.seen)
    assert (first, second) == (order_id, reference(order_id, 1))
    assert (str(second)[:14], str(second)[14], str(second)[15:]) == (str(first)[:14], "8", str(first)[15:])
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert {attempt.our_ref for attempt in desk.attempts(order_id)} == {str(first), str(second)}
    assert desk.programme.findings() == []


def test_a_reversal_is_repeated_until_it_is_final(desk: Desk) -> None:
    partner = taker(
        desk,
        [Unknown("timeout"), Delivered("P2", 500)],
        reversals=[Unknown("timeout")] * 6 + [Reversed("P1")],
    )
    order_id = desk.order()
    desk.settle(steps=10)
    order = desk.row(order_id)
    assert (order.state, status_words(order).word) == (OrderState.REVERSING, Progress.UNDER_WAY)
    desk.settle()
    assert len(partner.taken_back) == 7
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert desk.programme.findings() == []


def test_a_reversal_that_never_ends_goes_to_people_at_the_cut_off(desk: Desk) -> None:
    partner = taker(desk, [Unknown("timeout")], reversals=[Unknown("timeout")])
    order_id, begun = desk.order(), desk.now()
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, desk.now()) == (OrderState.MANUAL, "cut_off", begun + CUT_OFF)
    assert len(partner.seen) == 1
    assert desk.programme.findings() == []


@pytest.mark.parametrize("then_found", [True, False])
def test_too_late_to_take_back_means_asking_again_and_never_sending(desk: Desk, then_found: bool) -> None:
    found = [Delivered("P1", 500)] if then_found else [None]
    partner = taker(
        desk,
        [Unknown("timeout")],
        queries=[None] * 5 + found,
        reversals=[TooLate("final")],
    )
    order_id = desk.order()
    desk.settle()
    order = desk.row(order_id)
    expected = (OrderState.DELIVERED, None) if then_found else (OrderState.MANUAL, "contradiction")
    assert (order.state, order.outcome_code) == expected
    assert len(partner.seen) == 1
    assert desk.programme.findings() == []


def test_without_reversal_people_decide(desk: Desk) -> None:
    partner = taker(desk, [Unknown("timeout")])
    partner.capabilities = replace(partner.capabilities, reversal=False)
    order_id = desk.order()
    desk.settle()
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.MANUAL, "absent")
    assert (len(partner.seen), partner.taken_back) == (1, [])


def test_still_unknown_at_the_cut_off_waits_for_the_statement(desk: Desk) -> None:
    taker(desk, [Unknown("timeout")], queries=[Unknown("busy")])
    order_id, begun = desk.order(), desk.now()
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, order.due_at) == (OrderState.MANUAL, "cut_off", None)
    assert desk.now() == begun + CUT_OFF
    # The statement speaks: a fact, whose value is still in delivery, needs nobody.
    with desk.programme.database.begin() as session:
        found_delivered(session, order_id, partner_ref="P9", actor="statement", occurred_at=begun, now=desk.now())
    assert (desk.row(order_id).state, desk.row(order_id).partner_ref) == (OrderState.DELIVERED, "P9")
    assert desk.programme.findings() == []


def test_a_late_delivery_is_booked_out_of_variance(desk: Desk) -> None:
    order_id, now = desk.order(), desk.now()
    with desk.programme.database.begin() as session:
        give_back(session, Order.id == order_id, code="declined", actor="test", occurred_at=now, now=now)
    for _ in range(2):  # told twice, booked once
        with desk.programme.database.begin() as session:
            found_delivered(session, order_id, partner_ref="P1", actor="test", occurred_at=now, now=now)
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.MANUAL, "late_delivery")
    with desk.programme.database.read() as session:
        books = balances(session, desk.programme.allocation_id)
    assert (books[AccountKind.DELIVERED], books[AccountKind.VARIANCE]) == (500, -500)
    assert desk.programme.findings() == []


def test_a_reversal_long_after_delivery_changes_the_order_and_not_the_books(desk: Desk) -> None:
    order_id = desk.order()
    desk.settle()
    desk.programme.later(hours=30)
    with desk.programme.database.begin() as session:
        found_reversed(session, order_id, actor="test", occurred_at=desk.now(), now=desk.now())
    assert status_words(desk.row(order_id)).word is Progress.TO_CHECK
    assert desk.programme.findings() == []


def test_a_pause_of_more_than_a_day_does_not_use_up_the_time_for_asking(desk: Desk) -> None:
    desk.programme.later(hours=0)
    order_id = desk.order("112")
    desk.settle(steps=40)
    assert desk.row(order_id).state == OrderState.WAITING
    desk.programme.now += timedelta(days=2)
    partner = taker(desk, [Unknown("timeout")], queries=[Delivered("P1", 500)])
    desk.settle()
    assert (desk.row(order_id).state, len(partner.seen)) == (OrderState.DELIVERED, 1)
