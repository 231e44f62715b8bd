"""Workers die, sleep through their lease or come back late: value is delivered once, and no refund is a lie."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from tests.flows.delivery.desk import Desk, Killed
from voucher_service.fulfilment import claim as claiming
from voucher_service.fulfilment import deliver
from voucher_service.fulfilment.claim import Claim, claim
from voucher_service.fulfilment.models import Attempt, AttemptKind, Order, OrderState
from voucher_service.fulfilment.outcome import book
from voucher_service.fulfilment.providers import Answer, Delivered, ErrorClass, Refused
from voucher_service.fulfilment.settle import confirm, found_delivered, found_reversed, give_back
from voucher_service.ids import new_id

CRASHES = [
    ["before submit"],
    ["after submit"],
    ["after submit", "before query"],
    ["after submit", "after query", "before query"],
    ["before submit", "after query"],
]


def crash_and_settle(desk: Desk, kill: list[str], suffix: str) -> UUID:
    """An order on whose way workers die."""
    order_id = desk.order(suffix)
    desk.line.kill = list(kill)
    desk.settle()
    assert desk.line.kill == [], "each planned death took place"
    return order_id


@pytest.mark.parametrize("suffix", ["100", "106"])
@pytest.mark.parametrize("kill", CRASHES, ids=" + ".join)
def test_a_crash_at_any_step_never_doubles(desk: Desk, kill: list[str], suffix: str) -> None:
    order_id = crash_and_settle(desk, kill, suffix)
    expected = OrderState.GIVEN_BACK if suffix == "106" else OrderState.DELIVERED
    assert desk.row(order_id).state == expected
    desk.nobody_is_harmed(order_id)


@pytest.mark.parametrize("kill", CRASHES, ids=" + ".join)
def test_a_partner_that_pays_twice_is_not_sent_twice(careless_desk: Desk, kill: list[str]) -> None:
    order_id = crash_and_settle(careless_desk, kill, "100")
    submits = [a for a in careless_desk.attempts(order_id) if a.kind == AttemptKind.SUBMIT]
    assert len(submits) == 1
    # Proved absent, but a second sending might pay twice here: people decide.
    expected = OrderState.MANUAL if kill[0] == "before submit" else OrderState.DELIVERED
    assert careless_desk.row(order_id).state == expected
    careless_desk.nobody_is_harmed(order_id)


def test_a_crash_while_booking_is_asked_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def books_then_dies(*args: object, **kwargs: object) -> None:
        book(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        raise Killed("in the second transaction")

    order_id = desk.order("100")
    with monkeypatch.context() as patch:
        patch.setattr(deliver, "book", books_then_dies)
        with pytest.raises(Killed):
            desk.step()
    assert desk.row(order_id).state == OrderState.SENDING
    assert desk.step() is False, "the lease still holds"
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert [a.outcome for a in desk.attempts(order_id)] == ["lost", "delivered"]
    desk.nobody_is_harmed(order_id)


def test_a_reversal_found_after_a_crash_goes_to_people(desk: Desk) -> None:
    order_id = desk.order("109")
    desk.line.kill = ["after submit"]
    with pytest.raises(Killed):
        desk.step()
    desk.programme.later(hours=3)
    desk.settle()
    assert desk.row(order_id).state == OrderState.REVERSED
    assert desk.programme.findings() == []


def test_a_reversal_of_a_confirmed_delivery_is_kept(desk: Desk) -> None:
    order_id = desk.order("100")
    desk.settle()
    with desk.programme.database.begin() as session:
        found_reversed(session, order_id, actor="staff:test", occurred_at=desk.now(), now=desk.now())
    assert desk.row(order_id).state == OrderState.REVERSED
    assert desk.programme.findings() == []


def test_a_worker_that_slept_through_its_lease_does_not_send(desk: Desk) -> None:
    order_id = desk.order("100")
    with desk.programme.database.begin() as session:
        claimed = claim(session, desk.now(), {})
    assert claimed is not None
    desk.programme.later(minutes=10)
    answer = deliver._ask(desk.line, desk.programme.vault, claimed, desk.now)  # the step itself
    assert (type(answer).__name__, desk.paid()) == ("NotSent", 0)
    desk.settle()
    desk.nobody_is_harmed(order_id)


def test_an_answer_after_the_lease_is_still_booked_once(desk: Desk) -> None:
    order_id = desk.order("110")

    def someone_else_takes_over() -> None:
        desk.line.after_submit = lambda: None
        desk.programme.later(minutes=2)
        assert desk.step(order_id)

    desk.line.after_submit = someone_else_takes_over
    desk.step(order_id)
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert [a.outcome for a in desk.attempts(order_id)] == ["accepted", "delivered"]
    desk.nobody_is_harmed(order_id)


def _claimed(desk: Desk) -> Claim:
    with desk.programme.database.begin() as session:
        claimed = claim(session, desk.now(), {})
    assert claimed is not None
    return claimed


def test_a_delivery_found_after_the_give_back_is_never_dropped(desk: Desk) -> None:
    order_id = desk.order("100")
    claimed, now = _claimed(desk), desk.now()
    with desk.programme.database.begin() as session:
        give_back(session, Order.id == order_id, code="declined", actor="test", occurred_at=now, now=now)
    with desk.programme.database.begin() as session:
        book(session, desk.programme.vault, claimed, Delivered("SBX-1"), capabilities=desk.line.capabilities, now=now)
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, order.partner_ref) == (OrderState.MANUAL, "late_delivery", "SBX-1")
    assert desk.programme.findings() == []


def test_other_late_answers_change_nothing_but_the_attempt(desk: Desk) -> None:
    order_id = desk.order("100")
    claimed, now = _claimed(desk), desk.now()
    with desk.programme.database.begin() as session:
        assert (
            found_delivered(session, order_id, partner_ref="P", actor="test", occurred_at=now, now=now) == "delivered"
        )
    with desk.programme.database.begin() as session:
        late = Refused("declined", ErrorClass.REFUSED_FINAL)
        book(session, desk.programme.vault, claimed, late, capabilities=desk.line.capabilities, now=now)
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert desk.attempts(order_id)[0].outcome == "refused"
    assert desk.programme.findings() == []


def test_the_ledger_ends_a_hold_once_even_if_the_states_are_bypassed(desk: Desk) -> None:
    order_id = desk.order("100")
    now = desk.now()
    with desk.programme.database.begin() as session:
        confirm(session, Order.id == order_id, partner_ref="P", actor="test", occurred_at=now, now=now)
    with pytest.raises(IntegrityError), desk.programme.database.begin() as session:
        give_back(session, Order.id == order_id, code="declined", actor="test", occurred_at=now, now=now)


def test_the_database_refuses_two_attempts_in_flight(desk: Desk) -> None:
    order_id = desk.order("100")
    claimed = _claimed(desk)
    with pytest.raises(IntegrityError), desk.programme.database.begin() as session:
        session.add(
            Attempt(
                id=new_id(),
                order_id=order_id,
                number=claimed.attempt_number + 1,
                kind="submit",
                our_ref=str(order_id),
                request_hash=bytes(32),
                started_at=desk.now(),
                deadline_at=desk.now(),
            )
        )


@pytest.mark.postgresql
def test_eight_workers_on_one_order_send_it_once(busy_desk: Desk) -> None:
    order_id = busy_desk.order("200")
    barrier = threading.Barrier(8)
    worked: list[bool] = []

    def work() -> None:
        barrier.wait()
        worked.append(busy_desk.step(order_id))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(worked) == [False] * 7 + [True]
    assert len(busy_desk.attempts(order_id)) == 1
    busy_desk.nobody_is_harmed(order_id)


@pytest.mark.postgresql
def test_four_workers_share_the_queue(busy_desk: Desk) -> None:
    orders = [busy_desk.order(suffix) for suffix in ("100", "102", "999", "106", "101") * 4]
    threads = [threading.Thread(target=busy_desk.sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(busy_desk.attempts(order_id)) == 1 for order_id in orders)
    states = [busy_desk.row(order_id).state for order_id in orders]
    assert (states.count("delivered"), states.count("given_back")) == (12, 8)
    assert busy_desk.paid() == 12 * 500
    assert busy_desk.programme.findings() == []


# Planted bugs: each is the rule taken away, and the same check must cry out.


def test_planted_a_time_out_treated_as_a_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def failure(_fault: Exception) -> Answer:
        return Refused("timeout", ErrorClass.REFUSED_FINAL)

    monkeypatch.setattr(deliver, "unclear", failure)
    order_id = desk.order("108")
    desk.settle()
    with pytest.raises(AssertionError, match="given back, and delivered"):
        desk.nobody_is_harmed(order_id)


def test_planted_a_new_reference_for_each_attempt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "reference", lambda _claimed: new_id())
    order_id = crash_and_settle(desk, ["after submit"], "100")
    with pytest.raises(AssertionError, match="delivered twice"):
        desk.nobody_is_harmed(order_id)


def test_planted_sending_past_its_lease_taken_for_not_started(
    careless_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "next_step", lambda _state, _code: (AttemptKind.SUBMIT, OrderState.SENDING))
    order_id = crash_and_settle(careless_desk, ["after submit"], "100")
    with pytest.raises(AssertionError, match="delivered twice"):
        careless_desk.nobody_is_harmed(order_id)
