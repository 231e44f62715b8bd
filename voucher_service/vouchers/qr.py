"""QR pictures of voucher texts: SVG for pages, PNG for messages, half blocks for a terminal.

Two engines stand behind one `matrix`: zxing-cpp, quick enough for bulk sheets, and qrcode, the reference,
used whenever the quick one would not give the size asked for. The medium decides error correction and the
smallest size. Version 6 is never used (one alignment pattern: it reads worst on bent paper), and neither is
error correction L.
"""

from __future__ import annotations

import io
from enum import StrEnum
from html import escape
from typing import Final, TypeAlias

import qrcode
import zxingcpp
from PIL import Image
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_M, ERROR_CORRECT_Q

QUIET_ZONE: Final = 4
"""Width of the white border that a reader needs, in modules."""

Matrix: TypeAlias = tuple[bytes, ...]
"""Rows from the top; one byte per module, 1 dark and 0 light; no quiet zone."""

_LONGEST_TEXT: Final = 500
_AVOIDED_VERSION: Final = 6
_MODE_RUN: Final = 4  # shortest run of digits or capitals worth a segment of its own


class Medium(StrEnum):
    """What a code is shown on; it fixes error correction and the smallest size."""

    LABEL = "label"  # small labels, at most 30 mm: version 5, level M
    PAPER = "paper"  # 40 mm on paper, folded in a pocket: version 7, level Q
    SCREEN = "screen"  # a phone, often cracked or dim: version 8, level H


_VERSION: Final = {Medium.LABEL: 5, Medium.PAPER: 7, Medium.SCREEN: 8}
_LEVEL: Final = {Medium.LABEL: "M", Medium.PAPER: "Q", Medium.SCREEN: "H"}
_REFERENCE_LEVEL: Final = {"M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q, "H": ERROR_CORRECT_H}


def matrix(text: str, medium: Medium = Medium.PAPER) -> Matrix:
    """The modules of a text's code; a longer text gets a larger version, never a weaker level.

    Digits go in numeric mode; an address is split into small letters, capitals and digits.
    Raises: ValueError for an empty text, one over 500 characters, or one with other than printable ASCII.
    """
    _check_text(text)
    return quick_matrix(text, medium) or reference_matrix(text, medium)


def quick_matrix(text: str, medium: Medium) -> Matrix | None:
    """The modules by zxing-cpp, or None when its choice of version or level is not one we use."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=_LEVEL[medium])
    if made.ec_level != _LEVEL[medium]:
        return None
    picture = Image.fromarray(made.to_image(scale=1, add_quiet_zones=False))
    size = picture.width
    version = (size - 17) // 4
    if version < _VERSION[medium] or version == _AVOIDED_VERSION:
        return None
    flat = picture.tobytes().translate(_DARK_FROM_GREY)
    return tuple(flat[start : start + size] for start in range(0, size * size, size))


def reference_matrix(text: str, medium: Medium, mask: int | None = None) -> Matrix:
    """The modules by qrcode; `mask` 0 to 7 fixes the pattern that is otherwise weighed eight ways."""
    code = qrcode.QRCode(
        version=_VERSION[medium],
        error_correction=_REFERENCE_LEVEL[_LEVEL[medium]],
        border=0,
        mask_pattern=mask,
    )
    code.add_data(text, optimize=_MODE_RUN)
    if code.best_fit(start=_VERSION[medium]) == _AVOIDED_VERSION:
        code.version = _AVOIDED_VERSION + 1
    code.make(fit=False)
    return tuple(bytes(map(bool, row)) for row in code.modules)


def runs(rows: Matrix) -> list[tuple[int, int, int]]:
    """The dark modules as horizontal runs (column, row, length), for drawing them as one path."""
    found = []
    for number, row in enumerate(rows):
        start = row.find(1)
        while start >= 0:
            end = row.find(0, start)
            end = len(row) if end < 0 else end
            found.append((start, number, end - start))
            start = row.find(1, end)
    return found


def svg(text: str, medium: Medium = Medium.PAPER, *, title: str) -> str:
    """The code as an inline SVG picture: white ground, quiet zone, one path, `title` for screen readers.

    It has no size of its own; style sheets give it one. The colours are fixed, so that a dark page does not
    turn it around.
    """
    rows = matrix(text, medium)
    side = len(rows) + 2 * QUIET_ZONE
    path = "".join(f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{n}v1h-{n}z" for x, y, n in runs(rows))
    name = escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" aria-label="{name}" '
        f'shape-rendering="crispEdges"><title>{name}</title>'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path}"/></svg>'
    )


def png(text: str, medium: Medium = Medium.PAPER, *, module_px: int = 8) -> bytes:
    """The code as a black and white PNG, `module_px` pixels a module (1 to 64), quiet zone included.

    Raises: ValueError for a module size out of range.
    """
    if not 1 <= module_px <= 64:
        raise ValueError(f"module_px must be 1 to 64, not {module_px}")
    rows = matrix(text, medium)
    size = len(rows)
    code = Image.frombytes("L", (size, size), b"".join(rows).translate(_GREY_FROM_DARK))
    code = code.resize((size * module_px, size * module_px), Image.Resampling.NEAREST)
    side = (size + 2 * QUIET_ZONE) * module_px
    sheet = Image.new("1", (side, side), 1)
    sheet.paste(code.convert("1"), (QUIET_ZONE * module_px, QUIET_ZONE * module_px))
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def terminal(text: str, medium: Medium = Medium.LABEL, *, colour: bool = True) -> str:
    """The code in half-block characters, two rows a line, quiet zone included; no line end after the last.

    With `colour`, black on white is asked for by escape sequences, right on dark and light terminals alike;
    without, light modules are the drawn ones, right on a dark terminal.
    """
    rows = matrix(text, medium)
    side = len(rows) + 2 * QUIET_ZONE
    margin = bytes(QUIET_ZONE)
    padded = [bytes(side)] * QUIET_ZONE + [margin + row + margin for row in rows] + [bytes(side)] * QUIET_ZONE
    padded += [bytes(side)] * (side % 2)
    # Indexed by (upper dark, lower dark).
    blocks = " ▄▀█" if colour else "█▀▄ "
    lines = (
        "".join(blocks[2 * upper + lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(padded[::2], padded[1::2], strict=True)
    )
    return "\n".join(f"\x1b[38;5;16;48;5;231m{line}\x1b[0m" if colour else line for line in lines)


_DARK_FROM_GREY: Final = bytes(1 if grey < 128 else 0 for grey in range(256))
_GREY_FROM_DARK: Final = bytes(0 if dark else 255 for dark in range(256))


def _check_text(text: str) -> None:
    if not 0 < len(text) <= _LONGEST_TEXT:
        raise ValueError(f"text must have 1 to {_LONGEST_TEXT} characters, not {len(text)}")
    # Byte mode outside ASCII is guessed at differently by different readers.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("text must be printable ASCII")
