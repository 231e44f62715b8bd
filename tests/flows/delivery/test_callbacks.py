"""Callbacks: kept once, never moving value, making us ask; and pauses that people can see and end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.flows.delivery.desk import Desk
from voucher_service.fulfilment.abilities import Balance, Notice
from voucher_service.fulfilment.around import Callback, PartnerBalance
from voucher_service.fulfilment.balance import LOW_BALANCE, ask_balances, balances, low
from voucher_service.fulfilment.callbacks import Heard, hear, is_path_of, path_secret
from voucher_service.fulfilment.claim import claim
from voucher_service.fulfilment.decide import PAUSED, reference
from voucher_service.fulfilment.figures import figures
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.pause import pauses, resume
from voucher_service.ids import new_id


def call(
    desk: Desk, ours: UUID | None, *, raw: bytes = b"one", theirs: str | None = None, says: str = "SUCCESS"
) -> Heard:
    """A partner calls."""
    notice = Notice(ours=ours, theirs=theirs, status=says, verified=True)
    return desk.programme.database.run(hear, "sandbox", notice, raw, now=desk.now())


def kept(desk: Desk) -> int:
    """How many callbacks are kept."""
    with desk.programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(Callback)) or 0


def test_a_callback_makes_us_ask_at_once_and_moves_nothing_itself(desk: Desk) -> None:
    order_id = desk.order("110")
    desk.step()
    desk.programme.later(seconds=1)
    before = desk.row(order_id)
    assert call(desk, order_id, says="FAILED") == Heard(fresh=True, order_id=order_id)
    after = desk.row(order_id)
    assert (after.state, after.due_at) == (OrderState.ACCEPTED, desk.now())
    assert (after.tries, after.queries, after.outcome_code) == (before.tries, before.queries, before.outcome_code)
    desk.programme.later(seconds=20)
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED, "the partner's answer decided, not its call"
    assert desk.programme.findings() == []


def test_the_same_bytes_again_change_nothing(desk: Desk) -> None:
    order_id = desk.order("110")
    desk.step()
    call(desk, order_id)
    desk.settle()
    asked = len(desk.attempts(order_id))
    assert call(desk, order_id) == Heard(fresh=False, order_id=order_id)
    assert desk.row(order_id).due_at is None
    desk.settle()
    assert (len(desk.attempts(order_id)), kept(desk)) == (asked, 1)


def test_an_early_call_does_not_disturb_who_is_sending(desk: Desk) -> None:
    order_id = desk.order("100")
    with desk.programme.database.begin() as session:
        assert claim(session, desk.now(), {}) is not None
    before = desk.row(order_id).due_at
    call(desk, order_id)
    assert desk.row(order_id).due_at == before
    assert desk.step() is False


def test_a_late_call_about_a_settled_order_is_asked_about(desk: Desk) -> None:
    order_id = desk.order("109")
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED
    desk.programme.later(hours=3)
    call(desk, order_id, says="REFUNDED")
    assert desk.row(order_id).state == OrderState.DELIVERED
    desk.settle()
    assert desk.row(order_id).state == OrderState.REVERSED
    assert (desk.row(order_id).due_at, desk.programme.findings()) == (None, [])


def test_a_forged_call_about_a_settled_order_costs_one_question(desk: Desk) -> None:
    order_id = desk.order("999")
    desk.settle()
    code = desk.row(order_id).outcome_code
    call(desk, order_id, says="FAILED")
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code, order.due_at) == (OrderState.DELIVERED, code, None)
    assert [attempt.kind for attempt in desk.attempts(order_id)] == ["submit", "query"]


def test_a_call_about_nothing_of_ours_is_kept_and_asks_nobody(desk: Desk) -> None:
    order_id = desk.code_order()  # of another route
    for number, (ours, theirs) in enumerate([(new_id(), None), (order_id, None), (None, "X-1"), (None, None)]):
        assert call(desk, ours, raw=str(number).encode(), theirs=theirs) == Heard(fresh=True, order_id=None)
    assert kept(desk) == 4


def test_the_partners_own_reference_and_a_renewed_one_lead_to_the_order(desk: Desk) -> None:
    order_id = desk.order("110")
    desk.step()
    theirs = desk.row(order_id).partner_ref
    assert call(desk, None, theirs=theirs).order_id == order_id
    assert call(desk, reference(order_id, 1), raw=b"two").order_id == order_id


@pytest.mark.postgresql
def test_the_same_call_at_once_is_kept_once(busy_desk: Desk) -> None:
    order_id = busy_desk.order("110")
    busy_desk.step()
    barrier, heard = threading.Barrier(8), []

    def at_once() -> None:
        barrier.wait()
        heard.append(call(busy_desk, order_id).fresh)

    threads = [threading.Thread(target=at_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (heard.count(True), heard.count(False), kept(busy_desk)) == (1, 7, 1)


def test_the_address_cannot_be_guessed_from_another(desk: Desk) -> None:
    vault = desk.programme.vault
    one, other = path_secret(vault, "sandbox"), path_secret(vault, "reloadly")
    assert len(one) == 32
    assert one != other
    with desk.programme.database.read() as session:
        opens = partial(is_path_of, session, vault, "sandbox", now=desk.now())
        assert opens(one)
        assert not opens(other)
        assert not opens("é")
        assert not opens(path_secret(vault, "sandbox", 1)), "the address to come does not serve yet"


def test_a_pause_is_seen_and_ended_by_people(desk: Desk) -> None:
    refused, waiting = desk.order("112"), desk.order("100")
    desk.step(refused)
    with desk.programme.database.read() as session:
        ((pause, count),) = pauses(session)
        assert (pause.route, pause.code, pause.since, count) == ("sandbox", "insufficient_balance", desk.now(), 2)
        assert figures(session, desk.now()).paused == {("sandbox",): 1}
    desk.programme.later(minutes=1)
    assert desk.programme.database.run(resume, "sandbox", now=desk.now()) == 2
    assert (desk.row(waiting).due_at, desk.row(waiting).outcome_code) == (desk.now(), None)
    desk.step(waiting)
    assert desk.row(waiting).state == OrderState.DELIVERED
    with desk.programme.database.read() as session:
        assert pauses(session) == []


def test_the_first_that_is_taken_after_a_pause_ends_it(desk: Desk) -> None:
    refused, waiting = desk.order("112"), desk.order("100")
    desk.step(refused)
    desk.programme.later(minutes=31)
    desk.step(waiting)
    assert desk.row(waiting).state == OrderState.DELIVERED
    with desk.programme.database.read() as session:
        assert pauses(session) == []
    assert desk.row(refused).outcome_code == PAUSED


@dataclass
class Account:
    """A partner with an account of ours, or one that does not answer."""

    left: int | None

    def balance(self) -> Balance:
        if self.left is None:
            raise TimeoutError
        return Balance(self.left, "EUR", _NOW[0])


_NOW: list[datetime] = []


def test_balances_are_kept_and_told_when_low(desk: Desk) -> None:
    _NOW[:] = [desk.now()]
    account = Account(LOW_BALANCE - 1)
    desk.providers["sandbox"] = account  # type: ignore[assignment]  # only its balance is asked for
    database = desk.programme.database
    assert ask_balances(database, desk.providers, desk.now) == 1
    account.left = None
    desk.programme.later(hours=1)
    assert ask_balances(database, desk.providers, desk.now) == 0
    with database.read() as session:
        found = balances(session)["sandbox"]
    assert (found.hundredths, found.currency, found.code) == (LOW_BALANCE - 1, "EUR", "TimeoutError")
    assert (found.asked_at - (found.as_of or found.asked_at), low(found)) == (timedelta(hours=1), True)
    assert not low(PartnerBalance(route="x", hundredths=LOW_BALANCE, asked_at=desk.now()))
    assert not low(PartnerBalance(route="x", hundredths=None, asked_at=desk.now()))


def test_the_figures_count_what_waits_and_what_came_back(desk: Desk) -> None:
    with desk.programme.database.read() as session:
        empty = figures(session, desk.now())
    assert (empty.due, empty.age, empty.attempts) == (0, timedelta(), {})
    for suffix in ("100", "110"):
        desk.order(suffix)
    desk.step()
    desk.programme.later(seconds=30)
    with desk.programme.database.read() as session:
        found = figures(session, desk.now())
    assert (found.due, found.age, found.open["waiting",]) == (1, timedelta(seconds=30), 1)
