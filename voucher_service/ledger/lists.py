"""What screens list of the books."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select

from voucher_service.ledger.models import AccountKind, Reason, Transfer


def transfers_query(
    *,
    book_id: int | None = None,
    reason: Reason | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Select[Transfer]:
    """Return the query for transfers, of one book (all its accounts lie in one range) or of all."""
    query = select(Transfer)
    if book_id is not None:
        query = query.where(Transfer.source_id.between(book_id * 100, book_id * 100 + 99))
    if reason is not None:
        query = query.where(Transfer.reason == reason.value)
    if since is not None:
        query = query.where(Transfer.recorded_at >= since)
    if before is not None:
        query = query.where(Transfer.recorded_at < before)
    return query


def account_of(account_id: int) -> tuple[int, AccountKind]:
    """Return the book and the kind that an account's number says."""
    book_id, kind = divmod(account_id, 100)
    return book_id, AccountKind(kind)
