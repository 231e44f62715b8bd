"""The tree's hashes in the database, read a tile of 256 at a time, so that a proof costs a few range scans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Place:
    """A tile as C2SP tlog-tiles names it: level, number in the level, and how many hashes (256 when full)."""

    level: int
    number: int
    width: int

    @property
    def end(self) -> int:
        """Return how many leaves the log must have for the tile to be there."""
        return (self.number * WIDTH + self.width) << HEIGHT * self.level


_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}")
_LEVEL = re.compile(r"0|[1-9][0-9]?")
_PARTIAL = re.compile(r"[1-9][0-9]{0,2}")


def place_of(level: str, place: str) -> Place | None:
    """Return the tile that `tile/<level>/<place>` names; None when it is not the one way to write any tile."""
    number, dot, width = place.partition(".p/")
    if not _LEVEL.fullmatch(level) or int(level) > 63 or not _NUMBER.fullmatch(number):
        return None
    if number.startswith("x000/") or (dot and not (_PARTIAL.fullmatch(width) and int(width) < WIDTH)):
        return None
    return Place(int(level), int(number.replace("x", "").replace("/", "")), int(width) if dot else WIDTH)


def size_of(session: Session) -> int:
    """Return how many leaves the log holds."""
    last = session.scalar(select(func.max(Leaf.number)))
    return 0 if last is None else last + 1
