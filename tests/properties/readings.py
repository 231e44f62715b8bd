"""What the database says, read without the service's queries, to be held against the model."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from sqlalchemy import Table, Uuid, bindparam, func, select, text
from sqlalchemy.orm import Session

from tests.properties.model import Paper
from voucher_service.db import Base

TABLES = Base.metadata.tables
_MOVED = text(
    "SELECT source_id, destination_id, SUM(quantity) FROM transfer WHERE source_id >= :first"
    " GROUP BY source_id, destination_id"
)
_KEPT = text("SELECT account_id, balance FROM floor_balance WHERE account_id >= :first")
_COUNTS = text(
    "SELECT (SELECT COUNT(*) FROM visit WHERE id > :first), (SELECT COUNT(*) FROM top_up_order WHERE id > :first),"
    " (SELECT COUNT(*) FROM scan WHERE id > :first)"
).bindparams(bindparam("first", type_=Uuid))
OPEN = {"waiting", "sending", "accepted", "unknown", "reversing", "manual"}


def short(state: str) -> str:
    """An order's state in the model's words."""
    return "open" if state in OPEN else state


Accounts = dict[int, dict[int, int]]


def books(session: Session, first_book: int) -> Accounts:
    """Each book from `first_book` on, added up from its transfers: {book: {account kind: balance}}."""
    found: Accounts = {}
    for source, destination, quantity in session.execute(_MOVED, {"first": first_book * 100}):
        for account, sign in ((source, -1), (destination, 1)):
            held = found.setdefault(account // 100, {})
            held[account % 100] = held.get(account % 100, 0) + sign * int(quantity)
    return {book: _plain(held) for book, held in found.items()}


def kept(session: Session, first_book: int) -> dict[int, int]:
    """The balances kept for their floor: {book: available}."""
    return {account // 100: int(balance) for account, balance in session.execute(_KEPT, {"first": first_book * 100})}


def counts(session: Session, first_id: UUID) -> dict[str, int]:
    """Visits, orders and scans made since `first_id`."""
    visits, orders, scans = session.execute(_COUNTS, {"first": first_id}).one()
    return {"visits": visits, "orders": orders, "scans": scans}


def expected_books(paper: Paper, gifts: list[int], lots: list[int]) -> Accounts:
    """The same out of the model."""
    pots = [*zip(gifts, paper.pots, strict=True), *zip(lots, paper.lots, strict=True)]
    return {book: _plain(pot.accounts) for book, pot in pots}


def _plain(held: dict[int, int] | Counter[int]) -> dict[int, int]:
    return {kind: balance for kind, balance in held.items() if balance}


def column_since(session: Session, table: str, first_id: UUID, column: str) -> dict[UUID, Any]:
    """One column of the rows made since `first_id`, by id."""
    columns = _table(table).c
    found = select(columns.id, columns[column]).where(columns.id > first_id)
    return {row: value for row, value in session.execute(found)}  # noqa: C416  # rows are not plain tuples


def till(session: Session, book: int) -> int:
    """What a branch's till holds, in cents."""
    moved = TABLES["transfer"].c
    return int(session.scalar(select(func.sum(moved.quantity)).where(moved.source_id == book * 100 + 2)) or 0)


def _table(name: str) -> Table:
    table: Table = TABLES[name]
    return table
