"""The tree's hashes in the database, read a tile of 256 at a time; all tiles of a proof come with one query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from voucher_service.ledger.seal.models import Leaf, Node
from voucher_service.ledger.seal.tree import Hashes, fold

T = TypeVar("T")

HEIGHT = 8
WIDTH = 1 << HEIGHT


_ARMS = 16  # tiles a query: a proof needs up to eight
_KEPT = 1_024  # tiles: 30 MB

_JOINED = "SELECT {0}, string_agg(hash, ''::bytea ORDER BY number) FROM"  # PostgreSQL: a tile is one value
_LEAVES = f"{_JOINED} ledger_leaf WHERE number BETWEEN :first{{0}} AND :last{{0}}"
_NODES = f"{_JOINED} ledger_node WHERE level = :level{{0}} AND number BETWEEN :first{{0}} AND :last{{0}}"


class Tiles:
    """Reads hashes of complete subtrees; what was read is kept until it is too much."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[tuple[int, int], Sequence[bytes]] = {}
        self._folded: dict[tuple[int, int], bytes] = {}

    def make(self, work: Callable[[Hashes], T]) -> T:
        """Return what `work` makes of the hashes, having read every tile it asks for at once.

        `work` is called twice; which hashes it asks for must not hang on what they are.
        """
        wanted: dict[tuple[int, int], None] = {}

        def note(level: int, number: int) -> bytes:
            wanted[_holds(level, number)[:2]] = None
            return b""

        work(note)
        self._fetch(wanted)
        return work(self)

    def _fetch(self, places: Iterable[tuple[int, int]]) -> None:
        """Read the tiles that are not known yet, a few with each query."""
        if len(self._read) > _KEPT:
            self._read.clear()
            self._folded.clear()
        missing = [place for place in places if place not in self._read]
        for at in range(0, len(missing), _ARMS):
            part = missing[at : at + _ARMS]
            if self._session.get_bind().dialect.name == "sqlite":
                for level, number in part:  # in the process, where a query costs little
                    self.tile(level, number)
                continue
            arms: list[str] = []
            given: dict[str, int] = {}
            for place, (level, number) in enumerate(part):
                arms.append((_NODES if level else _LEAVES).format(place))
                first = number * WIDTH
                given |= {f"first{place}": first, f"last{place}": first + WIDTH - 1}
                given |= {f"level{place}": level} if level else {}
            for place, joined in self._session.execute(text(" UNION ALL ".join(arms)), given):
                self._read[part[place]] = [joined[start : start + 32] for start in range(0, len(joined or b""), 32)]

    def __call__(self, level: int, number: int) -> bytes:
        """Return the hash of the complete subtree of 2^level leaves from leaf number * 2^level on.

        Raises:
            LookupError: the log does not hold it.
        """
        known = self._folded.get((level, number))
        if known is None:
            tile_level, tile_number, first, count = _holds(level, number)
            found = self.tile(tile_level, tile_number)[first : first + count]
            if len(found) < count:
                raise LookupError(f"the log holds no subtree {number} of 2^{level} leaves")
            known = self._folded[level, number] = fold(found)
        return known

    def tile(self, level: int, number: int) -> Sequence[bytes]:
        """Return up to 256 hashes: those of leaves (level 0) or of subtrees of 256^level leaves."""
        known = self._read.get((level, number))
        if known is None:
            known = self._read[level, number] = self._session.scalars(_tile(level, number)).all()
        return known


def _holds(level: int, number: int) -> tuple[int, int, int, int]:
    """Return which hashes make up the subtree: the tile's level and number, the first of them in it, how many."""
    tile_level, inside = divmod(level, HEIGHT)
    first = number << inside
    return tile_level, first >> HEIGHT, first % WIDTH, 1 << inside


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
