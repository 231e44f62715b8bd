"""Codes that a partner sells for one order: sealed, held, shown once, a second look only with a reason."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.flows.delivery.linked import RELOADLY_PIN, Linked
from tests.integrations.talk import Said, hang_up, instead, served
from tests.programme import Programme
from voucher_service.crypto import Place, Vault
from voucher_service.db import Base
from voucher_service.errors import BadInput, Conflict
from voucher_service.fulfilment import decide, stock
from voucher_service.fulfilment.bought_models import BoughtCode, BoughtLook
from voucher_service.fulfilment.models import Attempt, Order, OrderState
from voucher_service.fulfilment.providers import Delivered, Pin
from voucher_service.fulfilment.reveal import reveal
from voucher_service.fulfilment.settle import give_back, learn
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind

PIN = "773709732524155"


@pytest.fixture
def desk(programme: Programme) -> Iterator[Linked]:
    """A desk behind an operator that answers with a code, on both databases."""
    with ExitStack() as stack:
        yield Linked(programme, RELOADLY_PIN, stack.enter_context(served(RELOADLY_PIN.partner())))


@pytest.fixture
def busy(busy_programme: Programme) -> Iterator[Linked]:
    """The same on PostgreSQL."""
    with ExitStack() as stack:
        yield Linked(busy_programme, RELOADLY_PIN, stack.enter_context(served(RELOADLY_PIN.partner())))


def show(desk: Linked, order_id: UUID, reason: str = "") -> stock.Revealed:
    """Somebody at the counter looks."""
    how: dict[str, Any] = {"order_id": order_id, "actor": "staff:test", "reason": reason, "now": desk.now()}
    return desk.programme.database.run(reveal, desk.programme.vault, **how)


def places(desk: Linked, folder: Path) -> dict[str, bytes]:
    """All that a thief of the database, its files or the log may read."""
    with desk.programme.database.read() as session:
        rows = [repr(tuple(row)) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]  # SQLite's; else there are none
    return {"rows": "\n".join(rows).encode()} | ({"files": b"".join(files)} if files else {})


def test_a_bought_code_waits_sealed_and_is_shown_once(desk: Linked, tmp_path: Path) -> None:
    with capture_logs() as logged:
        order_id = desk.order()
        desk.settle()
        order = desk.row(order_id)
        assert (order.state, order.partner_ref) == (OrderState.HELD, "4602843")
        assert status_words(order).word is Progress.CODE_READY
        with desk.programme.database.read() as session:
            assert balances(session, desk.programme.allocation_id)[AccountKind.IN_DELIVERY] == 500
        first = show(desk, order_id)
        assert first == stock.Revealed(PIN, "810268", again=False, how="DIAL *611")
        assert desk.row(order_id).state == OrderState.DELIVERED
        with pytest.raises(BadInput):
            show(desk, order_id)
        assert show(desk, order_id, "écran fermé trop tôt") == first._replace(again=True)
    with desk.programme.database.read() as session:
        looks = session.execute(select(BoughtLook.number, BoughtLook.reason).order_by(BoughtLook.number)).all()
        assert [tuple(look) for look in looks] == [(1, ""), (2, "écran fermé trop tôt")]
        assert balances(session, desk.programme.allocation_id)[AccountKind.DELIVERED] == 500
    for place, blob in places(desk, tmp_path).items():
        assert PIN.encode() not in blob, place
        assert b"4602843" in blob, f"{place}: the search sees what is there"
    assert PIN not in repr((logged, first, desk.attempts(order_id)))
    assert desk.programme.findings() == []


def test_the_search_finds_a_code_that_is_kept_in_clear(
    desk: Linked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: nothing is sealed."""
    monkeypatch.setattr(Vault, "seal", lambda _self, _place, plain: plain)
    desk.order()
    desk.settle()
    assert any(PIN.encode() in blob for blob in places(desk, tmp_path).values())


def test_a_code_called_delivered_before_it_is_shown_is_noticed(desk: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the partner's success is taken for the person's."""
    as_it_is = decide.fact

    def without_pin(state: OrderState, code: str | None, answer: Any, *, quantity: int | None = None) -> Any:
        return as_it_is(state, code, Delivered(answer.partner_ref), quantity=quantity)

    monkeypatch.setattr(decide, "fact", without_pin)
    order_id = desk.order()
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED
    with pytest.raises(Conflict) as fault:
        show(desk, order_id)
    assert fault.value.code == "order_moved_on"


def test_a_lost_answer_finds_the_code_again(desk: Linked) -> None:
    order_id = desk.order()
    desk.there.mishap = hang_up
    desk.step()
    assert desk.row(order_id).state == OrderState.UNKNOWN
    desk.settle()
    assert show(desk, order_id).pin == PIN
    assert len(desk.there.orders) == 1


def test_a_code_that_is_not_told_is_asked_for_until_it_is(desk: Linked) -> None:
    order_id = desk.order()
    desk.there.mishap = instead(Said(200, {"transactionId": 4602843, "status": "SUCCESSFUL", "operatorId": 672}))
    desk.step()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.UNKNOWN, "code_missing")
    pin, desk.partner_lines[0]["pinDetail"] = desk.partner_lines[0]["pinDetail"], None
    desk.programme.later(seconds=5)
    desk.step()
    assert desk.row(order_id).state == OrderState.UNKNOWN, "delivered to nobody"
    desk.partner_lines[0]["pinDetail"] = pin
    desk.settle()
    assert show(desk, order_id).pin == PIN


def test_a_code_that_comes_after_the_value_went_back_is_booked_kept_and_shown_to_nobody(desk: Linked) -> None:
    order_id = desk.order()
    desk.there.mishap = hang_up
    desk.step()
    how: dict[str, Any] = {"actor": "staff:test", "occurred_at": desk.now(), "now": desk.now()}
    with desk.programme.database.begin() as session:
        assert give_back(session, Order.id == order_id, code="closed", **how)
    with desk.programme.database.begin() as session:
        session.get_one(Order, order_id).due_at = desk.now()  # a callback says that there is news
    desk.settle()
    order = desk.row(order_id)
    assert (order.state, order.outcome_code) == (OrderState.MANUAL, decide.LATE_DELIVERY)
    with desk.programme.database.read() as session:
        assert session.get(BoughtCode, order_id) is not None
    with pytest.raises(Conflict):
        show(desk, order_id)
    assert desk.programme.findings() == []


def test_the_same_news_twice_keeps_one_code(desk: Linked) -> None:
    order_id = desk.order()
    desk.settle()
    told = Delivered("4602843", pin=Pin(PIN, "810268", "DIAL *611"))
    with desk.programme.database.begin() as session:
        state = learn(session, order_id, told, actor="late worker", occurred_at=desk.now(), now=desk.now())
    assert state == OrderState.HELD
    assert show(desk, order_id).pin == PIN


def test_a_code_moved_to_another_order_does_not_open(desk: Linked) -> None:
    one, other = desk.order(), desk.order()
    desk.settle()
    with desk.programme.database.begin() as session:
        first, second = session.get_one(BoughtCode, one), session.get_one(BoughtCode, other)
        first.sealed, second.sealed = second.sealed, first.sealed
    with pytest.raises(Exception, match="does not open"):
        show(desk, one)
    assert desk.row(one).state == OrderState.HELD
    assert Place("bought_code", "sealed", str(one)).bound() != Place("bought_code", "sealed", str(other)).bound()


@pytest.mark.postgresql
def test_eight_looks_at_once_show_it_freely_once(busy: Linked) -> None:
    order_id = busy.order()
    busy.settle()
    barrier, told = threading.Barrier(8), itertools.count()
    seen: list[str] = []

    def look() -> None:
        barrier.wait()
        try:
            seen.append("again" if show(busy, order_id).again else "first")
        except BadInput:
            seen.append(f"refused {next(told)}")

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.split()[0] for one in seen) == ["first"] + ["refused"] * 7
    with busy.programme.database.read() as session:
        assert len(session.scalars(select(BoughtLook)).all()) == 1
        assert len(session.scalars(select(Attempt)).all()) == 1
