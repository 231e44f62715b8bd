"""The two fonts of everything we print, what they hold, and lines that fit a width."""

from __future__ import annotations

import functools
import unicodedata
from typing import Final, NamedTuple

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN: Final = "Vera"  # both ship with ReportLab and hold é, œ, ’ and €
BOLD: Final = "VeraBd"


class Style(NamedTuple):
    """A font and its size in points."""

    font: str
    size: float


def cut(text: str, style: Style, width: float) -> str:
    """The text, or its start with an ellipsis when it is wider than `width`."""
    if pdfmetrics.stringWidth(text, *style) <= width:
        return text
    while text and pdfmetrics.stringWidth(text + "…", *style) > width:
        text = text[:-1]
    return text.rstrip() + "…"


@functools.lru_cache(maxsize=4096)
def printable(text: str) -> str:
    """The text with what the font lacks taken down to its plain letter, or to a question mark."""
    return "".join(character if ord(character) in ready() else _plainer(character) for character in text)


def _plainer(character: str) -> str:
    if unicodedata.category(character) == "Pd":
        return "-"
    kept = "".join(part for part in unicodedata.normalize("NFKD", character) if ord(part) in ready())
    return kept or "?"


@functools.cache
def ready() -> frozenset[int]:
    """The characters both fonts hold; reads the fonts on first use, since importing touches no file."""
    fonts = [TTFont(name, f"{name}.ttf") for name in (PLAIN, BOLD)]
    for font in fonts:
        pdfmetrics.registerFont(font)
    # Text encoding of binary streams was for mail of the nineties; it makes each file a quarter longer.
    rl_config.useA85 = 0
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in fonts))
