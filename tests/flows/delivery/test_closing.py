"""Two people close what no answer decides; one alone never does, and of two at once one does."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from tests.flows.delivery.desk import Desk
from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.around import Ending
from voucher_service.fulfilment.closing import agree, closings, endings_of, propose, try_again, withdraw
from voucher_service.fulfilment.lists import attention, orders_query
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.settle import found_delivered, found_reversed, give_back, to_people
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind

ANNE, BEN = "staff:anne", "staff:ben"


def manual(desk: Desk) -> UUID:
    """An order in people's hands, its value still in delivery."""
    order_id = desk.order()
    with desk.programme.database.begin() as session:
        assert to_people(session, Order.id == order_id, code="cut_off")
    return order_id


def late(desk: Desk) -> UUID:
    """An order delivered after its value went back."""
    order_id, now = desk.order(), desk.now()
    with desk.programme.database.begin() as session:
        give_back(session, Order.id == order_id, code="declined", actor="test", occurred_at=now, now=now)
        found_delivered(session, order_id, partner_ref="P1", actor="test", occurred_at=now, now=now)
    return order_id


def taken_back(desk: Desk) -> UUID:
    """An order that the partner delivered and took back."""
    order_id, now = desk.order(), desk.now()
    with desk.programme.database.begin() as session:
        found_reversed(session, order_id, actor="test", occurred_at=now, now=now)
    return order_id


def proposed(desk: Desk, order_id: UUID, ending: Ending) -> UUID:
    """Anne's proposal."""
    run = desk.programme.database.run
    return run(propose, order_id, ending=ending, note="Vu avec l’opérateur", actor=ANNE, now=desk.now()).id


def agreed(desk: Desk, closing_id: UUID, by: str = BEN) -> Order:
    """Ben's agreement."""
    return desk.programme.database.run(agree, closing_id, actor=by, now=desk.now())


def books(desk: Desk) -> dict[AccountKind, int]:
    """The gift's balances without what is zero and without the donor."""
    with desk.programme.database.read() as session:
        found = balances(session, desk.programme.allocation_id)
    return {kind: held for kind, held in found.items() if held and kind is not AccountKind.DONOR}


A, D, R, V, W = (
    AccountKind.AVAILABLE,
    AccountKind.DELIVERED,
    AccountKind.RESERVED,
    AccountKind.VARIANCE,
    AccountKind.WRITTEN_OFF,
)
CASES = [
    (manual, Ending.DELIVERED, OrderState.DELIVERED, {A: 99_500, D: 500}),
    (manual, Ending.GIVEN_BACK, OrderState.GIVEN_BACK, {A: 99_500, R: 500}),
    (manual, Ending.LOST, OrderState.LOST, {A: 99_500, W: 500}),
    (late, Ending.DELIVERED, OrderState.DELIVERED, {A: 99_000, R: 500, D: 500}),
    (late, Ending.GIVEN_BACK, OrderState.GIVEN_BACK, {A: 99_500, R: 500}),
    (taken_back, Ending.GIVEN_BACK, OrderState.REVERSED, {A: 100_000}),
    (taken_back, Ending.LOST, OrderState.REVERSED, {A: 99_500, W: 500}),
]


@pytest.mark.parametrize(("made", "ending", "state", "expected"), CASES)
def test_two_people_close_it_and_the_books_follow(
    desk: Desk, made: object, ending: Ending, state: OrderState, expected: dict[AccountKind, int]
) -> None:
    order_id: UUID = made(desk)  # type: ignore[operator]  # one of the three above
    closing_id = proposed(desk, order_id, ending)
    before = books(desk)
    with pytest.raises(SecondPersonNeeded):
        agreed(desk, closing_id, ANNE)
    assert books(desk) == before
    order = agreed(desk, closing_id)
    assert (order.state, books(desk), endings_of(order)) == (state, expected, ())
    with desk.programme.database.read() as session:
        assert list(session.scalars(orders_query())) == [], "nothing is left to do"
        (closing,) = closings(session, [order_id])[order_id]
    assert (closing.proposed_by, closing.decided_by, closing.agreed) == (ANNE, BEN, 1)
    with pytest.raises(Conflict) as again:
        agreed(desk, closing_id)
    assert again.value.code == "closing_decided"
    assert desk.programme.findings() == []


def test_what_was_lost_and_is_delivered_after_all_can_be_closed_again(desk: Desk) -> None:
    order_id = manual(desk)
    agreed(desk, proposed(desk, order_id, Ending.LOST))
    assert status_words(desk.row(order_id)).word is Progress.CLOSED
    with desk.programme.database.begin() as session:
        found_delivered(session, order_id, partner_ref="P1", actor="test", occurred_at=desk.now(), now=desk.now())
    assert desk.programme.findings() == []
    agreed(desk, proposed(desk, order_id, Ending.DELIVERED))
    assert books(desk) == {A: 99_500, D: 500}
    assert desk.programme.findings() == []


def test_what_a_proposal_may_say(desk: Desk) -> None:
    run, now = desk.programme.database.run, desk.now()
    order_id = late(desk)
    for ending, note, field in ((Ending.LOST, "Vu avec eux", "ending"), (Ending.DELIVERED, " x ", "note")):
        with pytest.raises(BadInput) as refused:
            run(propose, order_id, ending=ending, note=note, actor=ANNE, now=now)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        run(propose, new_id(), ending=Ending.LOST, note="Vu avec eux", actor=ANNE, now=now)
    with pytest.raises(NotFound):
        agreed(desk, new_id())
    first = proposed(desk, order_id, Ending.DELIVERED)
    with pytest.raises(Conflict) as pending:
        proposed(desk, order_id, Ending.GIVEN_BACK)
    assert pending.value.code == "closing_pending"
    run(withdraw, first, actor=ANNE, now=now)
    assert proposed(desk, order_id, Ending.GIVEN_BACK) != first


def test_an_order_that_moved_on_is_not_closed_and_the_proposal_stands(desk: Desk) -> None:
    order_id = manual(desk)
    closing_id = proposed(desk, order_id, Ending.GIVEN_BACK)
    with desk.programme.database.begin() as session:
        found_delivered(session, order_id, partner_ref="P1", actor="test", occurred_at=desk.now(), now=desk.now())
    with pytest.raises(Conflict) as moved:
        agreed(desk, closing_id)
    assert moved.value.code == "order_moved_on"
    assert books(desk) == {A: 99_500, D: 500}


def test_the_database_itself_refuses_one_person_alone(desk: Desk) -> None:
    closing_id = proposed(desk, manual(desk), Ending.LOST)
    alone = text("UPDATE order_closing SET agreed = 1, decided_by = proposed_by, decided_at = proposed_at")
    with pytest.raises(IntegrityError), desk.programme.database.begin() as session:
        session.execute(alone)
    assert agreed(desk, closing_id).state == OrderState.LOST


@pytest.mark.postgresql
def test_of_many_who_decide_at_once_one_does(busy_desk: Desk) -> None:
    order_id = manual(busy_desk)
    barrier, done, refused = threading.Barrier(8), [], []
    closing_ids: list[UUID] = []

    def at_once(work: object) -> None:
        barrier.wait()
        try:
            done.append(work())  # type: ignore[operator]  # a lambda of below
        except Conflict as error:
            refused.append(error.code)

    def all_of(works: list[object]) -> None:
        threads = [threading.Thread(target=at_once, args=[work]) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_of([lambda: closing_ids.append(proposed(busy_desk, order_id, Ending.DELIVERED))] * 8)
    assert (len(closing_ids), refused) == (1, ["closing_pending"] * 7)
    refused.clear()
    done.clear()
    others = [f"staff:{number}" for number in range(4)]
    agreeing: list[object] = [lambda who=who: agreed(busy_desk, closing_ids[0], who) for who in others]
    run, now = busy_desk.programme.database.run, busy_desk.now()
    all_of([*agreeing, *[lambda who=who: run(withdraw, closing_ids[0], actor=who, now=now) for who in others]])
    assert (len(done), set(refused)) == (1, {"closing_decided"})
    assert busy_desk.programme.findings() == []


@pytest.mark.parametrize("left", [True, False])
def test_what_failed_here_is_tried_again_and_what_may_have_left_is_asked_about(desk: Desk, left: bool) -> None:
    order_id = desk.order()
    line = desk.providers.pop("sandbox")
    if left:
        desk.providers["sandbox"] = line
        desk.line.kill = ["after submit", *["before query"] * 4]
    desk.settle()
    assert (desk.row(order_id).state, desk.row(order_id).outcome_code) == (OrderState.MANUAL, "internal_failures")
    desk.providers["sandbox"] = line
    desk.line.kill = []
    with desk.programme.database.begin() as session:
        assert try_again(session, order_id, now=desk.now()).state == (
            OrderState.UNKNOWN if left else OrderState.WAITING
        )
    with pytest.raises(Conflict), desk.programme.database.begin() as session:
        try_again(session, order_id, now=desk.now())
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED
    desk.nobody_is_harmed(order_id)


def test_attention_reads_every_state(desk: Desk) -> None:
    order_id, shown = desk.order(), set()
    for state in OrderState:
        with desk.programme.database.begin() as session:
            session.execute(update(Order).values(state=state.value, outcome_code="reversed"))
            shown |= {state for found in session.scalars(orders_query().where(attention())) if found.id == order_id}
    assert shown == {OrderState.MANUAL, OrderState.UNKNOWN, OrderState.REVERSING, OrderState.REVERSED}
