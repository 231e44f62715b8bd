"""The lists a device decides by: for each key two strings of bits by serial, compared block by block.

Pure. `gone`: known and no longer live. `home`: issued for the device's branch. A device says which blocks it holds, by
digest, and gets those that differ: contents are compared, so no commit can come too late to be noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from voucher_service.visits.offline.wire import base64url

BLOCK: Final = 1024
BLOCK_BYTES: Final = BLOCK // 8
DIGEST: Final = 11
"""Characters of a block's digest: eight bytes in base64."""


@dataclass(slots=True)
class KeyBits:
    """The vouchers of one key: gone ones, and those at home at each branch."""

    gone: bytearray = field(default_factory=bytearray)
    home: dict[int, bytearray] = field(default_factory=dict)
    size: int = 0

    def add(self, serial: int, *, live: bool, branch_id: int | None) -> None:
        """Note one voucher."""
        self.size = max(self.size, serial // BLOCK + 1)
        if not live:
            _set(self.gone, serial)
        if branch_id is not None:
            _set(self.home.setdefault(branch_id, bytearray()), serial)

    def blocks(self, branch_id: int) -> list[tuple[bytes, bytes]]:
        """Return (gone, home) of each block, for a device of this branch."""
        home = self.home.get(branch_id, bytearray())
        return [(_block(self.gone, number), _block(home, number)) for number in range(self.size)]


def _set(bits: bytearray, serial: int) -> None:
    byte = serial >> 3
    if byte >= len(bits):
        bits.extend(bytes(byte + 1 - len(bits)))
    bits[byte] |= 0x80 >> (serial & 7)


def _block(bits: bytearray, number: int) -> bytes:
    return bytes(bits[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]).ljust(BLOCK_BYTES, b"\0")


def digest(gone: bytes, home: bytes) -> str:
    """Return the eleven characters by which a block is compared."""
    return base64url(hashlib.sha256(gone + home).digest()[:8])


def changed(blocks: Iterable[tuple[bytes, bytes]], have: str) -> Mapping[str, object]:
    """Return `{blocks, sum, changed}` for a device that holds blocks with the digests in `have`, joined."""
    held = [have[start : start + DIGEST] for start in range(0, len(have), DIGEST)]
    digests: list[str] = []
    differ: dict[str, dict[str, str]] = {}
    for number, (gone, home) in enumerate(blocks):
        digests.append(digest(gone, home))
        if number >= len(held) or held[number] != digests[-1]:
            differ[str(number)] = {"gone": base64url(gone), "home": base64url(home)}
    total = hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
    return {"blocks": len(digests), "sum": total, "changed": differ}
