"""A redemption is a visit: written together, once, and told in words when it cannot be."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.programme import Programme
from voucher_service.errors import BadInput, KeyReused
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers import life
from voucher_service.vouchers.models import Voucher


def held(programme: Programme) -> dict[AccountKind, int]:
    """The balances of the gift."""
    with programme.database.read() as session:
        return balances(session, programme.allocation_id)


def test_a_redemption_writes_voucher_books_order_scan_and_visit(programme: Programme) -> None:
    voucher = programme.issue()
    assert held(programme) == {AccountKind.DONOR: -100_000, AccountKind.AVAILABLE: 99_500, AccountKind.RESERVED: 500}
    recorded = programme.scan(programme.digits(voucher), paid_cents=200, note="Nouvelle carte SIM", answers={"q": "a"})
    assert recorded.outcome is Outcome.ACCEPTED
    assert held(programme)[AccountKind.IN_DELIVERY] == 500
    assert held(programme)[AccountKind.RESERVED] == 0
    with programme.database.read() as session:
        visit = session.get_one(Visit, recorded.visit_id)
        order = session.get_one(Order, recorded.order_id)
        assert visit.scan_id == recorded.scan_id
        assert (visit.paid_cents, visit.answers, visit.voucher_id) == (200, {"q": "a"}, voucher.id)
        assert visit.note_sealed is not None
        assert b"SIM" not in visit.note_sealed
        assert (order.state, order.quantity, order.number_tail) == (OrderState.WAITING.value, 500, "34")
        assert balances(session, programme.branches[0].till_book_id)[AccountKind.TILL] == 200
    assert programme.findings() == []


def test_the_typed_code_redeems_as_well(programme: Programme) -> None:
    voucher = programme.issue()
    typed = programme.typed(voucher)
    assert programme.scan(" ".join(typed[i : i + 4] for i in range(0, 16, 4))).outcome is Outcome.ACCEPTED
    assert programme.scan(programme.digits(voucher)).outcome is Outcome.USED


def test_the_same_scan_again_gets_its_first_outcome(programme: Programme) -> None:
    code = programme.digits(programme.issue())
    request = programme.request(code)
    first = programme.scan(code, scan_id=request.scan_id)
    again = programme.scan(code, scan_id=request.scan_id)
    assert again == first
    with pytest.raises(KeyReused):
        programme.scan(code, scan_id=request.scan_id, number="+33612345199")


def test_a_second_scan_is_told_when_and_where(programme: Programme) -> None:
    code = programme.digits(programme.issue())
    programme.scan(code)
    used_at = programme.now
    programme.later(hours=1)
    second = programme.scan(code, branch_id=2, till_book_id=programme.branches[1].till_book_id)
    assert second.outcome is Outcome.USED
    assert second.detail["at"] == used_at.isoformat()
    assert second.detail["branch"] == "Antenne Nord"
    with programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Visit)) == 1
        assert session.get_one(Scan, second.scan_id).outcome == "used"


def test_each_end_of_a_voucher_is_told_apart(programme: Programme) -> None:
    cancelled, replaced, expired = programme.issue(), programme.issue(), programme.issue()
    run = programme.database.run
    run(life.cancel, cancelled.id, actor="staff:test", reason="perdu", now=programme.now)
    successor = run(
        life.reissue, programme.ring, replaced.id, new_id(), actor="staff:test", reason="abîmé", now=programme.now
    )
    codes = {voucher.id: programme.digits(voucher) for voucher in (cancelled, replaced, expired, successor)}
    assert programme.scan(codes[cancelled.id]).outcome is Outcome.CANCELLED
    assert programme.scan(codes[replaced.id]).outcome is Outcome.REPLACED
    assert programme.scan(codes[successor.id]).outcome is Outcome.ACCEPTED
    programme.later(days=91)
    assert programme.scan(codes[expired.id]).outcome is Outcome.EXPIRED
    assert run(life.expire_due, now=programme.now) == 1
    assert run(life.expire_due, now=programme.now) == 0
    assert programme.scan(codes[expired.id]).outcome is Outcome.EXPIRED
    assert held(programme)[AccountKind.AVAILABLE] == 99_500
    assert programme.findings() == []


def test_unreadable_and_foreign_codes_are_recorded_refusals(programme: Programme) -> None:
    code = programme.digits(programme.issue())
    flipped = code[:-1] + str((int(code[-1]) + 1) % 10)
    cases = {
        flipped: Outcome.FORGED,
        code[:-7]: Outcome.DAMAGED,
        "https://example.org/menu": Outcome.NOT_A_VOUCHER,
        "1234 5678 9012 3456": Outcome.MISTYPED,
    }
    for text, expected in cases.items():
        assert programme.scan(text).outcome is expected, text
    with programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == len(cases)
    assert programme.findings() == []


def test_a_missing_number_is_asked_for_and_nothing_is_lost(programme: Programme) -> None:
    voucher = programme.issue()
    with pytest.raises(BadInput) as refusal:
        programme.scan(programme.digits(voucher), number=None)
    assert refusal.value.field == "number"
    with pytest.raises(BadInput) as refusal:
        programme.scan(programme.digits(voucher), paid_cents=201)
    assert refusal.value.field == "paid_cents"
    with programme.database.read() as session:
        assert session.get_one(Voucher, voucher.id).state == "issued"
    assert programme.scan(programme.digits(voucher)).outcome is Outcome.ACCEPTED
    by_code = programme.issue(offer_id=programme.code_id)
    assert programme.scan(programme.digits(by_code), number=None).outcome is Outcome.ACCEPTED


def test_a_revoked_key_opens_only_what_the_books_know(programme: Programme) -> None:
    voucher = programme.issue()
    code = programme.digits(voucher)
    with programme.database.begin() as session:
        programme.ring.revoke(session, voucher.key_id, programme.now)
    assert programme.scan(code).outcome is Outcome.ACCEPTED
