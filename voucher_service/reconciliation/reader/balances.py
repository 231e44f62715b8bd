"""The rows that say what is left of a gift: `SOLDE;<gift>;<balance>[;<unit>]`, or as the profile says. No tables."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.controls import first_cell
from voucher_service.reconciliation.reader.header import Header
from voucher_service.reconciliation.reader.rows import Row
from voucher_service.reconciliation.reader.values import BadCell, parse_quantity, parse_scale
from voucher_service.reconciliation.reader.words import BALANCES, TRAILER, Scale, plain
from voucher_service.units import Unit

_LONGEST = 120
_SHORT = 13
MOST = 200
ENDS = TRAILER | BALANCES
"""The words that rows begin with that are no line: short ones, looked for in the first column."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the file says is left of a gift, which it names by its number, its name or its agreement."""

    line: int
    gift: str
    unit: Unit
    closing: int


def is_balance(header: Header, cells: Sequence[str]) -> bool:
    """Say whether the row tells what is left of a gift, rather than of a top-up."""
    first = first_cell(cells)
    # Nearly all rows begin with a reference: spelling each out plainly would cost more than reading it.
    if len(first) > (_SHORT if header.balance is None else len(header.balance.mark) + _SHORT):
        return False
    return plain(first) in BALANCES if header.balance is None else plain(first) == plain(header.balance.mark)


def take_balance(kept: list[Row], row: Row) -> None:
    """Keep the row for later: its unit is known once the lines are. Raises BadFile: there are too many."""
    if len(kept) == MOST:
        raise BadFile("le relevé annonce trop de soldes.", line=row.line)
    kept.append(row)


def balances(header: Header, rows: Sequence[Row], scales: Set[Scale]) -> list[Balance]:
    """Return what the rows say.

    Raises:
        BadFile: a cell is missing or cannot be read, no unit is known, or a gift stands twice.
    """
    found: dict[str, Balance] = {}
    for row in rows:
        one = _balance(header, row, scales)
        if plain(one.gift) in found:
            raise BadFile("le solde de « {gift} » est annoncé deux fois.", line=row.line, gift=one.gift)
        found[plain(one.gift)] = one
    return list(found.values())


def _balance(header: Header, row: Row, scales: Set[Scale]) -> Balance:
    gift, told, unit, column = _cells(header, row)
    if not gift or not told or len(gift) > _LONGEST:
        raise BadFile("une ligne de solde nomme la dotation, puis ce qu’il en reste.", line=row.line, column=column)
    try:
        scale = parse_scale(unit) if unit else next(iter(scales)) if len(scales) == 1 else header.scale
        if scale is None:
            raise BadFile("dites l’unité de ce solde : le fichier en a plusieurs.", line=row.line, column=column)
        closing = parse_quantity(told.removeprefix("-"), scale, header.manner.marks)
    except BadCell as error:
        raise BadFile(error.message, line=row.line, column=column, **error.values) from error
    return Balance(row.line, gift, scale[0], -closing if told.startswith("-") else closing)


def _cells(header: Header, row: Row) -> tuple[str, str, str, str]:
    """Return the gift, what is left and its unit as they stand, and the column of what is left."""
    if header.balance is not None:
        at = (header.balance.gift, header.balance.closing)
        gift, told = (row.cells[place - 1] if place <= len(row.cells) else "" for place in at)
        return gift, told, "", str(at[1])
    label = row.cells.index(first_cell(row.cells))
    filled = [(place, cell) for place, cell in enumerate(row.cells) if cell and place > label]
    cells = [cell for _, cell in filled[:3]] + [""] * 3
    column = str(filled[1][0] + 1) if len(filled) > 1 else str(label + 3)
    return cells[0], cells[1], cells[2], column
