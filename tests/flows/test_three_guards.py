"""Three guards stand against a second redemption. Each is shown to hold with the other two removed.

1. the conditional UPDATE of the voucher's row; 2. one order for one reservation (UNIQUE);
3. the books: a reservation is ended once (partial UNIQUE). With all three gone the double redemption happens,
so these tests can see one.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.programme import Programme
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers.models import Voucher

ONE_ORDER = "ALTER TABLE top_up_order DROP CONSTRAINT uq_top_up_order_reservation_id"
ENDED_ONCE = "DROP INDEX uq_transfer_resolves_id"
THREADS = 16


def remove(programme: Programme, *guards: str) -> None:
    """Drop guards from the database."""
    with programme.database.begin() as session:
        for guard in guards:
            session.execute(text(guard))


def forget_redemption(programme: Programme, voucher: Voucher) -> None:
    """Make the voucher's row live again behind the books' back: the first guard is gone for it."""
    with programme.database.begin() as session:
        session.execute(
            text("UPDATE voucher SET state = 'issued', redeemed_key = NULL, redeemed_at = NULL WHERE id = :id"),
            {"id": voucher.id},
        )


def test_the_conditional_update_alone_lets_one_of_many_win(busy_programme: Programme) -> None:
    remove(busy_programme, ONE_ORDER, ENDED_ONCE)
    for _ in range(10):
        code = busy_programme.digits(busy_programme.issue())
        with ThreadPoolExecutor(THREADS) as threads:
            outcomes = list(threads.map(lambda code: busy_programme.scan(code).outcome, [code] * THREADS))
        assert Counter(outcomes) == {Outcome.ACCEPTED: 1, Outcome.USED: THREADS - 1}
    assert busy_programme.findings() == []


def test_one_order_per_reservation_alone_refuses_the_second(busy_programme: Programme) -> None:
    remove(busy_programme, ENDED_ONCE)
    second_scan_is_refused_by(busy_programme, "uq_top_up_order_reservation_id")


def test_the_books_alone_refuse_the_second(busy_programme: Programme) -> None:
    remove(busy_programme, ONE_ORDER)
    second_scan_is_refused_by(busy_programme, "uq_transfer_resolves_id")


def second_scan_is_refused_by(programme: Programme, guard: str) -> None:
    """Redeem, forget it in the voucher's row, redeem again: `guard` must be what says no."""
    voucher = programme.issue()
    code = programme.digits(voucher)
    assert programme.scan(code).outcome is Outcome.ACCEPTED
    forget_redemption(programme, voucher)
    with pytest.raises(IntegrityError, match=guard):
        programme.scan(code)


def test_without_any_guard_it_happens_and_the_audit_names_it(busy_programme: Programme) -> None:
    remove(busy_programme, ONE_ORDER, ENDED_ONCE)
    voucher = busy_programme.issue()
    code = busy_programme.digits(voucher)
    busy_programme.scan(code)
    forget_redemption(busy_programme, voucher)
    assert busy_programme.scan(code).outcome is Outcome.ACCEPTED
    named = {(finding.rule, finding.row) for finding in busy_programme.findings()}
    assert ("a hold is ended once at most", str(voucher.reservation_id)) in named
    assert ("a redeemed voucher has one accepted scan, one order and one visit", str(voucher.id)) in named
