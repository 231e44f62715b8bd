"""Small pictures on printed vouchers, for people who read neither French nor English; plain vectors.

Each draws in a square of `side` points whose lower left corner is (x, y), with the canvas's current colours.
"""

from __future__ import annotations

from typing import Final

from reportlab.pdfgen.canvas import Canvas

_THIN: Final = 0.07  # line width, of the side


def calendar(canvas: Canvas, x: float, y: float, side: float) -> None:
    """A calendar sheet with two rings: until when."""
    canvas.setLineWidth(_THIN * side)
    canvas.roundRect(x + 0.08 * side, y + 0.04 * side, 0.84 * side, 0.78 * side, 0.08 * side)
    canvas.rect(x + 0.08 * side, y + 0.58 * side, 0.84 * side, 0.2 * side, stroke=0, fill=1)
    for ring in (0.3, 0.7):
        canvas.line(x + ring * side, y + 0.74 * side, x + ring * side, y + 0.96 * side)
    for row in (0.18, 0.38):
        for column in (0.22, 0.44, 0.66):
            canvas.rect(x + column * side, y + row * side, 0.11 * side, 0.09 * side, stroke=0, fill=1)


def house(canvas: Canvas, x: float, y: float, side: float) -> None:
    """A house with its door: where to go."""
    canvas.setLineWidth(_THIN * side)
    outline = canvas.beginPath()
    outline.moveTo(x + 0.02 * side, y + 0.48 * side)
    outline.lineTo(x + 0.5 * side, y + 0.94 * side)
    outline.lineTo(x + 0.98 * side, y + 0.48 * side)
    outline.moveTo(x + 0.16 * side, y + 0.6 * side)
    outline.lineTo(x + 0.16 * side, y + 0.06 * side)
    outline.lineTo(x + 0.84 * side, y + 0.06 * side)
    outline.lineTo(x + 0.84 * side, y + 0.6 * side)
    canvas.drawPath(outline)
    canvas.rect(x + 0.4 * side, y + 0.06 * side, 0.2 * side, 0.34 * side, stroke=0, fill=1)


def coin(canvas: Canvas, x: float, y: float, side: float) -> None:
    """A coin with a euro sign made of lines: what it costs."""
    canvas.setLineWidth(_THIN * side)
    canvas.circle(x + 0.5 * side, y + 0.5 * side, 0.45 * side)
    canvas.arc(x + 0.34 * side, y + 0.26 * side, x + 0.78 * side, y + 0.74 * side, 50, 260)
    for height in (0.45, 0.56):
        canvas.line(x + 0.24 * side, y + height * side, x + 0.58 * side, y + height * side)


def keypad(canvas: Canvas, x: float, y: float, side: float) -> None:
    """A telephone with keys: a code to type or to read out."""
    canvas.setLineWidth(_THIN * side)
    canvas.roundRect(x + 0.22 * side, y + 0.03 * side, 0.56 * side, 0.94 * side, 0.1 * side)
    canvas.rect(x + 0.33 * side, y + 0.64 * side, 0.34 * side, 0.2 * side, stroke=0, fill=1)
    for row in (0.14, 0.3, 0.46):
        for column in (0.33, 0.455, 0.58):
            canvas.rect(x + column * side, y + row * side, 0.08 * side, 0.08 * side, stroke=0, fill=1)
