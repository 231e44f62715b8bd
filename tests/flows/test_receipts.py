"""Receipts of the price paid: numbered without gaps, one for each visit, void when the visit is undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.flows.test_undo import redeemed, take_back
from tests.programme import Programme
from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.ledger.audit_receipts import RECEIPT_RULES
from voucher_service.visits.models import Receipt
from voucher_service.visits.receipts import Paid, number_of, print_receipt


def given(programme: Programme, visit_id: UUID | None) -> Paid:
    """Print the receipt, as the door does."""
    assert visit_id is not None
    return programme.database.run(print_receipt, visit_id=visit_id, now=programme.now)


def numbers(programme: Programme) -> list[str]:
    """Every number given, in its order."""
    with programme.database.read() as session:
        return [number_of(one) for one in session.scalars(select(Receipt).order_by(Receipt.year, Receipt.number))]


def test_a_receipt_has_its_number_once_and_each_print_is_counted(programme: Programme) -> None:
    _, first = redeemed(programme)
    _, second = redeemed(programme)
    for copies in (1, 2):
        receipt = given(programme, second.visit_id).receipt
        assert receipt is not None
        assert (number_of(receipt), receipt.amount_cents, receipt.copies) == ("A1-2026-0001", 200, copies)
    given(programme, first.visit_id)
    programme.now = datetime(2027, 1, 1, 9, tzinfo=UTC)
    _, third = redeemed(programme)
    given(programme, third.visit_id)
    assert numbers(programme) == ["A1-2026-0001", "A1-2026-0002", "A1-2027-0001"]
    assert programme.findings() == []


def test_nothing_paid_or_given_back_before_is_no_receipt(programme: Programme) -> None:
    free = programme.scan(programme.digits(programme.issue()))
    _, undone = redeemed(programme)
    take_back(programme, undone.scan_id)
    for visit_id in (free.visit_id, undone.visit_id):
        with pytest.raises(Conflict) as told:
            given(programme, visit_id)
        assert told.value.code == "nothing_paid"
    with pytest.raises(NotFound):
        given(programme, new_id())
    assert numbers(programme) == []


def test_an_undo_makes_the_receipt_void_and_keeps_its_number(programme: Programme) -> None:
    _, recorded = redeemed(programme)
    assert given(programme, recorded.visit_id).undone_at is None
    take_back(programme, recorded.scan_id)
    again = given(programme, recorded.visit_id)
    assert (again.undone_at, again.receipt and again.receipt.copies) == (programme.now, 2)
    assert numbers(programme) == ["A1-2026-0001"]
    assert programme.findings() == []


def test_many_at_once_leave_no_gap(busy_programme: Programme) -> None:
    visits = [redeemed(busy_programme)[1].visit_id for _ in range(12)]
    with ThreadPoolExecutor(6) as many:
        list(many.map(lambda visit_id: given(busy_programme, visit_id), [*visits, *visits]))
    assert numbers(busy_programme) == [f"A1-2026-{number:04d}" for number in range(1, 13)]
    with busy_programme.database.read() as session:
        assert set(session.scalars(select(Receipt.copies))) == {2}
    assert busy_programme.findings() == []


FAULTS = [
    (RECEIPT_RULES[0][0], "UPDATE receipt SET number = 4 WHERE number = 2"),
    (RECEIPT_RULES[1][0], "UPDATE receipt SET amount_cents = 100 WHERE number = 2"),
    (RECEIPT_RULES[1][0], "UPDATE receipt SET branch_id = 2, number = 1 WHERE number = 2"),
]


@pytest.mark.parametrize(("rule", "sql"), FAULTS)
def test_each_planted_fault_is_found_and_its_row_named(programme: Programme, rule: str, sql: str) -> None:
    given(programme, redeemed(programme)[1].visit_id)
    second = given(programme, redeemed(programme)[1].visit_id).receipt
    assert second is not None
    assert programme.findings() == []
    with programme.database.begin() as session:
        session.execute(text(sql))
    assert second.id.hex in {one.row.replace("-", "") for one in programme.findings() if one.rule == rule}


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _ in FAULTS} == {rule for rule, _ in RECEIPT_RULES}
