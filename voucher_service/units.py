"""Units of account and whole quantities. Imports nothing of ours.

One ledger holds many units; a quantity is always a whole number of the unit's smallest piece
(cents, megabytes, minutes, messages, pieces). Floats never touch value.
"""

from __future__ import annotations

from enum import StrEnum

MAX_QUANTITY = 2**53 - 1
"""Largest quantity of one transfer: exact in every reader of our files, spreadsheets and JavaScript too."""


class Unit(StrEnum):
    """A unit of account. The value is what stands in the database and in partners' files."""

    EUR_CENT = "eur_cent"
    MEGABYTE = "megabyte"  # 10^6 bytes
    MINUTE = "minute"
    SMS = "sms"
    PIECE = "piece"


_NO_BREAK = "\u202f"  # narrow no-break space: French digit grouping


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", _NO_BREAK)


def display(quantity: int, unit: Unit) -> str:
    """Return `quantity` as a French reader expects it: `display(1250, EUR_CENT)` is "12,50 €".

    Whole euros drop the decimals; megabytes become Go from 1,000 on when exact to a tenth.
    """
    if unit is Unit.EUR_CENT:
        sign = "-" if quantity < 0 else ""
        euros, cents = divmod(abs(quantity), 100)
        return f"{sign}{_grouped(euros)}" + (f",{cents:02d}" if cents else "") + "\u00a0€"
    if unit is Unit.MEGABYTE:
        if abs(quantity) >= 1000 and quantity % 100 == 0:
            whole, tenth = divmod(quantity // 100, 10)
            return _grouped(whole) + (f",{tenth}" if tenth else "") + "\u00a0Go"
        return f"{_grouped(quantity)}\u00a0Mo"
    name = {Unit.MINUTE: "min", Unit.SMS: "SMS", Unit.PIECE: "pièce" if abs(quantity) < 2 else "pièces"}[unit]
    return f"{_grouped(quantity)}\u00a0{name}"
