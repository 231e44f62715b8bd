"""Balances, always provable from the transfers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.ledger.models import AccountKind, FloorBalance, Transfer, account_id

Balances = dict[AccountKind, int]


def balances(session: Session, book_id: int) -> Balances:
    """Return the balance of every account of the book that ever moved, in the book's unit.

    The outside account (donor, person) is negative by what came in; the sum of all is zero.
    """
    return balances_of(session, [book_id]).get(book_id, {})


def balances_of(session: Session, book_ids: Iterable[int]) -> dict[int, Balances]:
    """Return `balances` for several books; a book without transfers is absent."""
    result: dict[int, Balances] = {}
    for book_id in book_ids:
        first, last = book_id * 100, book_id * 100 + 99
        movements = (
            select(Transfer.source_id, Transfer.destination_id, func.sum(Transfer.quantity))
            .where(Transfer.source_id.between(first, last))
            .group_by(Transfer.source_id, Transfer.destination_id)
        )
        for source, destination, quantity in session.execute(movements):
            held = result.setdefault(book_id, {})
            for account, moved in ((source, -int(quantity)), (destination, int(quantity))):
                kind = AccountKind(account - first)
                held[kind] = held.get(kind, 0) + moved
    return result


def available(session: Session, book_id: int) -> int:
    """Return what can still be promised from the book, in its unit (the kept balance)."""
    kept = session.scalar(
        select(FloorBalance.balance).where(FloorBalance.account_id == account_id(book_id, AccountKind.AVAILABLE))
    )
    return kept or 0
