"""Every kind of fault, planted at random in a right statement, is found once and none is invented."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import false, func, select, true

from tests.flows.reconciliation.builders import NOON, VAULT, make_world
from tests.flows.reconciliation.campaign import one, reconcile
from tests.flows.reconciliation.faults import FAULTS, hide_references, make_case
from voucher_service.db import Database
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.reconciliation import breaks, classify
from voucher_service.reconciliation.models import BreakClass, LineClaim, StatementLine
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement


@pytest.mark.parametrize("seed", range(4))
def test_every_planted_fault_is_found_once_and_none_invented(database: Database, seed: int) -> None:
    with database.begin() as session:
        planted, wrong = one(session, seed)
    assert wrong == []
    assert planted.total() > 5


def test_a_right_statement_ends_at_zero_and_decides_what_was_open(database: Database) -> None:
    with database.begin() as session:
        case = make_case(session, 7)
        hide_references(case)
        before = balances(session, case.world.book_id)
        _, result = reconcile(session, case)
        assert result.figures.clean
        assert (result.figures.unexplained, result.figures.open) == (0, 0)
        assert result.figures.matched == result.figures.lines == len(case.rows)
        # The eleven orders unknown and accepted are delivered now, each with its hold resolved once.
        assert len(result.settled) == 11
        states = session.scalars(select(Order.state).where(Order.id.in_(result.settled)))
        assert set(states) == {"delivered"}
        quantity = session.scalar(select(func.sum(Order.quantity)).where(Order.id.in_(result.settled)))
        after = balances(session, case.world.book_id)
        assert {k: after[k] - before[k] for k in after if after[k] != before[k]} == {
            AccountKind.IN_DELIVERY: -(quantity or 0),
            AccountKind.DELIVERED: quantity,
        }
        keys = [f"deliver:{order}" for order in result.settled]
        posted = session.scalars(select(Transfer).where(Transfer.key.in_(keys))).all()
        assert {t.occurred_at for t in posted} == set(
            session.scalars(
                select(StatementLine.event_at)
                .join(LineClaim, LineClaim.line_id == StatementLine.id)
                .where(LineClaim.order_id.in_(result.settled))
            )
        )


def test_faults_at_one_partner_touch_nothing_of_another(database: Database) -> None:
    with database.begin() as session:
        case = make_case(session, 3)
        lonely = make_world(session, "Opérateur C")
        content = case.content()
        foreign = import_statement(
            session, vault=VAULT, partner_id=lonely.partner_id, file_name="x.csv", content=content, actor="x", now=NOON
        )
        result = run(session, foreign.id, NOON)
        assert result.figures.by_class == {BreakClass.UNEXPECTED_AT_PARTNER: len(case.rows)}
        assert result.settled == ()
        # The order stays free for the statement of the partner that pays for it.
        _, own = reconcile(session, case)
        assert own.figures.clean


def _blind_to_amounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "same_amount", true)


def _deaf_to_missing_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = classify.unclaimed_lines
    monkeypatch.setattr(classify, "unclaimed_lines", lambda s: whole(s).where(false()))


def _no_break_for_missing_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = classify.missing_orders
    monkeypatch.setattr(breaks, "missing_orders", lambda since: whole(since).where(Order.quantity < 0))


@pytest.mark.parametrize("plant", [_blind_to_amounts, _deaf_to_missing_lines, _no_break_for_missing_orders])
def test_a_planted_bug_shows_as_unexplained(
    database: Database, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    with database.begin() as session:
        case = make_case(session, 1)
        for fault in FAULTS:
            fault(case)
        _, result = reconcile(session, case)
        assert result.figures.unexplained > 1  # one is the reference that two orders share
        assert not result.figures.clean
