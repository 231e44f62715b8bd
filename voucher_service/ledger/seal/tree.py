"""The Merkle tree of RFC 6962, section 2.1 (RFC 9162 the same): hashes, proofs, and checking them. Pure.

`Hashes` is where the tree's parts come from: `hashes(level, number)` returns the hash of the complete subtree of
2^level leaves that begins at leaf number * 2^level.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Hashes = Callable[[int, int], bytes]

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf: a leaf can never pass for an inner node."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over 2^n hashes of one height."""
    assert len(hashes).bit_count() == 1, "a complete subtree has a power of two"
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def root_of(hashes: Hashes, size: int) -> bytes:
    """Return the root of the tree's first `size` leaves."""
    return _over(hashes, 0, size) if size else EMPTY


def inclusion(hashes: Hashes, number: int, size: int) -> list[bytes]:
    """Return the path that shows leaf `number` in the tree of `size` leaves, from the leaf up."""
    assert 0 <= number < size, "the leaf lies in the tree"
    return _path(hashes, number, 0, size)


def consistency(hashes: Hashes, old: int, new: int) -> list[bytes]:
    """Return what shows that the tree of `new` leaves begins with the tree of `old` leaves."""
    assert 0 < old <= new, "the old tree is not empty and not larger"
    return _grown(hashes, old, 0, new, whole=True) if old < new else []


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _over(hashes: Hashes, first: int, end: int) -> bytes:
    count = end - first
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return hashes(level, first >> level)
    middle = first + _split(count)
    return node_hash(_over(hashes, first, middle), _over(hashes, middle, end))


def _path(hashes: Hashes, number: int, first: int, end: int) -> list[bytes]:
    if end - first == 1:
        return []
    middle = first + _split(end - first)
    if number < middle:
        return [*_path(hashes, number, first, middle), _over(hashes, middle, end)]
    return [*_path(hashes, number, middle, end), _over(hashes, first, middle)]


def _grown(hashes: Hashes, old: int, first: int, end: int, *, whole: bool) -> list[bytes]:
    if old == end - first:
        return [] if whole else [_over(hashes, first, end)]
    half = _split(end - first)
    middle = first + half
    if old <= half:
        return [*_grown(hashes, old, first, middle, whole=whole), _over(hashes, middle, end)]
    return [*_grown(hashes, old - half, middle, end, whole=False), _over(hashes, first, middle)]
