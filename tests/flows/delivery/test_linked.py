"""From the scan to the end, by the real worker, through a connection, over real HTTP: each adapter, each outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.delivery.linked import DT_ONE, DT_ONE_IN_TWO, RELOADLY, TMF654, Link, Linked
from tests.integrations.talk import Said, hang_up, instead, served
from tests.programme import Programme
from voucher_service.fulfilment import claim as claiming
from voucher_service.fulfilment import decide, outcome
from voucher_service.fulfilment.decide import CUT_OFF_CODE, PAUSED, TO_CONFIRM
from voucher_service.fulfilment.models import AttemptKind, OrderState
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

Linking = Callable[..., Linked]


def _ends(desk: Linked, group: str, state: str) -> None:
    desk.there.partner.ends = (group, state)  # type: ignore[attr-defined]  # it is a DtOneServer
    desk.finish()


@pytest.fixture
def linking(programme: Programme) -> Iterator[Linking]:
    """Make a desk behind a connection of this kind; the partner is told who is refused."""
    with ExitStack() as stack:

        def make(link: Link, *, codes: dict[str, Any] | None = None, **settings: str) -> Linked:
            more = {"codes": codes} if codes else {}
            there = stack.enter_context(served(link.partner(**more)))
            if link is TMF654:
                settings["codes"] = "400 21 beneficiary\n403 30 partner_precondition"
            return Linked(programme, link, there, **settings)

        yield make


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


def confirms(desk: Linked, *more: Said | None) -> None:
    """The next confirmations are answered so; None: as the partner does, but the answer is lost."""
    answers = list(more)
    as_it_is = desk.there.partner.answer

    def answer(asked: Any) -> Said:
        if asked.path.endswith("/confirm") and answers:
            told = answers.pop(0)
            if told is None:
                as_it_is(asked)
                return Said(502, b"")
            return told
        return as_it_is(asked)

    desk.there.partner.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "answers",
    [
        [None],
        [Said(502, b"")],
        [Said(429, {"errors": [{"code": 1000429}]})],
        [Said(400, {"errors": [{"code": 1006001}]})],
        [Said(500, {"errors": [{"code": 1009001}]}), None, Said(503, b"")],
    ],
    ids=["done, answer lost", "lost", "too many", "account empty", "again and again"],
)
def test_a_confirmation_is_repeated_until_it_is_known(linking: Linking, answers: list[Said | None]) -> None:
    desk = linking(DT_ONE_IN_TWO)
    order_id = desk.order()
    confirms(desk, *answers)
    desk.sweep()
    assert desk.row(order_id).state in {OrderState.ACCEPTED, OrderState.UNKNOWN}
    for _ in range(12):
        desk.programme.later(minutes=31)
        desk.sweep()
    assert desk.partner_lines[0]["status"]["message"] == "CONFIRMED"
    desk.finish()
    desk.settle()
    assert (desk.row(order_id).state, len(desk.there.orders)) == (OrderState.DELIVERED, 1)
    assert desk.programme.findings() == []


def test_a_confirmation_of_nothing_is_a_refusal(linking: Linking) -> None:
    desk = linking(DT_ONE_IN_TWO)
    order_id = desk.order()
    confirms(desk, Said(404, {"errors": [{"code": 1008004}]}))
    desk.sweep()
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.GIVEN_BACK, "1008004")
    assert [one.kind for one in desk.attempts(order_id)] == [AttemptKind.SUBMIT, AttemptKind.CONFIRM]
    assert desk.programme.findings() == []


def test_an_order_cancelled_there_is_given_back(linking: Linking) -> None:
    desk = linking(DT_ONE_IN_TWO)
    order_id = desk.order()
    desk.step()
    desk.partner_lines[0]["status"] = {"message": "CANCELLED", "class": {"message": "CANCELLED"}}
    desk.settle()
    assert desk.row(order_id).state == OrderState.GIVEN_BACK
    assert desk.programme.findings() == []


def test_an_order_that_nobody_confirms_is_noticed(linking: Linking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what the partner holds for us is only asked about."""
    monkeypatch.setattr(claiming, "next_step", lambda state, _code: decide.next_step(state))
    desk = linking(DT_ONE_IN_TWO)
    order_id = desk.order()
    desk.settle()
    assert desk.row(order_id).state != OrderState.ACCEPTED, "at the cut-off people have it"
    assert desk.partner_lines[0]["status"]["message"] == "CREATED"


def test_sending_again_what_was_confirmed_would_double(linking: Linking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: an absent order is sent again, though it delivers without being confirmed, and may come late."""
    as_it_is = decide.decide

    def careless(at: Any, answer: Any, can: Any, now: Any) -> Any:
        return as_it_is(at, answer, replace(can, confirms_later=True), now)

    monkeypatch.setattr(outcome, "decide", careless)
    desk = linking(DT_ONE)
    desk.order()
    desk.loses_orders()
    desk.step()
    desk.there.mishap = None
    desk.settle(steps=200)
    assert len(desk.there.orders) > 1, "the count that every other test holds at one"


def test_an_order_found_undone_twice_is_not_confirmed_in_a_hurry(linking: Linking) -> None:
    """A partner that goes on saying "not confirmed" after each confirmation is asked at the usual pace."""
    desk = linking(DT_ONE_IN_TWO)
    desk.order()
    created = {"id": 2237512891, "status": {"message": "CREATED", "class": {"message": "CREATED"}}}
    confirms(desk, *[Said(200, created)] * 50)
    assert desk.sweep() < 4
