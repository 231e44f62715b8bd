"""Differences as a CSV file or a workbook, in which no spreadsheet finds anything to run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import xlsxwriter

from voucher_service.reconciliation.explain import Difference, Ours, Theirs, explain

_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")
HEADER = (
    "classe", "priorite", "titre", "ligne", "reference_client", "identifiant_transaction", "serie",
    "statut_operateur", "quantite_operateur", "unite_operateur", "date_operateur", "etat_chez_nous",
    "quantite_chez_nous", "unite_chez_nous", "date_chez_nous", "ecart", "unite_ecart", "trouve_le",
    "regle_le", "note", "cout_operateur",
)  # fmt: skip


def guard(text: str) -> str:
    """Return `text` with an apostrophe before anything a spreadsheet would run, or before an apostrophe.

    `unguard` gives back exactly what was guarded, so a machine can read the file too (OWASP, CSV injection).
    """
    return "'" + text if text.startswith(_RISKY) else text


def unguard(text: str) -> str:
    """Return what `guard` was given."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_RISKY) else text


def export_csv(differences: Iterable[Difference]) -> Iterator[str]:
    """Yield the file in pieces: `;`, UTF-8 with byte-order mark, one line a difference.

    Quantities are whole numbers of the smallest piece (cents, Mo); the difference, theirs minus ours, is the
    one column of numbers that may begin with a minus sign, and it stays a number.
    """
    yield "\ufeff" + csv_line(HEADER)
    for item in differences:
        yield csv_line(_cells(item))


def csv_line(cells: Iterable[object]) -> str:
    """Return one line of a CSV file; whole numbers stay numbers, text is guarded."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(
        [cell if isinstance(cell, int) else guard("" if cell is None else str(cell)) for cell in cells]
    )
    return text.getvalue()


def export_xlsx(differences: Iterable[Difference]) -> bytes:
    """Return the same lines as a workbook: whole numbers are numbers, all else is text and stays what it was."""
    file = io.BytesIO()
    plain = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, plain) as book:
        sheet = book.add_worksheet("Ecarts")
        for row, cells in enumerate([HEADER, *map(_cells, differences)]):
            for place, cell in enumerate(cells):
                if isinstance(cell, int):
                    sheet.write_number(row, place, cell)
                elif cell is not None:
                    sheet.write_string(row, place, str(cell))
    return file.getvalue()


def _cells(item: Difference) -> tuple[object, ...]:
    return (
        item.kind.value, item.priority, explain(item).title,
        *_references(item.theirs, item.ours), *_theirs(item.theirs), *_ours(item.ours),
        item.quantity, item.unit.value, item.found_at.isoformat(),
        item.resolved_at and item.resolved_at.isoformat(), item.note,
        item.theirs and item.theirs.cost,
    )  # fmt: skip


def _references(theirs: Theirs | None, ours: Ours | None) -> tuple[object, ...]:
    if theirs is not None:
        return theirs.line, theirs.our_ref or (ours and ours.order_id), theirs.partner_ref, theirs.serial
    return None, ours and ours.order_id, ours and ours.partner_ref, None


def _theirs(side: Theirs | None) -> tuple[object, ...]:
    if side is None:
        return (None,) * 4
    return side.status, side.quantity, side.unit.value, side.at.isoformat()


def _ours(side: Ours | None) -> tuple[object, ...]:
    if side is None:
        return (None,) * 4
    return side.state, side.quantity, side.unit.value, side.at.isoformat()
