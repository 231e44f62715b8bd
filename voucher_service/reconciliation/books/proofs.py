"""Proofs for those outside: these movements are in the sealed books, and today's books only add to yesterday's.

A partner gets the movements of its own gifts and lots. `verify_books.py` checks what is made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, select, true
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.models import Transfer
from voucher_service.ledger.seal.canonical import COLUMNS, FIELDS, facts
from voucher_service.ledger.seal.models import Checkpoint, Leaf
from voucher_service.ledger.seal.note import LogKey
from voucher_service.ledger.seal.ring import key_of
from voucher_service.ledger.seal.tiles import Tiles
from voucher_service.ledger.seal.tree import consistency, inclusion
from voucher_service.reconciliation.books.draw_down import gift_of
from voucher_service.reconciliation.export import csv_line
from voucher_service.vouchers.models import Voucher

FORMAT = "coup-de-pouce proof 1"
PAGE = 500
"""Movements in one proof; a bigger gift is proved in parts, each beginning after the last number of the one before."""

PART = 100_000
"""Checkpoints in one file of all of them: some 30 MB, two months of sealing every minute."""


def newest_checkpoint(session: Session) -> Checkpoint:
    """Return the newest checkpoint. Raises Conflict (`not_sealed_yet`) before the first."""
    found = session.scalar(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))
    if found is None:
        raise Conflict("Les livres n’ont pas encore été scellés : réessayez dans une minute.", code="not_sealed_yet")
    return found


def of_gift(allocation_id: int) -> ColumnElement[bool]:
    """Return what picks the movements of a gift: those of all accounts of its book."""
    return Transfer.source_id.between(allocation_id * 100, allocation_id * 100 + 99)


def of_voucher(session: Session, voucher: Voucher) -> ColumnElement[bool]:
    """Return what picks the movements of a voucher: its own and those of its top-ups, within its gift's book."""
    orders = session.scalars(select(Order.id).where(Order.voucher_id == voucher.id)).all()
    things = [str(voucher.id), *map(str, orders)]
    return and_(of_gift(voucher.allocation_id), Transfer.object_id.in_(things))


def of_order(session: Session, partner_id: UUID, order_id: UUID) -> ColumnElement[bool]:
    """Return what picks the movements of one top-up. Raises NotFound when no gift of the partner paid for it."""
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound("Cette recharge n’existe pas, ou n’est pas la vôtre.")
    gift_of(session, partner_id, order.allocation_id)
    return and_(of_gift(order.allocation_id), Transfer.object_id == str(order_id))


def log_key(session: Session, first: LogKey) -> LogKey:
    """Return the key that the newest checkpoint is checked with."""
    last = session.scalar(select(func.max(Checkpoint.size)))
    return key_of(session, first, last or 1)


def proof(
    session: Session, which: ColumnElement[bool], *, key: LogKey, after: int = -1, old: int | None = None
) -> dict[str, Any]:
    """Return the proof of the movements `which` picks, at the newest checkpoint, as JSON takes it.

    `key` is the log's first. `old` is the size of an earlier checkpoint: then it is also shown that the books
    begin with those.

    Raises:
        Conflict: `not_sealed_yet`. NotFound: there was no such earlier checkpoint.
    """
    checkpoint = newest_checkpoint(session)
    tiles = Tiles(session)
    rows = list(_rows(session, which, checkpoint.size, after, PAGE))
    paths = tiles.make(lambda hashes: [inclusion(hashes, number, checkpoint.size) for number, _ in rows])
    told = {
        "format": FORMAT,
        "key": key_of(session, key, checkpoint.size).text(),
        "checkpoint": checkpoint.note,
        "leaves": [
            {"number": number}
            | dict(zip(FIELDS, said, strict=True))
            | {"path": [part.hex() for part in path]}
            for (number, said), path in zip(rows, paths, strict=True)
        ],
        "total": session.scalar(
            select(func.count()).select_from(Leaf).join(Transfer, Transfer.id == Leaf.transfer_id)
            .where(which, Leaf.number < checkpoint.size)
        ),
        "next": rows[-1][0] if len(rows) == PAGE else None,
    }  # fmt: skip
    return told if old is None else told | {"consistency": grown(session, old, checkpoint.size)}


def grown(session: Session, old: int, new: int) -> dict[str, Any]:
    """Return what shows that the first `new` leaves begin with the first `old`.

    Raises:
        NotFound: there is no checkpoint of one of the sizes. BadInput: the old one is newer.
    """
    for size in (old, new):
        checkpoint_of(session, size)
    if old > new:
        raise BadInput("L’ancien point de contrôle est plus récent que l’autre.", field="old")
    path = Tiles(session).make(lambda hashes: consistency(hashes, old, new))
    return {"old": old, "new": new, "path": [part.hex() for part in path]}


def leaves_csv(session: Session, which: ColumnElement[bool]) -> Iterator[str]:
    """Yield the movements as CSV lines with their paths: `verify_books.py` reads it beside the checkpoint."""
    checkpoint = newest_checkpoint(session)
    tiles = Tiles(session)
    yield "\ufeff" + csv_line(("number", *FIELDS, "path"))
    for number, said in _rows(session, which, checkpoint.size, -1, None):
        path = tiles.make(partial(inclusion, number=number, size=checkpoint.size))
        yield csv_line((number, *said, " ".join(part.hex() for part in path)))


def checkpoints(session: Session, *, before: int | None = None, limit: int = 50) -> Sequence[Checkpoint]:
    """Return checkpoints, newest first."""
    return session.scalars(select(Checkpoint).where(_below(before)).order_by(Checkpoint.size.desc()).limit(limit)).all()


def history(session: Session, before: int | None = None) -> list[str]:
    """Return the notes of up to `PART` checkpoints, oldest first: the newest below `before`."""
    return [one.note for one in reversed(checkpoints(session, before=before, limit=PART))]


def parts(session: Session) -> list[int | None]:
    """Return what to give `history` as `before` for each of its parts, the newest first."""
    found: list[int | None] = [None]
    sizes = select(Checkpoint.size).order_by(Checkpoint.size.desc())
    while (first := session.scalar(sizes.where(_below(found[-1])).offset(PART - 1).limit(1))) is not None:
        if session.scalar(sizes.where(_below(first)).limit(1)) is None:
            break
        found.append(first)
    return found


def _below(size: int | None) -> ColumnElement[bool]:
    return true() if size is None else Checkpoint.size < size


def checkpoint_of(session: Session, size: int) -> Checkpoint:
    """Return the checkpoint over `size` leaves. Raises NotFound when there is none."""
    found = session.get(Checkpoint, size) if size < 2**62 else None
    if found is None:
        raise NotFound("Il n’y a pas de point de contrôle de cette taille.")
    return found


def nothing() -> ColumnElement[bool]:
    """Return what picks no movement: a proof of continuity alone."""
    return false()


def _rows(
    session: Session, which: ColumnElement[bool], size: int, after: int, limit: int | None
) -> Iterator[tuple[int, list[str]]]:
    found = (
        select(Leaf.number, *COLUMNS)
        .join(Transfer, Transfer.id == Leaf.transfer_id)
        .where(which, Leaf.number > after, Leaf.number < size)
        .order_by(Leaf.number)
        .limit(limit)
    )
    for row in session.execute(found):
        yield row[0], facts(row[1:])
