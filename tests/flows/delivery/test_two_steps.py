"""Orders in two steps: taken first, confirmed afterwards; and what is wrong when they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.flows.delivery.linked import DT_ONE, DT_ONE_IN_TWO, Linked, Linking
from tests.integrations.talk import Said
from voucher_service.fulfilment import claim as claiming
from voucher_service.fulfilment import decide, outcome
from voucher_service.fulfilment.models import AttemptKind, OrderState


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
