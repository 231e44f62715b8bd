"""The tree's hashes in the database, read a tile of 256 at a time, so that a proof costs a few range scans."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.ledger.seal.models import Leaf, Node
from voucher_service.ledger.seal.tree import fold

HEIGHT = 8
WIDTH = 1 << HEIGHT


class Tiles:
    """Reads hashes of complete subtrees; what was read is kept for this object's life."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[tuple[int, int], Sequence[bytes]] = {}

    def __call__(self, level: int, number: int) -> bytes:
        """Return the hash of the complete subtree of 2^level leaves from leaf number * 2^level on.

        Raises:
            LookupError: the log does not hold it.
        """
        tile_level, inside = divmod(level, HEIGHT)
        first = (number << inside) % WIDTH
        tile = self.tile(tile_level, (number << inside) >> HEIGHT)
        found = tile[first : first + (1 << inside)]
        if len(found) < 1 << inside:
            raise LookupError(f"the log holds no subtree {number} of 2^{level} leaves")
        return fold(found)

    def tile(self, level: int, number: int) -> Sequence[bytes]:
        """Return up to 256 hashes: those of leaves (level 0) or of subtrees of 256^level leaves."""
        known = self._read.get((level, number))
        if known is None:
            known = self._read[level, number] = self._session.scalars(_tile(level, number)).all()
        return known


def _tile(level: int, number: int) -> Select[bytes]:
    first, last = number * WIDTH, number * WIDTH + WIDTH - 1
    if level == 0:
        return select(Leaf.hash).where(Leaf.number.between(first, last)).order_by(Leaf.number)
    return select(Node.hash).where(Node.level == level, Node.number.between(first, last)).order_by(Node.number)


def size_of(session: Session) -> int:
    """Return how many leaves the log holds."""
    last = session.scalar(select(func.max(Leaf.number)))
    return 0 if last is None else last + 1
