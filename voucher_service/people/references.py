"""References: what a person is called instead of a name, on paper and aloud: `7K4M-2XQ9`.

Seven random characters of Crockford's base32 alphabet (no I, L, O, U) and one that checks them. The check
is a polynomial over GF(32): it finds every single wrong character and every two neighbours swapped.
"""

from __future__ import annotations

import secrets

from voucher_service.errors import BadInput

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HEARD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_RANDOM = 7


def new_reference() -> str:
    """Return a random reference. The table's UNIQUE decides whether it is new."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM))
    return _shown(body + _check(body))


def read_reference(text: str) -> str:
    """Return the reference that someone typed: any case, spaces or dashes, O for 0, I or L for 1.

    Raises:
        BadInput: it is too short or too long, has a character that no reference has, or was mistyped.
    """
    typed = "".join(char for char in text.upper() if not char.isspace() and char not in "-‐‑–—_.")
    typed = typed.translate(_HEARD)
    if len(typed) != _RANDOM + 1:
        raise BadInput(
            "Une référence a {wanted} caractères, comme 7K4M-2XQ9 ; il y en a {found} ici.",
            field="reference",
            wanted=_RANDOM + 1,
            found=len(typed),
        )
    strange = [char for char in typed if char not in ALPHABET]
    if strange:
        raise BadInput("Aucune référence ne contient « {char} » : relisez-la.", field="reference", char=strange[0])
    if _check(typed[:_RANDOM]) != typed[_RANDOM]:
        raise BadInput(
            "Cette référence est mal recopiée : un caractère est faux ou deux sont inversés.",
            field="reference",
        )
    return _shown(typed)


def _check(body: str) -> str:
    # Horner's rule with x as the point, modulo the primitive polynomial x^5 + x^2 + 1.
    total = 0
    for char in body:
        total = (total ^ ALPHABET.index(char)) << 1
        if total & 0b100000:
            total ^= 0b100101
    return ALPHABET[total]


def _shown(compact: str) -> str:
    return f"{compact[:4]}-{compact[4:]}"
