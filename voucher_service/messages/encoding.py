"""How a text becomes short messages: GSM 03.38 or UCS-2, and in how many parts. Pure.

Computed here and shown before anything is sent, because a gateway left to choose once turned "prêt" into
"pr?t". Sources: 3GPP TS 23.038 (alphabets), 3GPP TS 23.040 section 9.2.3.24 (joining parts).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_ESCAPE = 0x1B
_GSM = {char: bytes([code]) for code, char in enumerate(_BASIC) if code != _ESCAPE} | {
    char: bytes([_ESCAPE, code]) for char, code in _EXTENDED.items()
}

MOST_PARTS = 8
"""A longer text is no short message; handsets and message centres grow unreliable long before 255 parts."""

# Characters that people mean the same by, when they choose to give the exact ones up for a shorter message.
_PLAIN = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE",
    "ç": "c", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
}  # fmt: skip


class Alphabet(IntEnum):
    """The alphabet of a message; the number is SMPP's `data_coding`."""

    GSM = 0  # seven bits, 160 characters in a single message
    UCS2 = 8  # sixteen bits, 70


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text ready to send. `units` counts septets or 16-bit units; `forcing` are the characters outside GSM 03.38."""

    alphabet: Alphabet
    units: int
    texts: tuple[str, ...]
    forcing: str

    @property
    def parts(self) -> int:
        """Return into how many short messages the text goes."""
        return len(self.texts)


def encode(text: str, *, ucs2_only: bool = False) -> Encoded:
    """Return how `text` is sent: in GSM 03.38 when every character is in it, else in UCS-2.

    `ucs2_only` is for message centres whose default alphabet is not the standard one. The text is taken in
    Unicode's composed form: a decomposed "é" would need UCS-2.
    """
    text = unicodedata.normalize("NFC", text)
    forcing = "".join(dict.fromkeys(char for char in text if char not in _GSM))
    if forcing or ucs2_only:
        return _split(text, Alphabet.UCS2, forcing, single=70, joined=67)
    return _split(text, Alphabet.GSM, "", single=160, joined=153)


def _size(char: str, alphabet: Alphabet) -> int:
    return len(_GSM[char]) if alphabet is Alphabet.GSM else len(char.encode("utf-16-be")) // 2


def _split(text: str, alphabet: Alphabet, forcing: str, *, single: int, joined: int) -> Encoded:
    units = sum(_size(char, alphabet) for char in text)
    if units <= single:
        return Encoded(alphabet, units, (text,), forcing)
    return Encoded(alphabet, units, tuple(_pieces(text, alphabet, joined)), forcing)


def _pieces(text: str, alphabet: Alphabet, most: int) -> Iterator[str]:
    # A character of two units (€ in GSM, an emoji in UCS-2) is never cut in two.
    piece, used = "", 0
    for char in text:
        size = _size(char, alphabet)
        if used + size > most:
            yield piece
            piece, used = "", 0
        piece, used = piece + char, used + size
    yield piece


def payloads(encoded: Encoded, *, reference: int) -> list[bytes]:
    """Return the octets of each part; with several, each begins with the header that joins them.

    `reference` (its low 8 bits) is the same in all parts of one message. GSM characters stand in an octet each:
    packing them is the message centre's part.
    """
    bodies = [_octets(text, encoded.alphabet) for text in encoded.texts]
    if len(bodies) == 1:
        return bodies
    total = len(bodies)
    return [bytes([5, 0, 3, reference & 0xFF, total, number]) + body for number, body in enumerate(bodies, 1)]


def _octets(text: str, alphabet: Alphabet) -> bytes:
    if alphabet is Alphabet.GSM:
        return b"".join(_GSM[char] for char in text)
    return text.encode("utf-16-be")


def simplified(text: str) -> str:
    """Return `text` in characters of GSM 03.38 as far as a reader loses nothing but accents: only ever by choice."""
    return "".join(char if char in _GSM else _simple(char) for char in unicodedata.normalize("NFC", text))


def _simple(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    bare = "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))
    return bare if bare and all(part in _GSM for part in bare) else char
