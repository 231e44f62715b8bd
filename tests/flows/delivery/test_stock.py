"""Codes: held first-expiring-first, shown once, never in clear at rest, and never more than were received."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tests.flows.delivery.desk import Desk
from tests.flows.delivery.lots import lot_file, pin, serial
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.lots import Imported, import_lot
from voucher_service.fulfilment.models import AttemptOutcome, ItemState, Order, OrderState, Reveal, StockItem
from voucher_service.fulfilment.stock import Revealed, reveal
from voucher_service.fulfilment.words import Progress, status_words, to_check
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind


def bring(desk: Desk, content: bytes, name: str = "lot.csv") -> Imported:
    """Import a lot."""
    return import_lot(
        desk.programme.database,
        desk.programme.vault,
        partner_id=desk.programme.partner_id,
        file_name=name,
        content=content,
        actor="staff:test",
        now=desk.now(),
    )


def show(desk: Desk, order_id: object, reason: str = "") -> Revealed:
    """Look at the order's code."""
    return desk.programme.database.run(
        reveal,
        desk.programme.vault,
        order_id=order_id,  # type: ignore[arg-type]  # some tests ask for what does not exist
        actor="staff:test",
        reason=reason,
        now=desk.now(),
    )


def test_codes_are_given_first_expiring_first_and_shown_once(desk: Desk) -> None:
    bring(desk, lot_file([1, 2], day=date(2027, 6, 30)), "late.csv")
    early = bring(desk, lot_file([3], day=date(2026, 9, 30)), "early.csv")
    bring(desk, lot_file([4], day=date(2026, 3, 4)), "today.csv")
    bring(desk, lot_file([5], face=1000, day=date(2026, 3, 5)), "another value.csv")
    first, second = desk.code_order(), desk.code_order()
    desk.sweep()
    assert status_words(desk.row(first)).word is Progress.CODE_READY
    assert show(desk, first) == Revealed(pin(4), serial(4), again=False)
    assert show(desk, second) == Revealed(pin(3), serial(3), again=False)
    order = desk.row(second)
    assert (order.state, order.partner_ref) == (OrderState.DELIVERED, serial(3))
    with desk.programme.database.read() as session:
        assert balances(session, early.lot_id) == {
            AccountKind.DONOR: -1,
            AccountKind.AVAILABLE: 0,
            AccountKind.DELIVERED: 1,
        }
        assert balances(session, desk.programme.allocation_id)[AccountKind.DELIVERED] == 1000
    assert desk.programme.findings() == []


def test_a_second_look_needs_a_reason_and_is_logged(desk: Desk) -> None:
    bring(desk, lot_file([1]))
    order_id = desk.code_order()
    desk.sweep()
    show(desk, order_id)
    for reason in ("", "  x ", "y" * 201):
        with pytest.raises(BadInput) as refused:
            show(desk, order_id, reason)
        assert refused.value.field == "reason"
    assert show(desk, order_id, "papier perdu") == Revealed(pin(1), serial(1), again=True)
    with desk.programme.database.read() as session:
        looks = session.execute(select(Reveal.number, Reveal.reason, Reveal.actor).order_by(Reveal.number)).all()
    assert [tuple(look) for look in looks] == [(1, "", "staff:test"), (2, "papier perdu", "staff:test")]
    assert desk.programme.findings() == []


def test_two_first_looks_at_once_show_it_freely_to_one(busy_desk: Desk) -> None:
    bring(busy_desk, lot_file([1]))
    order_id = busy_desk.code_order()
    busy_desk.sweep()
    barrier, seen, refused = threading.Barrier(4), [], []

    def look() -> None:
        barrier.wait()
        try:
            seen.append(show(busy_desk, order_id))
        except BadInput as error:
            refused.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(seen), len(refused)) == (1, 3)


def test_nothing_to_show_before_the_code_is_held(desk: Desk) -> None:
    order_id = desk.code_order()
    for wrong in (order_id, new_id()):
        with pytest.raises(NotFound):
            show(desk, wrong)


def test_a_code_of_an_order_that_moved_on_is_not_shown(desk: Desk) -> None:
    bring(desk, lot_file([1]))
    order_id = desk.code_order()
    desk.sweep()
    with desk.programme.database.begin() as session:
        session.execute(update(Order).where(Order.id == order_id).values(state="manual"))
    with pytest.raises(Conflict):
        show(desk, order_id)


def test_without_stock_an_order_waits_and_a_new_lot_wakes_it(desk: Desk) -> None:
    order_id = desk.code_order()
    desk.sweep()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.WAITING, "stock_empty")
    assert status_words(order).word is Progress.TO_CHECK
    with desk.programme.database.read() as session:
        assert [waiting.id for waiting in to_check(session)] == [order_id]
    bring(desk, lot_file([1], face=1000), "another value.csv")
    assert desk.sweep() == 1
    assert desk.row(order_id).state == OrderState.WAITING
    bring(desk, lot_file([2]))
    assert desk.sweep() == 1
    assert desk.row(order_id).state == OrderState.HELD
    assert [a.outcome for a in desk.attempts(order_id)] == [
        AttemptOutcome.STOCK_EMPTY,
        AttemptOutcome.STOCK_EMPTY,
        AttemptOutcome.HELD,
    ]
    assert desk.programme.findings() == []


@pytest.mark.postgresql
def test_workers_at_once_never_give_one_code_twice(busy_desk: Desk) -> None:
    bring(busy_desk, lot_file(list(range(10))))
    orders = [busy_desk.code_order() for _ in range(12)]
    threads = [threading.Thread(target=busy_desk.sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [busy_desk.row(order_id).state for order_id in orders]
    # A worker passes over a code that another is just taking; the order is then served at its next turn.
    busy_desk.programme.later(minutes=11)
    busy_desk.sweep()
    states = [busy_desk.row(order_id).state for order_id in orders]
    assert (states.count("held"), states.count("waiting")) == (10, 2)
    with busy_desk.programme.database.read() as session:
        held = session.scalar(select(func.count(func.distinct(StockItem.order_id))))
        assert held == 10
    assert busy_desk.programme.findings() == []


def test_no_pin_stands_in_clear_in_any_file(programme_on_sqlite: Desk, tmp_path: Path) -> None:
    desk = programme_on_sqlite
    numbers = list(range(200))
    bring(desk, lot_file(numbers))
    orders = [desk.code_order() for _ in range(3)]
    desk.sweep()
    shown = [show(desk, order_id) for order_id in orders]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {".sqlite", ".sqlite-wal"} <= {file.suffix for file in files}
    stored = b"".join(file.read_bytes() for file in files)
    assert serial(150).encode() in stored, "the serials are where they are looked for"
    assert [number for number in numbers if pin(number).encode() in stored] == []
    assert shown[0].pin not in repr(shown)


def test_a_pin_opens_only_in_its_own_row(desk: Desk) -> None:
    bring(desk, lot_file([1, 2]))
    order_id = desk.code_order()
    desk.sweep()
    with desk.programme.database.begin() as session:
        other = session.scalars(select(StockItem.pin_sealed).where(StockItem.state == ItemState.IN_STOCK.value)).one()
        session.execute(update(StockItem).where(StockItem.order_id == order_id).values(pin_sealed=other))
    with pytest.raises(Exception, match="the seal does not open"):
        show(desk, order_id)
    assert desk.row(order_id).state == OrderState.HELD, "what could not be shown is not delivered"
