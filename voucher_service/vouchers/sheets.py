"""A4 sheets of vouchers as PDF: labels to peel off, cards to cut out.

Everything is drawn with vectors and an embedded font, so a sheet prints the same everywhere; the same
vouchers give the same bytes. Cards are in French and English, with a picture beside what matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import BinaryIO, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

from voucher_service.vouchers import pictograms, qr
from voucher_service.vouchers.lettering import BOLD, PLAIN, Style, cut, printable, ready
from voucher_service.vouchers.qr import Medium
from voucher_service.vouchers.typed_code import grouped

MOST_VOUCHERS: Final = 10_000
"""The longest file one call writes; a longer batch is printed in parts."""

_DOT: Final = 72 / 600  # points; a module is a whole number of printer dots, or its edges blur
_PAGE_WIDTH, _PAGE_HEIGHT = A4
_COIN, _CARD = "coin", "card"  # parts written once in a file and used by each card
_GREY: Final = 0.35
_SMALLER: Final = 0.85  # how far a line may shrink before it is broken or cut
_MONTHS: Final = (
    *(("janvier", "January"), ("février", "February"), ("mars", "March"), ("avril", "April")),
    *(("mai", "May"), ("juin", "June"), ("juillet", "July"), ("août", "August")),
    *(("septembre", "September"), ("octobre", "October"), ("novembre", "November"), ("décembre", "December")),
)


class Layout(StrEnum):
    """How a page is divided."""

    LABELS = "labels"  # 24 a page, 3 × 8 of 70 × 37 mm, the common sheet of adhesive labels
    CARDS = "cards"  # 8 a page, 2 × 4 of 105 × 74 mm (A7), to cut out


@dataclass(frozen=True, slots=True)
class SheetVoucher:
    """One voucher as it is printed: `digits` is the text of its QR code, the rest is read by people.

    `typed_code` is 16 digits ungrouped; `price_label` and `branch_label` may be empty.
    """

    digits: str
    typed_code: str
    offer_label: str
    price_label: str
    last_day: date
    branch_label: str
    reference: str


def write_pdf(
    vouchers: Iterable[SheetVoucher],
    layout: Layout,
    out: BinaryIO,
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write the vouchers to `out` in their order and return how many there were.

    Takes them one at a time, so a generator will do; `progress` is told the count after each page.
    Raises: ValueError when there is none, more than MOST_VOUCHERS, or a code that cannot be drawn.
    """
    ready()
    columns, rows, draw = _LAYOUTS[layout]
    per_page = columns * rows
    width, height = _PAGE_WIDTH / columns, _PAGE_HEIGHT / rows
    canvas = Canvas(out, pagesize=A4, pageCompression=1, invariant=1, lang="fr")
    canvas.setTitle("Bons")
    canvas.setAuthor("")
    count = 0
    for voucher in vouchers:
        if count == MOST_VOUCHERS:
            raise ValueError(f"one file holds at most {MOST_VOUCHERS} vouchers; print the batch in parts")
        row, column = divmod(count % per_page, columns)
        if count and not (row or column):
            _end_page(canvas, layout, count, progress)
        draw(canvas, voucher, column * width, _PAGE_HEIGHT - (row + 1) * height)
        count += 1
    if not count:
        raise ValueError("there is no voucher to print")
    _end_page(canvas, layout, count, progress)
    canvas.save()
    return count


def _end_page(canvas: Canvas, layout: Layout, count: int, progress: Callable[[int], None] | None) -> None:
    if layout is Layout.CARDS:
        _draw_cutting_lines(canvas)
    canvas.showPage()
    if progress is not None:
        progress(count)


def _draw_label(canvas: Canvas, voucher: SheetVoucher, left: float, bottom: float) -> None:
    """70 × 37 mm: the code on the left; all of it clear of the 4.2 mm that printers leave white."""
    _draw_code(canvas, voucher.digits, Medium.LABEL, left + 5 * mm, bottom + 6 * mm, side=25.1 * mm)
    x, width = left + 33.5 * mm, 32 * mm
    y = _draw_name(canvas, voucher.offer_label, Style(BOLD, 9.5), x, bottom + 84, width=width)
    for text, size in (
        (voucher.price_label, 7.2),
        (f"Jusqu’au {voucher.last_day:%d/%m/%Y}", 7.2),
        ("À présenter à l’antenne", 6.8),
        (voucher.branch_label, 6.8),
    ):
        if text:
            y -= size + 1.2
            _draw_line(canvas, text, Style(PLAIN, size), x, y, width=width)
    groups = grouped(voucher.typed_code)
    _draw_line(canvas, groups[:9], Style(BOLD, 10), x, bottom + 29.5, width=width)
    _draw_line(canvas, groups[10:], Style(BOLD, 10), x, bottom + 18.8, width=width)
    _draw_line(canvas, voucher.reference, Style(PLAIN, 5.5), x, bottom + 12.2, width=width)


def _draw_card(canvas: Canvas, voucher: SheetVoucher, left: float, bottom: float) -> None:
    """105 × 74 mm: the code on the left over the typed code, words and pictures on the right."""
    _draw_code(canvas, voucher.digits, Medium.PAPER, left + 8 * mm, bottom + 26 * mm, side=40.05 * mm)
    canvas.saveState()
    canvas.translate(left, bottom)
    if not canvas.hasForm(_CARD):
        _define_parts(canvas)
    canvas.doForm(_CARD)
    code = grouped(voucher.typed_code)
    _draw_line(canvas, code, Style(BOLD, 10), 8 * mm, 8.6 * mm, width=40 * mm)
    _draw_name(canvas, voucher.offer_label, Style(BOLD, 14), 54 * mm, 62.2 * mm, width=46 * mm)
    if voucher.price_label:
        canvas.doForm(_COIN)
        _draw_line(canvas, voucher.price_label, Style(PLAIN, 8), 63.5 * mm, 50.2 * mm, width=36.5 * mm)
    french, english = _until(voucher.last_day)
    _draw_line(canvas, french, Style(PLAIN, 8), 63.5 * mm, 41.4 * mm, width=36.5 * mm)
    _draw_line(canvas, english, Style(PLAIN, 7), 63.5 * mm, 38 * mm, width=36.5 * mm)
    _draw_name(canvas, voucher.branch_label, Style(BOLD, 7.5), 63.5 * mm, 23.2 * mm, width=36.5 * mm)
    _draw_line(canvas, voucher.reference, Style(PLAIN, 6.5), 54 * mm, 8.6 * mm, width=45 * mm)
    canvas.restoreState()


def _define_parts(canvas: Canvas) -> None:
    """What all cards share, in a card's own coordinates."""
    canvas.beginForm(_COIN, 0, 0, _PAGE_WIDTH / 2, _PAGE_HEIGHT / 4)
    pictograms.coin(canvas, 54 * mm, 47.5 * mm, 8 * mm)
    canvas.endForm()
    canvas.beginForm(_CARD, 0, 0, _PAGE_WIDTH / 2, _PAGE_HEIGHT / 4)
    pictograms.calendar(canvas, 54 * mm, 36.4 * mm, 8 * mm)
    pictograms.house(canvas, 54 * mm, 25.3 * mm, 8 * mm)
    pictograms.keypad(canvas, 7.5 * mm, 14.4 * mm, 6 * mm)
    for text, size, x, y in (
        ("À présenter à l’antenne", 8.0, 63.5, 30.3),
        ("Show this at the branch", 7.0, 63.5, 26.9),
        ("Code à dicter ou à taper", 6.5, 14.5, 17.8),
        ("Code to read out or type", 6.5, 14.5, 14.8),
        ("Sert une seule fois · Works once", 6.5, 54.0, 12.2),
    ):
        canvas.setFont(PLAIN, size)
        canvas.drawString(x * mm, y * mm, text)
    canvas.endForm()


def _until(day: date) -> tuple[str, str]:
    """The last day in French and English words."""
    french, english = _MONTHS[day.month - 1]
    first = "er" if day.day == 1 else ""
    return f"Jusqu’au {day.day}{first} {french} {day.year}", f"Until {day.day} {english} {day.year}"


_LAYOUTS: Final = {Layout.LABELS: (3, 8, _draw_label), Layout.CARDS: (2, 4, _draw_card)}


def _draw_code(canvas: Canvas, text: str, medium: Medium, x: float, y: float, *, side: float) -> None:
    """A QR code as one filled path in a square of at most `side` points; its quiet zone lies outside."""
    rows = qr.matrix(text, medium)
    module = int(side / len(rows) / _DOT) * _DOT
    canvas.saveState()
    canvas.translate(round(x / _DOT) * _DOT, round((y + side) / _DOT) * _DOT)
    canvas.scale(module, -module)
    # Whole numbers in module units: short to write, and one path has no hairlines between its rows.
    boxes = [f"{column} {row} {length} 1 re" for column, row, length in qr.runs(rows)]
    canvas.drawPath(PDFPathObject(boxes), stroke=0, fill=1)
    canvas.restoreState()


def _draw_name(canvas: Canvas, text: str, style: Style, x: float, y: float, *, width: float) -> float:
    """A name in one line, or else in two a little smaller; returns the height of the last."""
    shown, small = printable(text), Style(style.font, style.size * _SMALLER)
    if pdfmetrics.stringWidth(shown, *small) <= width:
        _draw_line(canvas, shown, style, x, y, width=width)
        return y
    first, *others = simpleSplit(shown, *small, width)
    for line in (first, " ".join(others)):
        canvas.setFont(*small)
        canvas.drawString(x, y, cut(line, small, width))
        y -= small.size * 1.2
    return y + small.size * 1.2


def _draw_line(canvas: Canvas, text: str, style: Style, x: float, y: float, *, width: float) -> None:
    """One line of text inside `width`: made a little smaller when it must be, then cut."""
    shown = printable(text)
    natural = pdfmetrics.stringWidth(shown, *style)
    if natural > width:
        style = Style(style.font, style.size * max(0.99 * width / natural, _SMALLER))
    canvas.setFont(*style)
    canvas.drawString(x, y, cut(shown, style, width))


def _draw_cutting_lines(canvas: Canvas) -> None:
    canvas.setStrokeGray(_GREY)
    canvas.setLineWidth(0.4)
    canvas.setDash(1, 3)
    canvas.line(_PAGE_WIDTH / 2, 0, _PAGE_WIDTH / 2, _PAGE_HEIGHT)
    for row in range(1, 4):
        canvas.line(0, row * _PAGE_HEIGHT / 4, _PAGE_WIDTH, row * _PAGE_HEIGHT / 4)
