"""An agreed statement on paper: A4, a title, rows of words and of figures under one another.

The same rows give the same bytes: nothing here depends on when or where it is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

_LEFT, _RIGHT = 50.0, A4[0] - 50.0
_COLUMNS = (290.0, 375.0, 460.0, _RIGHT)  # where the figures of a row end
_TOP, _BOTTOM = A4[1] - 60.0, 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of print: words, and up to four figures, which are the names of columns where there are no words."""

    words: str
    size: int = 9
    figures: tuple[str, ...] = ()
    head: bool = False

    @property
    def height(self) -> float:
        """Return what it takes, in points."""
        return self.size + (16 if self.head else 6)


def draw(title: str, rows: Iterable[Row]) -> bytes:
    """Return the PDF; each page says the title and its number."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=1, invariant=1, lang="fr")
    canvas.setTitle(_writable(title))
    height, page = _TOP, 1
    _foot(canvas, title, page)
    for row in rows:
        # What heads a table stands on the page of its first figures.
        if height - row.height < _BOTTOM + (50 if row.head else 0):
            canvas.showPage()
            height, page = _TOP, page + 1
            _foot(canvas, title, page)
        height -= row.height
        _print(canvas, row, height)
    canvas.save()
    return out.getvalue()


def _print(canvas: Canvas, row: Row, height: float) -> None:
    canvas.setFont("Helvetica-Bold" if row.head else "Helvetica", row.size)
    canvas.drawString(_LEFT, height, _writable(row.words))
    canvas.setFont("Helvetica", row.size)
    for at, figure in zip(_COLUMNS, row.figures, strict=False):
        canvas.drawRightString(at, height, _writable(figure))
    if row.figures and not row.words:
        canvas.setLineWidth(0.5)
        canvas.line(_LEFT, height - 3, _RIGHT, height - 3)


def _foot(canvas: Canvas, title: str, page: int) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawString(_LEFT, 36, _writable(title))
    canvas.drawRightString(_RIGHT, 36, f"page {page}")


def _writable(words: str) -> str:
    """Return the words as the standard font can write them: what it cannot is left out rather than guessed."""
    return words.replace("\u202f", "\u00a0").encode("cp1252", "replace").decode("cp1252")
