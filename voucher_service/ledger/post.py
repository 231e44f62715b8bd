"""Writing in the books: open a book, post transfers. Nothing else writes these tables but the hot path
of `voucher_service.visits.redeem`, which inserts the same rows in its own statement."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, KeyReused
from voucher_service.ids import new_id
from voucher_service.ledger.models import (
    ACCOUNTS,
    Account,
    AccountKind,
    Book,
    BookKind,
    FloorBalance,
    Reason,
    Transfer,
    account_id,
)
from voucher_service.units import MAX_QUANTITY, Unit

_CHUNK = 500  # rows a statement: below SQLite's limit on bound variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transfer to post. `key` makes it happen once; `resolves` names the hold it ends.

    `occurred_at` is for what happened at another instant than the other transfers posted with it.
    """

    key: str
    book_id: int
    source: AccountKind
    destination: AccountKind
    unit: Unit
    quantity: int
    reason: Reason
    object_kind: str
    object_id: str
    resolves: UUID | None = None
    corrects: UUID | None = None
    occurred_at: datetime | None = None

    def request_hash(self) -> bytes:
        """Return SHA-256 over what was asked, so that a reused key with another request is told apart."""
        parts = (
            self.book_id,
            int(self.source),
            int(self.destination),
            self.unit.value,
            self.quantity,
            self.reason.value,
            self.object_kind,
            self.object_id,
            self.resolves,
            self.corrects,
        )
        return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()


def open_book(session: Session, *, kind: BookKind, unit: Unit, now: datetime) -> int:
    """Open a book with its accounts and return its number. The available account starts at zero."""
    book = Book(kind=kind.value, unit=unit.value, opened_at=now)
    session.add(book)
    session.flush()
    session.add_all(
        Account(id=account_id(book.id, account), book_id=book.id, kind=int(account), unit=unit.value)
        for account in ACCOUNTS[kind]
    )
    session.flush()
    if AccountKind.AVAILABLE in ACCOUNTS[kind]:
        session.add(FloorBalance(account_id=account_id(book.id, AccountKind.AVAILABLE), balance=0, counted=0))
        session.flush()
    return book.id


def post(session: Session, entries: Sequence[Entry], *, actor: str, occurred_at: datetime, now: datetime) -> list[UUID]:
    """Post `entries` and return their transfer ids, in order. A key seen before answers with its first id.

    Raises:
        KeyReused: a key was used before for another request.
        Conflict: `allocation_exhausted`: the source has not that much available.
    """
    ids, fresh = write(session, entries, actor=actor, occurred_at=occurred_at, now=now)
    move_floors(session, fresh)
    return ids


def write(
    session: Session, entries: Sequence[Entry], *, actor: str, occurred_at: datetime, now: datetime
) -> tuple[list[UUID], list[Entry]]:
    """Insert the transfers of `entries`; return their ids and those that were new.

    The caller owes `move_floors` for the new ones in the same transaction, as its last statement: a big
    batch must not hold the row that every other issue from the same gift waits for.

    Raises:
        KeyReused: a key was used before for another request.
    """
    known = _known(session, entries)
    ids: list[UUID] = []
    fresh: list[tuple[UUID, Entry]] = []
    for entry in entries:
        assert 0 < entry.quantity <= MAX_QUANTITY, "a transfer moves a positive whole quantity"
        first = known.get(entry.key)
        if first is None:
            fresh.append((new_id(), entry))
            ids.append(fresh[-1][0])
            continue
        if first[1] != entry.request_hash():
            raise KeyReused(f"La clé {entry.key} a déjà servi pour une autre écriture.")
        ids.append(first[0])
    if fresh:
        session.execute(insert(Transfer), [_row(i, e, actor, occurred_at, now) for i, e in fresh])
    return ids, [entry for _, entry in fresh]


def _known(session: Session, entries: Sequence[Entry]) -> dict[str, tuple[UUID, bytes]]:
    keys = [entry.key for entry in entries]
    assert len(set(keys)) == len(keys), "a key stands once in a posting"
    known: dict[str, tuple[UUID, bytes]] = {}
    for start in range(0, len(keys), _CHUNK):
        found = select(Transfer.key, Transfer.id, Transfer.request_hash).where(
            Transfer.key.in_(keys[start : start + _CHUNK])
        )
        known.update({key: (transfer, digest) for key, transfer, digest in session.execute(found)})
    return known


def _row(transfer: UUID, entry: Entry, actor: str, occurred_at: datetime, now: datetime) -> dict[str, object]:
    return {
        "id": transfer,
        "key": entry.key,
        "request_hash": entry.request_hash(),
        "unit": entry.unit.value,
        "quantity": entry.quantity,
        "source_id": account_id(entry.book_id, entry.source),
        "destination_id": account_id(entry.book_id, entry.destination),
        "reason": entry.reason.value,
        "object_kind": entry.object_kind,
        "object_id": entry.object_id,
        "actor": actor,
        "occurred_at": entry.occurred_at or occurred_at,
        "recorded_at": now,
        "resolves_id": entry.resolves,
        "corrects_id": entry.corrects,
    }


def move_floors(session: Session, entries: Sequence[Entry]) -> None:
    """Move the kept balances by `entries`, in account order so that two batches cannot lock crosswise.

    Raises:
        Conflict: `allocation_exhausted`: a source has not that much available.
    """
    delta: Counter[int] = Counter()
    counted: Counter[int] = Counter()
    for entry in entries:
        for kind, sign in ((entry.source, -1), (entry.destination, 1)):
            if kind is AccountKind.AVAILABLE:
                delta[account_id(entry.book_id, kind)] += sign * entry.quantity
                counted[account_id(entry.book_id, kind)] += 1
    for account in sorted(counted):
        moved = session.scalar(
            update(FloorBalance)
            .where(FloorBalance.account_id == account, FloorBalance.balance + delta[account] >= 0)
            .values(balance=FloorBalance.balance + delta[account], counted=FloorBalance.counted + counted[account])
            .returning(FloorBalance.account_id)
            .execution_options(synchronize_session=False)
        )
        if moved is None:
            raise Conflict(
                "Il ne reste pas assez sur cette dotation : choisissez une quantité plus petite ou une autre dotation.",
                code="allocation_exhausted",
            )
