"""The sealer: gives committed transfers their places in the log, extends the tree, signs a checkpoint.

It asks for transfers *that have no leaf*, not for those after the last one: whatever commits late has no leaf
yet and is found, in whichever order transactions end. So the redemption's statement carries nothing for the
log, no column, no index, no lock. To stay cheap it looks only at ids (UUIDv7) from a little before the newest
sealed one on; a full sweep now and then looks at all, for a commit that was later than that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.ledger.models import Transfer
from voucher_service.ledger.seal import on_postgresql
from voucher_service.ledger.seal.canonical import COLUMNS, facts, leaf_bytes
from voucher_service.ledger.seal.models import Checkpoint, Leaf, Node
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.ledger.seal.ring import LOCK, signer_now
from voucher_service.ledger.seal.tiles import WIDTH, Tiles, size_of
from voucher_service.ledger.seal.tree import fold, leaf_hash, root_of

PORTION = 5_000
"""Transfers a transaction: on SQLite nobody else writes meanwhile (a tenth of a second)."""

LOOK_BACK = timedelta(minutes=2)
"""How late a transfer may commit and still be found by the next look; the sweep finds what is later."""


def seal_all(database: Database, signer: LogSigner, *, now: datetime, sweep: bool = False) -> int:
    """Seal every committed transfer that is not sealed yet; return how many were. `sweep` looks at all of them."""
    total, since = 0, None
    while True:
        done, since = database.run(_seal, signer, now, since or (None if sweep else LOOK_BACK), PORTION)
        total += done
        if done < PORTION:
            return total


def seal_portion(
    session: Session, signer: LogSigner, *, now: datetime, sweep: bool = False, portion: int = PORTION
) -> int:
    """Seal up to `portion` transfers and sign a checkpoint; return how many: 0 when another sealer is at work."""
    return _seal(session, signer, now, None if sweep else LOOK_BACK, portion)[0]


def _seal(
    session: Session, signer: LogSigner, now: datetime, back: timedelta | UUID | None, portion: int
) -> tuple[int, UUID | None]:
    """Seal a portion, from so long ago, that id, or the beginning on; return how many, and the last one's id.

    The next portion of the same look goes on from there: a look reads what is sealed already once, not once a portion.
    """
    if not _alone(session):
        return 0, None
    first, since = size_of(session), _look_from(session, now, back) if isinstance(back, timedelta) else back
    sqlite = session.get_bind().dialect.name == "sqlite"
    done = (_append if sqlite else on_postgresql.append)(session, first, since, portion)
    if not done:
        return 0, None
    size = first + done
    grow(session, first, size)
    root = Tiles(session).make(lambda hashes: root_of(hashes, size))
    note = signer_now(session, signer).sign(size, root)
    session.execute(insert(Checkpoint).values(size=size, root=root, note=note, sealed_at=now))
    return done, session.scalar(select(Leaf.transfer_id).where(Leaf.number == size - 1))


def _alone(session: Session) -> bool:
    """Say whether no other sealer is at work; SQLite has one writer anyway. The leaf's number guards once more."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


def _look_from(session: Session, now: datetime, back: timedelta) -> UUID | None:
    """Return the id from which on to look: a little before the newest sealed one, and before now."""
    newest = session.scalar(select(Leaf.transfer_id).order_by(Leaf.transfer_id.desc()).limit(1))
    if newest is None:
        return None
    at_ms = min(newest.int >> 80, int(now.timestamp() * 1000)) - int(back.total_seconds() * 1000)
    return UUID(int=max(at_ms, 0) << 80)


def _append(session: Session, first: int, since: UUID | None, portion: int) -> int:
    """Seal as `on_postgresql.append` does, with the hashing in this process."""
    unsealed = (
        select(*COLUMNS)
        .join(Leaf, Leaf.transfer_id == Transfer.id, isouter=True)
        .where(Leaf.transfer_id.is_(None))
        .order_by(Transfer.id)
        .limit(portion)
    )
    found = session.execute(unsealed if since is None else unsealed.where(Transfer.id >= since)).all()
    rows = [(first + at, row[0].hex, leaf_hash(leaf_bytes(facts(row)))) for at, row in enumerate(found)]
    if rows:
        session.connection().exec_driver_sql(
            "INSERT INTO ledger_leaf (number, transfer_id, hash) VALUES (?, ?, ?)", rows
        )
    return len(rows)


def grow(session: Session, old: int, new: int) -> None:
    """Write the hashes of the subtrees of 256^level leaves that have become complete."""
    level, tiles = 1, Tiles(session)
    while new >= WIDTH:
        old, new = old // WIDTH, new // WIDTH
        fresh = [
            {"level": level, "number": number, "hash": fold(tiles.tile(level - 1, number))}
            for number in range(old, new)
        ]
        if fresh:
            session.execute(insert(Node), fresh)
        level += 1


def checkpoints_since(session: Session, size: int) -> list[Checkpoint]:
    """Return the checkpoints over more than `size` leaves, oldest first."""
    return list(session.scalars(select(Checkpoint).where(Checkpoint.size > size).order_by(Checkpoint.size)))
