"""A reader of tiled logs, written from C2SP tlog-tiles and RFC 6962 alone: nothing here comes from the service.

It knows the log by a function that fetches paths below the prefix, and makes roots and proofs from tiles.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

Fetch = Callable[[str], bytes]


def tile_path(level: int, number: int, width: int) -> str:
    """The path of a tile: three digits an element, all but the last behind an x."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["x" + part for part in parts[:-1]] + parts[-1:])
    return f"tile/{level}/{path}" + ("" if width == 256 else f".p/{width}")


def tiles_of(size: int) -> list[tuple[int, int, int]]:
    """Every tile (level, number, width) of a tree of `size` leaves."""
    found, level = [], 0
    while size >> 8 * level:
        full, rest = divmod(size >> 8 * level, 256)
        found += [(level, number, 256) for number in range(full)] + ([(level, full, rest)] if rest else [])
        level += 1
    return found


def pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class TiledLog:
    """One checkpoint of a log, and what its tiles say."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch
        self.origin, count, root = fetch("checkpoint").decode().split("\n")[:3]
        self.size, self.root = int(count), base64.b64decode(root)
        self.read: dict[tuple[int, int], bytes] = {}

    def stored(self, level: int, index: int) -> bytes:
        """The hash at `index` of a tile level, from the tile that a tree of this size has."""
        number, at = divmod(index, 256)
        if (level, number) not in self.read:
            width = min(256, (self.size >> 8 * level) - number * 256)
            body = self.fetch(tile_path(level, number, width))
            assert len(body) == 32 * width
            self.read[level, number] = body
        return self.read[level, number][32 * at : 32 * at + 32]

    def mth(self, first: int, end: int) -> bytes:
        """MTH(D[first:end]) of RFC 6962, from the highest stored hashes that fit."""
        count, level = end - first, 0
        while count % 256 ** (level + 1) == 0 and first % 256 ** (level + 1) == 0:
            level += 1
        if count == 256**level:
            return self.stored(level, first >> 8 * level)
        middle = first + half(count)
        return pair(self.mth(first, middle), self.mth(middle, end))

    def path(self, number: int, first: int, end: int) -> list[bytes]:
        """PATH(m, D[n]) of RFC 6962, 2.1.1."""
        if end - first == 1:
            return []
        middle = first + half(end - first)
        if number < middle:
            return [*self.path(number, first, middle), self.mth(middle, end)]
        return [*self.path(number, middle, end), self.mth(first, middle)]

    def proof(self, old: int, first: int, end: int, *, known: bool) -> list[bytes]:
        """SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2; `old` counts from the log's beginning."""
        if old == end:
            return [] if known else [self.mth(first, end)]
        middle = first + half(end - first)
        if old <= middle:
            return [*self.proof(old, first, middle, known=known), self.mth(middle, end)]
        return [*self.proof(old, middle, end, known=False), self.mth(first, middle)]


def half(count: int) -> int:
    """The largest power of two smaller than `count`."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power
