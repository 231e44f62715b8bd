"""From the scan to the end, by the real worker, through a connection, over real HTTP: each adapter, each outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.delivery.linked import DT_ONE, DT_ONE_IN_TWO, RELOADLY, TMF654, Link, Linked, Linking
from tests.integrations.talk import Said, hang_up, instead
from voucher_service.fulfilment.decide import CUT_OFF_CODE, PAUSED, TO_CONFIRM
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.schedule import CUT_OFF, ROUTE_PAUSE
from voucher_service.vouchers.models import VoucherState

LINKS = [pytest.param(link, id=f"{link.kind}{'-in-two' if link.settings.get('two_steps') else ''}") for link in
         (RELOADLY, DT_ONE, DT_ONE_IN_TWO, TMF654)]  # fmt: skip
NUMBER = "33612345100"

BY_LINK: dict[str, dict[str, Any]] = {
    "reloadly": {"beneficiary": (400, "PHONE_RECENTLY_RECHARGED"), "us": (400, "INSUFFICIENT_BALANCE")},
    "dt_one": {"beneficiary": (400, 1005003), "us": (400, 1006001)},
    "tmf654": {"beneficiary": (400, "21"), "us": (403, "30")},
}
FAILS: dict[str, Callable[[Linked], None]] = {
    "reloadly": lambda desk: desk.finish("FAILED", code="FAILED_ON_OPERATOR"),
    "dt_one": lambda desk: _ends(desk, "DECLINED", "DECLINED-SOMETHING"),
    "tmf654": lambda desk: desk.finish("failed"),
}


def _ends(desk: Linked, group: str, state: str) -> None:
    desk.there.partner.ends = (group, state)  # type: ignore[attr-defined]  # it is a DtOneServer
    desk.finish()


def refused(link: Link, who: str) -> dict[str, Any]:
    """The partner's table that refuses our number."""
    number = f"+{NUMBER}" if link.kind == "dt_one" else NUMBER
    return {number: BY_LINK[link.kind][who]}


@pytest.mark.parametrize("link", LINKS)
def test_a_scan_ends_with_the_top_up_delivered(linking: Linking, link: Link) -> None:
    desk = linking(link)
    order_id = desk.order()
    assert desk.step()
    assert desk.row(order_id).state == OrderState.ACCEPTED
    if link is DT_ONE_IN_TWO:
        assert desk.row(order_id).outcome_code == TO_CONFIRM
        assert desk.partner_lines[0]["status"]["message"] == "CREATED"
        assert desk.step(), "it is confirmed at once"
        assert desk.partner_lines[0]["status"]["message"] == "CONFIRMED"
    desk.finish()
    desk.settle()
    order = desk.row(order_id)
    theirs = desk.partner_lines[0].get("transactionId") or desk.partner_lines[0]["id"]
    assert (order.state, order.outcome_code, order.partner_ref) == (OrderState.DELIVERED, None, str(theirs))
    assert len(desk.there.orders) == 1
    assert desk.voucher_of(order_id).state == VoucherState.REDEEMED
    assert desk.programme.findings() == []


@pytest.mark.parametrize("link", LINKS)
def test_a_refusal_of_the_number_gives_the_voucher_back(linking: Linking, link: Link) -> None:
    desk = linking(link, codes=refused(link, "beneficiary"))
    order_id = desk.order()
    desk.settle()
    code = str(BY_LINK[link.kind]["beneficiary"][1])
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.GIVEN_BACK, code)
    assert desk.voucher_of(order_id).state == VoucherState.ISSUED
    assert desk.programme.findings() == []


@pytest.mark.parametrize("link", LINKS)
def test_a_refusal_of_us_stops_the_queue_until_they_serve_us_again(linking: Linking, link: Link) -> None:
    desk = linking(link, codes=refused(link, "us"))
    order_id, other = desk.order(), desk.order("200")
    assert desk.sweep() == 1, "the other one is not even tried"
    for one in (order_id, other):
        order = desk.row(one)
        assert (order.state, order.outcome_code, order.due_at) == (OrderState.WAITING, PAUSED, desk.now() + ROUTE_PAUSE)
    desk.there.partner.codes.clear()  # type: ignore[attr-defined]  # the account is filled up
    desk.programme.later(minutes=31)
    desk.sweep()
    desk.finish()
    desk.settle()
    assert {desk.row(one).state for one in (order_id, other)} == {OrderState.DELIVERED}
    assert desk.programme.findings() == []


@pytest.mark.parametrize("link", LINKS)
def test_an_order_that_fails_later_gives_the_voucher_back(linking: Linking, link: Link) -> None:
    desk = linking(link)
    order_id = desk.order()
    desk.sweep()
    FAILS[link.kind](desk)
    desk.settle()
    assert desk.row(order_id).state == OrderState.GIVEN_BACK
    assert desk.programme.findings() == []


@pytest.mark.parametrize("answer", [None, Said(504, b"<html>late</html>")], ids=["reset", "504"])
@pytest.mark.parametrize("link", LINKS)
def test_a_lost_answer_is_asked_about_and_nothing_sent_again(linking: Linking, link: Link, answer: Said | None) -> None:
    desk = linking(link)
    order_id = desk.order()
    desk.there.mishap = hang_up if answer is None else instead(answer)
    desk.step()
    assert desk.row(order_id).state == OrderState.UNKNOWN
    if link is not DT_ONE_IN_TWO:
        desk.finish()
    desk.programme.later(seconds=5)
    desk.sweep()
    desk.finish()
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert len(desk.there.orders) == 1
    assert desk.programme.findings() == []


@pytest.mark.parametrize("link", LINKS)
def test_an_order_lost_on_its_way_is_never_doubled(linking: Linking, link: Link) -> None:
    desk = linking(link)
    begun, order_id = desk.now(), desk.order()
    desk.loses_orders()
    desk.step()
    desk.there.mishap = None
    desk.settle(steps=200)
    order = desk.row(order_id)
    if link is DT_ONE_IN_TWO:
        # Unconfirmed it delivers nothing, so it was sent again under the same reference, and confirmed once.
        assert [one.body["external_id"] for one in desk.there.orders] == [str(order_id)] * 2
        assert order.outcome_code is None
        desk.finish()
        desk.settle()
        assert desk.row(order_id).state == OrderState.DELIVERED
    else:
        assert (order.state, len(desk.there.orders)) == (OrderState.MANUAL, 1)
        # Where what is absent cannot be taken back, two proofs suffice; else people have it after a day.
        assert order.outcome_code == ("absent" if link is RELOADLY else CUT_OFF_CODE)
        assert desk.now() <= begun + CUT_OFF
    assert desk.programme.findings() == []


def test_a_weak_look_up_that_finds_nothing_proves_nothing(linking: Linking) -> None:
    desk = linking(TMF654, cut_off="2")
    desk.there.partner.keeps = False  # type: ignore[attr-defined]  # the operator drops our mark
    begun, order_id = desk.now(), desk.order()
    desk.there.mishap = hang_up
    desk.step()
    desk.finish()
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.MANUAL, CUT_OFF_CODE)
    assert desk.now() == begun + timedelta(hours=2), "the cut-off is this partner's own"
    assert len(desk.there.orders) == 1


@pytest.mark.parametrize("link", [RELOADLY, DT_ONE], ids=["reloadly", "dt_one"])
def test_a_reference_already_used_is_neither_success_nor_failure(linking: Linking, link: Link) -> None:
    desk = linking(link)
    order_id = desk.order()
    used = {"errorCode": "CUSTOM_IDENTIFIER_ALREADY_USED", "errors": [{"code": 1007001}]}
    desk.there.mishap = instead(Said(400, used))
    desk.step()
    assert desk.row(order_id).state == OrderState.UNKNOWN
    desk.finish()
    desk.settle()
    assert (desk.row(order_id).state, len(desk.there.orders)) == (OrderState.DELIVERED, 1)


@pytest.mark.parametrize("link", LINKS)
def test_a_connection_that_is_switched_off_sends_and_confirms_nothing_and_still_asks(
    linking: Linking, link: Link
) -> None:
    desk = linking(link)
    under_way = desk.order()
    desk.step()
    desk.switch(on=False)
    waiting = desk.order()
    asked = len(desk.there.orders)
    desk.step(waiting)
    assert desk.row(waiting).outcome_code == PAUSED
    if link is DT_ONE_IN_TWO:
        desk.step(under_way)
        assert desk.row(under_way).outcome_code == TO_CONFIRM
        assert desk.partner_lines[0]["status"]["message"] == "CREATED"
    else:
        desk.finish()
        desk.programme.later(seconds=5)
        desk.step(under_way)
        assert desk.row(under_way).state == OrderState.DELIVERED
    assert len(desk.there.orders) == asked
