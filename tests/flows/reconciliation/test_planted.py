"""The corruptor sees a matcher that is wrong: each variant here misses a fault, invents one, or leaves some over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, false, true
from sqlalchemy.exc import IntegrityError

from tests.flows.reconciliation.campaign import one, undone
from voucher_service.db import Database
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.reconciliation import classify, match, products
from voucher_service.reconciliation import run as runs
from voucher_service.reconciliation.models import StatementLine
from voucher_service.reconciliation.reader.words import LineStatus

Plant = Callable[[pytest.MonkeyPatch], None]


@contextmanager
def rewritten(database: Database, right: str, wrong: str) -> Iterator[list[str]]:
    """Every statement with a piece of its SQL exchanged; gives those that had it."""
    had: list[str] = []

    def change(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> tuple[str, Any]:
        if right in sql:
            had.append(sql)
        return sql.replace(right, wrong), values

    event.listen(database.engine, "before_cursor_execute", change, retval=True)
    try:
        yield had
    finally:
        event.remove(database.engine, "before_cursor_execute", change)


def wrong_in(database: Database, seeds: range = range(3)) -> list[str]:
    wrong: list[str] = []
    for seed in seeds:
        try:
            with undone(database) as session:
                wrong += one(session, seed)[1]
        except IntegrityError as error:  # a line or an order would have been claimed twice
            wrong.append(str(error.orig))
    return wrong


def without_serials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "PASSES", ("our_ref", "partner_ref"))


def whoever_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (match, classify):
        monkeypatch.setattr(module, "own_order", lambda _partner: true())


def taken_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "_REVERSED", LineStatus.REFUSED)


def nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "decided_by_statement", lambda *_: [])


def any_amount_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    both = (StatementLine.status == LineStatus.DELIVERED.value) & (Order.state == OrderState.DELIVERED.value)
    monkeypatch.setattr(classify, "plainly_agreed", lambda: both)


def products_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "has_products", lambda *_: False)


def any_product_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "other_product", false)


def refused_products_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "LineStatus", SimpleNamespace(DELIVERED=LineStatus.REFUSED))


@pytest.mark.parametrize(
    "plant",
    [
        products_are_not_read, any_product_decides, refused_products_count, without_serials, whoever_pays,
        taken_back_is_refused, nothing_is_decided, any_amount_agrees,
    ],
)  # fmt: skip
def test_a_wrong_matcher_is_seen(sqlite: Database, monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    assert wrong_in(sqlite)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("min(stated_line.id)", "max(stated_line.id)"),  # the second of two equal lines claims the order
        ("HAVING count(*) = ?", "HAVING count(*) >= ?"),  # one of several orders under a reference is claimed
        ("DELETE FROM loose_line WHERE EXISTS", "DELETE FROM loose_line WHERE NOT EXISTS"),  # loose lines are forgotten
    ],
)
def test_wrong_sql_is_seen(sqlite: Database, right: str, wrong: str) -> None:
    with rewritten(sqlite, right, wrong) as had:
        found = wrong_in(sqlite)
    assert had
    assert found


def test_the_right_matcher_passes_the_same_seeds(sqlite: Database) -> None:
    assert wrong_in(sqlite) == []
