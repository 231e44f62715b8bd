"""An emergency pack as PDF, A4 across: one page to read on the day, then the numbered pages of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from voucher_service.visits.paper.models import LINES
from voucher_service.vouchers.lettering import BOLD, PLAIN, Style, cut, printable, ready

_WIDTH, _HEIGHT = landscape(A4)
_EDGE: Final = 10 * mm
_GREY: Final = 0.45
_ROW: Final = 11.5 * mm

# name, width in mm, boxes to write pairs of digits in
_COLUMNS: Final = (
    ("line", 15, 0),
    ("time", 17, 0),
    ("code", 80, 8),
    ("value", 16, 0),
    ("number", 52, 5),
    ("paid", 16, 0),
    ("handed", 37, 0),
    ("next", 26, 0),
    ("initials", 18, 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPage:
    """A pack in words, ready to draw: the door says them in its language. `steps` are what to do, in their order."""

    number: int
    pages: int
    language: str
    title: str
    made: str
    steps_title: str
    steps: Sequence[str]
    calls_title: str
    calls: Sequence[tuple[str, str]]
    devices_title: str
    devices: Sequence[str]
    keys_title: str
    keys: Sequence[str]
    log_title: str
    log_hint: str
    page_of: str  # with {page} and {pages}
    date: str
    footer: str
    columns: Mapping[str, str] = field(default_factory=dict)


def write_pack(pack: PackPage, out: BinaryIO) -> None:
    """Write the pack; the same words give the same bytes."""
    ready()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), pageCompression=1, invariant=1, lang=pack.language)
    canvas.setTitle(printable(pack.title))
    canvas.setAuthor("")
    _draw_front(canvas, pack)
    canvas.showPage()
    for page in range(1, pack.pages + 1):
        _draw_log(canvas, pack, page)
        canvas.showPage()
    canvas.save()


def _text(canvas: Canvas, text: str, style: Style, x: float, y: float, width: float) -> None:
    canvas.setFont(*style)
    canvas.drawString(x, y, cut(printable(text), style, width))


def _paragraph(canvas: Canvas, text: str, style: Style, x: float, y: float, width: float) -> float:
    """Draw text in lines downwards from `y`; return where the next line goes."""
    for line in simpleSplit(printable(text), style.font, style.size, width):
        canvas.setFont(*style)
        canvas.drawString(x, y, line)
        y -= style.size * 1.32
    return y


def _draw_front(canvas: Canvas, pack: PackPage) -> None:
    top = _HEIGHT - _EDGE
    _text(canvas, pack.title, Style(BOLD, 19), _EDGE, top - 15, _WIDTH - 2 * _EDGE)
    _text(canvas, pack.made, Style(PLAIN, 9.5), _EDGE, top - 31, _WIDTH - 2 * _EDGE)
    left_width, right = 148 * mm, _EDGE + 157 * mm
    right_width = _WIDTH - _EDGE - right
    y = _heading(canvas, pack.steps_title, _EDGE, top - 56, left_width)
    for number, step in enumerate(pack.steps, start=1):
        canvas.setFont(BOLD, 12.5)
        canvas.drawRightString(_EDGE + 16, y, f"{number}.")
        y = _paragraph(canvas, step, Style(PLAIN, 12.5), _EDGE + 23, y, left_width - 23) - 7
    y = _heading(canvas, pack.calls_title, right, top - 56, right_width)
    for who, dialled in pack.calls:
        _text(canvas, who, Style(BOLD, 9.5), right, y, right_width * 0.55)
        if dialled:
            _text(canvas, dialled, Style(PLAIN, 11), right + right_width * 0.57, y, right_width * 0.43)
        else:
            canvas.setLineWidth(0.5)
            canvas.line(right + right_width * 0.57, y - 2, right + right_width, y - 2)
        y -= 19
    for title, lines in ((pack.devices_title, pack.devices), (pack.keys_title, pack.keys)):
        y = _heading(canvas, title, right, y - 10, right_width)
        for line in lines:
            y = _paragraph(canvas, line, Style(PLAIN, 8.8), right, y, right_width) - 1.5
    _foot(canvas, pack.footer)


def _heading(canvas: Canvas, text: str, x: float, y: float, width: float) -> float:
    _text(canvas, text, Style(BOLD, 12), x, y, width)
    canvas.setLineWidth(0.8)
    canvas.line(x, y - 5, x + width, y - 5)
    return y - 21


def _foot(canvas: Canvas, text: str) -> None:
    canvas.setFillGray(_GREY - 0.15)
    _text(canvas, text, Style(PLAIN, 8), _EDGE, _EDGE - 2, _WIDTH - 2 * _EDGE)
    canvas.setFillGray(0)


def _draw_log(canvas: Canvas, pack: PackPage, page: int) -> None:
    top = _HEIGHT - _EDGE
    _text(canvas, pack.log_title, Style(BOLD, 15), _EDGE, top - 12, 150 * mm)
    canvas.setFont(BOLD, 13)
    canvas.drawRightString(_WIDTH - _EDGE, top - 12, printable(pack.page_of.format(page=page, pages=pack.pages)))
    _text(canvas, pack.date, Style(BOLD, 11), _EDGE, top - 34, 20 * mm)
    canvas.setLineWidth(0.6)
    for number in range(8):
        gap = 3 * mm * ((number >= 2) + (number >= 4))
        canvas.rect(_EDGE + 16 * mm + number * 7 * mm + gap, top - 38, 6.4 * mm, 7 * mm - 1)
    _text(canvas, pack.log_hint, Style(PLAIN, 9), _EDGE + 86 * mm, top - 34, _WIDTH - 2 * _EDGE - 86 * mm)
    head = top - 44 - 8 * mm
    _draw_heads(canvas, pack, head)
    for line in range(1, LINES + 1):
        _draw_line(canvas, f"{pack.number}-{page}-{line}", head - line * _ROW)
    _foot(canvas, pack.footer)


def _draw_heads(canvas: Canvas, pack: PackPage, y: float) -> None:
    x = _EDGE
    for name, width, _boxes in _COLUMNS:
        style = Style(BOLD, 7.6)
        lines = simpleSplit(printable(pack.columns[name]), style.font, style.size, width * mm - 4)[:2]
        for at, line in enumerate(lines):
            canvas.setFont(*style)
            canvas.drawString(x + 2, y + 4 + (len(lines) - 1 - at) * 9, line)
        x += width * mm
    canvas.setLineWidth(1)
    canvas.line(_EDGE, y, x, y)


def _draw_line(canvas: Canvas, place: str, y: float) -> None:
    """One row with its place printed; `y` is its lower edge."""
    x = _EDGE
    for name, width, boxes in _COLUMNS:
        canvas.setLineWidth(0.5)
        canvas.rect(x, y, width * mm, _ROW)
        if name == "line":
            _text(canvas, place, Style(BOLD, 9), x + 3, y + _ROW / 2 - 3, width * mm - 4)
        canvas.setStrokeGray(_GREY + 0.2)
        canvas.setLineWidth(0.4)
        for box in range(1, boxes):
            at = x + box * width * mm / boxes
            canvas.line(at, y + 1.5, at, y + _ROW - 1.5)
        canvas.setStrokeGray(0)
        x += width * mm
