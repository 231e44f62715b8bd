"""The typed code: 16 digits, four by four, for places with no camera, and for the telephone.

14 digits drawn from a secret and two ISO 7064 MOD 97-10 check digits. It works online only: a short code
cannot carry a signature, so it is looked up by a keyed hash, and the doors limit guessing.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Final
from uuid import UUID

LENGTH: Final = 16
_DRAWN: Final = 14
_SHORTEST_SECRET: Final = 16
_LONGEST_TEXT: Final = 80
# Separators people write and hear: categories space, dash, invisible mark, and these.
_SEPARATORS: Final = frozenset("./·•_,")


def derive(secret: bytes, voucher_id: UUID, *, attempt: int = 0) -> str:
    """The 16-digit code of a voucher, always the same for the same three arguments.

    Raise `attempt` when the code is already taken by another voucher (one chance in 100 million per voucher
    among a million live ones).
    Raises: ValueError for a secret under 16 bytes.
    """
    _check_secret("secret", secret)
    block = 0
    while True:
        message = b"typed-code-v1" + voucher_id.bytes + attempt.to_bytes(4, "big") + block.to_bytes(4, "big")
        number = int.from_bytes(hmac.digest(secret, message, hashlib.sha256)[:6], "big") >> 1
        # 47 bits reach a little over 10**14; drawing again, not a remainder, keeps every code as likely.
        if number < 10**_DRAWN:
            return with_check(f"{number:0{_DRAWN}d}")
        block += 1


def with_check(drawn: str) -> str:
    """14 ASCII digits followed by their two check digits (ISO/IEC 7064, MOD 97-10)."""
    return f"{drawn}{98 - int(drawn) * 100 % 97:02d}"


def check(text: str) -> str | None:
    """The 16 ASCII digits of what was typed or read aloud, or None when it is not a code without a slip.

    Spaces, dots, dashes and invisible marks are skipped; digits of every script count (Arabic, Persian…).
    """
    if len(text) > _LONGEST_TEXT:
        return None
    digits = ""
    for character in text:
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            digits += str(digit)
        elif not _is_separator(character):
            return None
    if len(digits) != LENGTH or int(digits) % 97 != 1:
        return None
    # 00, 01 and 99 leave the same remainder as 97, 98 and 02, but no code is ever made with them.
    return digits if digits[_DRAWN:] not in {"00", "01", "99"} else None


def grouped(code: str) -> str:
    """The code as it is printed: four groups of four, with spaces."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def lookup_hash(pepper: bytes, code: str) -> bytes:
    """The 32 bytes under which a code is stored and found; without the pepper they give nothing away.

    Raises: ValueError for a pepper under 16 bytes, or a code that did not come out of `check` or `derive`.
    """
    _check_secret("pepper", pepper)
    if check(code) != code:
        raise ValueError("code must be 16 digits with a right check; pass the text through check() first")
    return hmac.digest(pepper, b"typed-code-lookup-v1" + code.encode("ascii"), hashlib.sha256)


def _is_separator(character: str) -> bool:
    return character in _SEPARATORS or unicodedata.category(character) in {"Zs", "Zl", "Zp", "Pd", "Cf", "Cc"}


def _check_secret(name: str, secret: bytes) -> None:
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"{name} must have at least {_SHORTEST_SECRET} bytes, not {len(secret)}")
