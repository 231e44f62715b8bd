"""Undoing against the deliverer, a recharge code, and the audit: one winner each time, and every fault named."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.flows.delivery.lots import lot_file, serial
from tests.flows.test_audit import Fault, plant
from tests.flows.test_undo import LEASES, claimed, order_of, redeemed, refused, take_back
from tests.programme import Programme
from voucher_service.errors import Conflict, NotFound, ServiceError
from voucher_service.fulfilment import stock
from voucher_service.fulfilment.claim import Claim, claim
from voucher_service.fulfilment.decide import UNDONE
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import (
    ItemState,
    OrderState,
    StockItem,
)
from voucher_service.ledger.audit_undo import UNDO_RULES
from voucher_service.ledger.models import Transfer
from voucher_service.staff.models import Role
from voucher_service.visits import undo
from voucher_service.visits.models import Scan, VisitUndo
from voucher_service.visits.redeem import Recorded


def code_held(programme: Programme) -> Recorded:
    """A redeemed voucher whose recharge code is set aside."""
    import_lot(
        programme.database, programme.vault, partner_id=programme.partner_id, file_name="codes.csv",
        content=lot_file([1]), actor="staff:test", now=programme.now,
    )  # fmt: skip
    recorded = programme.scan(programme.digits(programme.issue(offer_id=programme.code_id)), number=None)
    taken = programme.database.run(claim, programme.now, LEASES, order_id=recorded.order_id)
    assert taken
    programme.database.run(stock.hold, taken, now=programme.now)
    return recorded


def reveal(programme: Programme, recorded: Recorded, reason: str = "") -> stock.Revealed:
    """Show the code of the order."""
    assert recorded.order_id
    return programme.database.run(
        stock.reveal, programme.vault, order_id=recorded.order_id, actor="staff:test", reason=reason, now=programme.now
    )


def test_a_code_nobody_saw_goes_back_into_stock_for_another(programme: Programme) -> None:
    recorded = code_held(programme)
    take_back(programme, recorded.scan_id)
    with programme.database.read() as session:
        item = session.scalars(select(StockItem)).one()
        assert (item.state, item.order_id, item.held_at) == (ItemState.IN_STOCK, None, None)
    assert order_of(programme, recorded).partner_ref is None
    with pytest.raises(NotFound):
        reveal(programme, recorded, "encore")
    assert programme.findings() == []
    other = programme.scan(programme.digits(programme.issue(offer_id=programme.code_id)), number=None)
    taken = claimed(programme, other)
    assert taken
    programme.database.run(stock.hold, taken, now=programme.now)
    assert reveal(programme, other).serial == serial(1)
    assert programme.findings() == []


def test_a_code_that_was_shown_is_not_undone(programme: Programme) -> None:
    recorded = code_held(programme)
    reveal(programme, recorded)
    assert refused(programme, recorded.scan_id) == "undo_code_shown"


def test_a_second_click_that_reads_across_the_first_gets_its_answer(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, recorded = redeemed(programme)
    first, look, looks = take_back(programme, recorded.scan_id), undo._undone, []

    def early(session: Session, scan: Scan) -> VisitUndo | None:
        looks.append(scan.id)  # the first look comes before the other request has ended, the next after it
        return None if len(looks) == 1 else look(session, scan)

    monkeypatch.setattr(undo, "_undone", early)
    assert take_back(programme, recorded.scan_id).visit_id == first.visit_id


def test_of_undo_and_the_deliverer_exactly_one_wins(busy_programme: Programme) -> None:
    won = {"undo": 0, "claim": 0}
    for number in range(24):
        _, recorded = redeemed(busy_programme)
        start = Barrier(3)

        def undoing(recorded: Recorded = recorded, start: Barrier = start) -> str:
            start.wait()
            try:
                take_back(busy_programme, recorded.scan_id)
            except ServiceError as error:
                return error.code
            return "undone"

        def claiming(recorded: Recorded = recorded, start: Barrier = start) -> Claim | None:
            start.wait()
            return claimed(busy_programme, recorded)

        with ThreadPoolExecutor(3) as threads:
            # Twice the same request, as a double click sends it, against one deliverer; who is asked first changes.
            if number % 2:
                taken = threads.submit(claiming)
            first, second = threads.submit(undoing), threads.submit(undoing)
            if not number % 2:
                taken = threads.submit(claiming)
            answers, claim_won = {first.result(), second.result()}, taken.result() is not None
        order = order_of(busy_programme, recorded)
        if claim_won:
            assert (answers, order.state) == ({"undo_sent"}, OrderState.SENDING)
        else:
            assert answers == {"undone"}
            assert (order.state, order.outcome_code) == (OrderState.GIVEN_BACK, UNDONE)
        won["claim" if claim_won else "undo"] += 1
    assert sum(won.values()) == 24
    assert busy_programme.findings() == []


def test_of_undo_and_showing_the_code_exactly_one_wins(busy_programme: Programme) -> None:
    recorded = code_held(busy_programme)
    start = Barrier(2)

    def showing() -> str:
        start.wait()
        try:
            return reveal(busy_programme, recorded).pin
        except ServiceError as error:
            return error.code

    def undoing() -> str:
        start.wait()
        try:
            take_back(busy_programme, recorded.scan_id)
        except Conflict as error:
            return error.code
        return "undone"

    with ThreadPoolExecutor(2) as threads:
        shown, done = threads.submit(showing), threads.submit(undoing)
        assert (done.result() == "undone") == (shown.result() == "not_found")
        assert done.result() in {"undone", "undo_code_shown", "undo_sent"}
    assert busy_programme.findings() == []


GAVE_BACK, IS_MARKED = (rule for rule, _ in UNDO_RULES)
FAULTS = [
    Fault(GAVE_BACK, "UPDATE visit_undo SET refund_id = NULL WHERE visit_id = :visit", "visit"),
    Fault(GAVE_BACK, "UPDATE visit_undo SET staff_id = :stranger WHERE visit_id = :visit", "visit"),
    Fault(GAVE_BACK, "UPDATE transfer SET reason = 'given_back' WHERE id = :release", "visit"),
    Fault(GAVE_BACK, "UPDATE transfer SET quantity = 199 WHERE id = :refund", "visit"),
    Fault(GAVE_BACK, "UPDATE transfer SET corrects_id = :release WHERE id = :refund", "visit"),
    Fault(IS_MARKED, "DELETE FROM visit_undo WHERE visit_id = :visit", "release"),
    Fault(IS_MARKED, "DELETE FROM visit_undo WHERE order_id = :order", "refund"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.sql[:55]} {fault.row}")
def test_each_planted_fault_is_found_and_its_row_named(programme: Programme, fault: Fault) -> None:
    _, recorded = redeemed(programme)
    done = take_back(programme, recorded.scan_id)
    assert programme.findings() == []
    with programme.database.read() as session:
        release = session.scalars(select(Transfer.id).where(Transfer.reason == "undone")).one()
    rows = {
        "visit": done.visit_id, "refund": done.refund_id, "release": release, "order": recorded.order_id,
        "stranger": programme.member(Role.VOLUNTEER).id,
    }  # fmt: skip
    plant(programme, fault, rows)
    named = {finding.row.replace("-", "") for finding in programme.findings() if finding.rule == fault.rule}
    assert str(rows[fault.row]).replace("-", "") in named


def test_each_rule_has_a_planted_fault() -> None:
    assert {fault.rule for fault in FAULTS} == {rule for rule, _ in UNDO_RULES}


def test_the_reason_has_three_characters_in_the_database_too(programme: Programme) -> None:
    _, recorded = redeemed(programme)
    done = take_back(programme, recorded.scan_id)
    assert done.reason
    with pytest.raises(Exception, match="ck_visit_undo_reason"), programme.database.begin() as session:
        session.execute(text("UPDATE visit_undo SET reason = 'x'"))
