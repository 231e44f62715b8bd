"""The rows that announce how many lines a file has and what they sum to: compared with what was read."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from voucher_service.errors import N_, BadFile
from voucher_service.reconciliation.reader.header import Header
from voucher_service.reconciliation.reader.profile import Control
from voucher_service.reconciliation.reader.rows import Row
from voucher_service.reconciliation.reader.values import BadCell, parse_quantity
from voucher_service.reconciliation.reader.words import Field, Scale


@dataclass(frozen=True, slots=True)
class Totals:
    """What the lines come to: how many, the sum of their pieces, and the scales of their units."""

    count: int
    total: int
    scales: Set[Scale]


def check_rows(header: Header, opening: Row | None, trailer: Row | None, totals: Totals, last_line: int) -> bool:
    """Compare what both rows announce with the lines; say whether they announced a number or a sum at all.

    Raises:
        BadFile: they differ, or a row that the profile expects is not there.
    """
    is_proved = False
    if header.opening is not None:
        if opening is None:
            told = N_("la ligne « {mark} » qui annonce le relevé manque : le fichier n’est pas entier.")
            raise BadFile(told, line=1, mark=header.opening.mark)
        is_proved = check_row(header, header.opening, opening, totals)
    if trailer is not None:
        is_proved |= check_row(header, header.closing, trailer, totals)
    elif header.closing is not None:
        told = N_("la dernière ligne « {mark} » manque : le fichier est peut-être coupé, exportez-le à nouveau.")
        raise BadFile(told, line=last_line, mark=header.closing.mark)
    return is_proved


def check_row(header: Header, control: Control | None, row: Row, totals: Totals) -> bool:
    """Compare the announced count and sum with the lines; say whether there was any to compare.

    Without a `control` they are looked for in the row.

    Raises:
        BadFile: they differ.
    """
    if control is None:
        count, total, place = *_announced(header, row), 2
    else:
        count, total, place = _cell(row, control.count), _cell(row, control.total), control.count or 1
        if control.count is not None and not count:
            raise BadFile("le nombre de lignes manque ici.", line=row.line, column=str(control.count))
        if control.total is not None and not total:
            raise BadFile("la somme manque ici.", line=row.line, column=str(control.total))
    if count and (not (count.isascii() and count.isdigit() and len(count) < 16) or int(count) != totals.count):
        raise BadFile(
            "le total annonce « {count} » lignes, le fichier en a {found}.",
            line=row.line,
            column=str(place),
            count=count[:20],
            found=totals.count,
        )
    if total:
        _check_sum(header, row, total, totals)
    return bool(count or total)


def _check_sum(header: Header, row: Row, total: str, totals: Totals) -> None:
    column = header.names[Field.QUANTITY]
    if len(totals.scales) > 1:
        raise BadFile(
            "une somme de plusieurs unités ne prouve rien : laissez-la vide.",
            line=row.line,
            column=column,
        )
    scale = next(iter(totals.scales))
    try:
        announced = parse_quantity(total, scale, header.manner.marks)
    except BadCell as error:
        raise BadFile(error.message, line=row.line, column=column, **error.values) from error
    if announced != totals.total:
        told = str(Decimal(totals.total) / scale[1]).replace(".", ",")
        raise BadFile(
            "le total annonce « {total} », la somme des lignes, tous statuts confondus, est {told}.",
            line=row.line,
            column=column,
            total=total,
            told=told,
        )


def announced_number(control: Control | None, row: Row | None) -> int | None:
    """Return the number that the row gives the statement, None when it gives none.

    Raises:
        BadFile: what stands there is no number.
    """
    if control is None or control.number is None or row is None:
        return None
    text = _cell(row, control.number)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadFile(
            "« {text} » n’est pas un numéro de relevé.", line=row.line, column=str(control.number), text=text[:40]
        )
    return int(text)


def next_number(header: Header, row: Row, before: int | None) -> int:
    """Return the partner's own number of a line, which follows the one `before`.

    Raises:
        BadFile: it does not: a gap is a lost line.
    """
    text, column = header.text(row.cells, Field.LINE), header.names[Field.LINE]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadFile("« {text} » n’est pas un numéro de ligne.", line=row.line, column=column, text=text[:40])
    number, expected = int(text), int(text) if before is None else before + 1
    if number != expected:
        again = N_(
            "le numéro {number} est en double ou dans le désordre : {expected} était attendu ; "
            "exportez le relevé à nouveau."
        )
        gap = N_("le numéro {number} saute des lignes : {expected} était attendu ; exportez le relevé à nouveau.")
        told = again if number < expected else gap
        raise BadFile(told, line=row.line, column=column, number=number, expected=expected)
    return number


def _cell(row: Row, place: int | None) -> str:
    return "" if place is None or place > len(row.cells) else row.cells[place - 1]


def first_cell(cells: Sequence[str]) -> str:
    """Return the first cell that holds something: in a workbook the label may stand further right."""
    return next((cell for cell in cells if cell), "")


def _announced(header: Header, row: Row) -> tuple[str, str]:
    label = row.cells.index(first_cell(row.cells))
    filled = [cell for cell in row.cells[label + 1 :] if cell]
    under = header.text(row.cells, Field.QUANTITY)
    if under and header.places[Field.QUANTITY] > label and len(row.cells) >= header.width:
        filled.remove(under)  # a spreadsheet's total row: the sum stands under its column
        if (cost := header.text(row.cells, Field.COST)) in filled:
            filled.remove(cost)  # and so does that of another column
        return next(iter(filled), ""), under
    return next(iter(filled), ""), next(iter(filled[1:]), "")
