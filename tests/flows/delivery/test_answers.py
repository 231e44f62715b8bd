"""Answers that the sandbox partner never gives: each rule of delivery, with a partner that says what we write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from tests.flows.delivery.desk import Desk
from voucher_service.fulfilment.decide import PAUSED
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.providers import (
    Accepted,
    Capabilities,
    Delivered,
    ErrorClass,
    Found,
    Lookup,
    NotFound,
    Ref,
    Refused,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.fulfilment.schedule import CUT_OFF


@dataclass
class Told:
    """A partner that answers in the order given; the last answer to a query is repeated."""

    capabilities: Capabilities
    submits: list[Submitted]
    queries: list[Callable[[], Found]] = field(default_factory=list)
    seen: list[TopUp] = field(default_factory=list)

    def submit(self, top_up: TopUp) -> Submitted:
        self.seen.append(top_up)
        return self.submits.pop(0)

    def query(self, ref: Ref) -> Found:
        assert (ref.ours, ref.sent_at is None) == (self.seen[0].reference, False)
        return self.queries.pop(0)() if len(self.queries) > 1 else self.queries[0]()


def told(desk: Desk, submits: list[Submitted], *queries: Found, **capabilities: object) -> Told:
    """Put such a partner behind the route."""
    made = Told(
        replace(desk.partner.capabilities, **capabilities),  # type: ignore[arg-type]  # the names are the dataclass's
        submits,
        [lambda answer=answer: answer for answer in queries],  # type: ignore[misc]  # bound to each answer
    )
    desk.providers["sandbox"] = made
    return made


def test_the_partner_gets_the_number_product_quantity_and_our_reference(desk: Desk) -> None:
    partner = told(desk, [Delivered("P1", 500)])
    order_id = desk.order("999")
    desk.step()
    seen = partner.seen[0]
    assert (seen.reference, seen.number, seen.product_code, seen.quantity, seen.unit) == (
        order_id,
        "+33612345999",
        "TOPUP5",
        500,
        "eur_cent",
    )
    attempt = desk.attempts(order_id)[0]
    assert "612345" not in f"{attempt.our_ref}{attempt.evidence}{attempt.code}"


def test_an_amount_that_differs_is_kept_for_the_statement(desk: Desk) -> None:
    told(desk, [Delivered("P1", 400)])
    order_id = desk.order()
    desk.step()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, order.partner_ref) == (OrderState.DELIVERED, "amount_differs", "P1")
    assert desk.programme.findings() == []


def test_who_cannot_be_asked_is_not_asked_and_at_the_cut_off_people_decide(desk: Desk) -> None:
    told(desk, [Unknown("timeout")], Unknown("never asked"), lookup=Lookup.NONE)
    order_id, cut_off = desk.order(), desk.now() + CUT_OFF
    desk.step()
    order = desk.row(order_id)
    assert (order.state, order.due_at, len(desk.attempts(order_id))) == (OrderState.UNKNOWN, cut_off, 1)
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, order.due_at) == (OrderState.MANUAL, "cut_off", None)
    assert [attempt.code for attempt in desk.attempts(order_id)] == ["timeout", "cannot_be_asked"]
    assert desk.programme.findings() == []


def test_a_duplicate_is_asked_about_and_a_refusal_then_gives_back(desk: Desk) -> None:
    refused = Refused("declined", ErrorClass.REFUSED_FINAL)
    partner = told(desk, [Refused("duplicate", ErrorClass.DUPLICATE)], Accepted("P1"), refused)
    order_id = desk.order()
    desk.settle()
    assert (desk.row(order_id).state, len(partner.seen)) == (OrderState.GIVEN_BACK, 1)
    assert desk.programme.findings() == []


def test_what_an_adapter_cannot_classify_is_unknown(desk: Desk) -> None:
    told(desk, [Refused("weird", ErrorClass.UNKNOWN)], Delivered("P1"))
    order_id = desk.order()
    desk.step()
    assert desk.row(order_id).state == OrderState.UNKNOWN
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED


def test_our_empty_account_found_by_asking_goes_to_people_and_pauses_the_route(desk: Desk) -> None:
    told(desk, [Accepted("P1")], Refused("insufficient_balance", ErrorClass.PARTNER_PRECONDITION))
    order_id = desk.order()
    desk.step()
    other = desk.order()
    desk.programme.later(seconds=5)
    desk.step(order_id)
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.MANUAL, "insufficient_balance")
    assert (desk.row(other).state, desk.row(other).outcome_code) == (OrderState.WAITING, PAUSED)
    assert desk.programme.findings() == []


@pytest.mark.parametrize(("early", "resent"), [(True, False), (False, True)])
def test_absence_is_proved_by_two_late_answers_only(desk: Desk, early: bool, resent: bool) -> None:
    partner = told(desk, [Unknown("timeout"), Delivered("P2", 500)])
    submitted_at = desk.now()

    def not_found() -> Found:
        # A replica that lags: it answers now, but of a time when the order may still have been on its way.
        as_of: datetime = submitted_at + timedelta(seconds=30) if early else desk.now()
        return NotFound(as_of=as_of)

    partner.queries = [not_found]
    order_id = desk.order()
    desk.settle(steps=12)
    outcomes = [attempt.outcome for attempt in desk.attempts(order_id)]
    if resent:
        # 60 s of lease, then twice 30 s: the answers of the first two minutes prove nothing.
        assert outcomes == ["unknown", "not_found", "not_found", "not_found", "absent", "absent", "delivered"]
        assert {seen.reference for seen in partner.seen} == {order_id}
    else:
        assert set(outcomes) == {"unknown", "not_found"}
        assert len(partner.seen) == 1
    assert desk.programme.findings() == []
