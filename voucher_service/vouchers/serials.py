"""The order in which serials are given out: shuffled inside blocks, so that a serial tells no rate or rank.

A partner who sees two vouchers must not learn how many were issued between them; yet the status bitstring is
indexed by serial and must stay dense. So each block of 4096 consecutive counters is permuted within itself.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

BLOCK: Final = 4096
LIMIT: Final = 2**32
_HALF_BITS: Final = 6  # 4096 is two halves of six bits
_HALF_MASK: Final = (1 << _HALF_BITS) - 1
_ROUNDS: Final = 10
_SHORTEST_SECRET: Final = 16


def shuffled(counter: int, secret: bytes) -> int:
    """The serial of the `counter`-th voucher (from 0) of a key: one to one, same block of 4096.

    A balanced Feistel network of ten rounds over the place within the block; block number and round key it.
    Golden values pin it: a changed result would give one serial to two vouchers.
    Raises: ValueError for a counter outside 0 to 2**32 - 1, or a secret under 16 bytes.
    """
    block, place = _split(counter, "counter", secret)
    left, right = place >> _HALF_BITS, place & _HALF_MASK
    for number in range(_ROUNDS):
        left, right = right, left ^ _round(secret, block, number, right)
    return block * BLOCK + (left << _HALF_BITS | right)


def unshuffled(serial: int, secret: bytes) -> int:
    """The counter that `shuffled` turned into `serial`.

    Raises: ValueError for a serial outside 0 to 2**32 - 1, or a secret under 16 bytes.
    """
    block, place = _split(serial, "serial", secret)
    left, right = place >> _HALF_BITS, place & _HALF_MASK
    for number in reversed(range(_ROUNDS)):
        left, right = right ^ _round(secret, block, number, left), left
    return block * BLOCK + (left << _HALF_BITS | right)


def _split(number: int, name: str, secret: bytes) -> tuple[int, int]:
    if not 0 <= number < LIMIT:
        raise ValueError(f"{name} must be 0 to {LIMIT - 1}, not {number}")
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"secret must have at least {_SHORTEST_SECRET} bytes, not {len(secret)}")
    return divmod(number, BLOCK)


def _round(secret: bytes, block: int, number: int, half: int) -> int:
    message = b"serial-v1" + block.to_bytes(4, "big") + bytes([number, half])
    return hmac.digest(secret, message, hashlib.sha256)[0] & _HALF_MASK
