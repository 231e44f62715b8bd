"""From issue to an agreed statement through the real features, and news of a delivery that comes twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.flows.delivery.desk import Desk
from tests.flows.delivery.lots import lot_file
from tests.flows.reconciliation.builders import Wanted, add_orders, make_world
from tests.flows.reconciliation.codes import add_code
from tests.programme import NOON, Programme
from voucher_service.db import Database
from voucher_service.fulfilment.claim import Claim, claim
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import ItemState, Order, OrderState, StockItem
from voucher_service.fulfilment.outcome import book
from voucher_service.fulfilment.providers import (
    Accepted,
    Answer,
    Delivered,
    ErrorClass,
    NotFound,
    Refused,
    Reversed,
    Unknown,
)
from voucher_service.fulfilment.settle import to_people
from voucher_service.fulfilment.stock import reveal
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.ledger.audit import audit
from voucher_service.ledger.models import Transfer
from voucher_service.reconciliation.allocations import allocation_report
from voucher_service.reconciliation.run import RunResult, run
from voucher_service.reconciliation.statements import import_statement

SCANLESS = ("a redeemed voucher has one accepted scan, one order and one visit", "every order was made by one accepted")
"""The rules about scans and visits, which the builders leave out; every rule about value holds."""


@pytest.fixture
def desk(programme: Programme, tmp_path: Path) -> Desk:
    """A programme whose partner keeps a book of its own, on both databases."""
    return Desk(programme, tmp_path)


def partners_own_book(desk: Desk) -> bytes:
    """The statement as the partner prints it: from its own movements and used codes, nothing of ours."""
    rows = [
        f"{m.reference};{m.partner_ref};;{m.quantity / 100:.2f};"
        f"{'OK' if m.code == 'delivered' else 'refusé'};{m.done_at.astimezone(PROGRAMME_ZONE):%d/%m/%Y %H:%M:%S}"
        for m in desk.partner.movements()
    ]
    with desk.programme.database.read() as session:
        used = session.execute(
            select(StockItem.serial, StockItem.revealed_at).where(StockItem.revealed_at.is_not(None))
        )
        rows += [f";;{serial};5.00;OK;{at.astimezone(PROGRAMME_ZONE):%d/%m/%Y %H:%M:%S}" for serial, at in used if at]
    return "\n".join(["our ref;partner ref;serial;montant eur;status;date", *rows]).encode()


def reconcile(desk: Desk, content: bytes) -> RunResult:
    programme = desk.programme
    statement = programme.database.run(
        import_statement, vault=programme.vault, partner_id=programme.partner_id, file_name="mars.csv", content=content,
        actor="staff:test", now=desk.now(),
    )  # fmt: skip
    return programme.database.run(run, statement.id, desk.now())


def endings(desk: Desk, order_id: UUID) -> int | None:
    """How many transfers ended the order's hold."""
    with desk.programme.database.read() as session:
        hold = select(Order.hold_id).where(Order.id == order_id).scalar_subquery()
        return session.scalar(select(func.count()).select_from(Transfer).where(Transfer.resolves_id == hold))


def test_issued_redeemed_delivered_and_agreed_with_the_partners_own_book(desk: Desk) -> None:
    programme = desk.programme
    import_lot(
        programme.database, programme.vault, partner_id=programme.partner_id, file_name="lot.csv",
        content=lot_file([1, 2]), actor="staff:test", now=desk.now(),
    )  # fmt: skip
    sure = [desk.order("100"), desk.order("101")]
    refused, silent, slow, code = desk.order("106"), desk.order("108"), desk.order("110"), desk.code_order()
    desk.sweep()
    programme.database.run(reveal, programme.vault, order_id=code, actor="staff:test", reason="", now=desk.now())
    assert {one: desk.row(one).state for one in (*sure, refused, silent, slow, code)} == {
        sure[0]: "delivered", sure[1]: "delivered", refused: "given_back", silent: "unknown", slow: "accepted",
        code: "delivered",
    }  # fmt: skip
    programme.later(minutes=1)
    result = reconcile(desk, partners_own_book(desk))
    assert (result.figures.lines, result.figures.unexplained, result.figures.clean) == (6, 0, True)
    assert set(result.settled) == {silent, slow}
    assert [desk.row(one).outcome_code for one in (silent, slow)] == ["statement", "statement"]
    assert desk.row(silent).partner_ref is not None  # the answer that named it was lost; the line is the evidence
    with programme.database.read() as session:
        (gift,) = allocation_report(session, programme.partner_id)
    assert (gift.holds, gift.delivered, gift.in_delivery, gift.reserved) == (True, 2500, 0, 500)
    assert programme.findings() == []
    # The code is delivered from stock; the rest is what the partner itself says it paid.
    assert desk.paid() == gift.delivered - 500


def claimed(desk: Desk, order_id: UUID) -> Claim:
    """A worker that has just begun to ask the partner about the order."""
    with desk.programme.database.begin() as session:
        found = claim(session, desk.now(), {"sandbox": timedelta(seconds=30)}, order_id=order_id)
    assert found is not None
    return found


def unknown_order(desk: Desk) -> UUID:
    """An order that the partner delivered and whose answer was lost."""
    order_id = desk.order("108")
    assert desk.step(order_id)
    desk.programme.later(seconds=10)
    assert desk.row(order_id).state == OrderState.UNKNOWN
    return order_id


@pytest.mark.parametrize(
    "answer",
    [
        Delivered("SBX-LATE"), Accepted("SBX-LATE"), Unknown("timeout"), Refused("declined", ErrorClass.REFUSED_FINAL),
        NotFound(as_of=NOON + timedelta(days=1)), Reversed("SBX-LATE"),
    ],
    ids=lambda answer: type(answer).__name__,
)  # fmt: skip
def test_a_poll_under_way_while_the_statement_decides_settles_nothing_twice(desk: Desk, answer: Answer) -> None:
    order_id = unknown_order(desk)
    asking = claimed(desk, order_id)
    first = reconcile(desk, partners_own_book(desk))
    assert first.settled == (order_id,)
    with desk.programme.database.begin() as session:
        book(session, desk.programme.vault, asking, answer, capabilities=desk.line.capabilities, now=desk.now())
    after = desk.row(order_id)
    assert after.state == (OrderState.REVERSED if isinstance(answer, Reversed) else OrderState.DELIVERED)
    assert after.due_at is None
    assert endings(desk, order_id) == 1
    assert not desk.step(order_id)
    desk.settle()
    assert endings(desk, order_id) == 1
    assert desk.paid() == 500
    assert desk.programme.findings() == []


def test_what_a_worker_booked_first_the_statement_does_not_book_again(desk: Desk) -> None:
    order_id = unknown_order(desk)
    content = partners_own_book(desk)
    desk.settle()  # the partner is asked and says so
    assert desk.row(order_id).outcome_code is None
    result = reconcile(desk, content)
    assert (result.settled, result.figures.clean, endings(desk, order_id)) == ((), True, 1)
    assert desk.programme.findings() == []


def test_an_order_that_waits_for_people_is_decided_by_the_statement(desk: Desk) -> None:
    order_id = unknown_order(desk)
    with desk.programme.database.begin() as session:
        assert to_people(session, Order.id == order_id, code="absent")
    assert reconcile(desk, partners_own_book(desk)).settled == (order_id,)
    assert (desk.row(order_id).state, endings(desk, order_id)) == (OrderState.DELIVERED, 1)
    assert desk.programme.findings() == []


def test_the_builders_keep_the_books_sound(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        for code in (None, "late_delivery"):
            states = [OrderState.MANUAL] if code else list(OrderState)
            orders = add_orders(session, world, [Wanted(state, outcome_code=code) for state in states])
        add_code(session, world, "893311", ItemState.REVEALED, orders[0])
        broken = {finding.rule for finding in audit(session)}
        assert {rule for rule in broken if not rule.startswith(SCANLESS)} == set()
        (gift,) = allocation_report(session, world.partner_id)
        assert (gift.variance, gift.holds) == (-1000, False), "the late delivery stands open, and is shown"
