"""Find the header row and the separator of a statement by the names of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.rows import Row, rows
from voucher_service.reconciliation.reader.words import (
    BY_NAME,
    COLUMNS,
    FIELD_NAMES,
    QUANTITY_UNITS,
    REFERENCES,
    REQUIRED,
    Field,
    plain,
)

SEPARATORS = (";", ",", "\t")
_SEARCHED = 20  # rows: titles may stand above the header


@dataclass(frozen=True, slots=True)
class Header:
    """Where each field stands. `names` are as in the file; `places` count cells from 0."""

    line: int
    separator: str
    width: int
    names: dict[Field, str]
    places: dict[Field, int]

    def text(self, cells: list[str], field: Field) -> str:
        """Return the cell of `field`, empty when the file or the row has none."""
        place = self.places.get(field)
        return "" if place is None or place >= len(cells) else cells[place]

    def reference_name(self) -> str:
        """Return the name of the first column of references."""
        return next(self.names[field] for field in REFERENCES if field in self.names)


def find_header(content: bytes, encoding: str) -> Header:
    """Return the header of the statement: the separator under which most columns are known wins.

    Raises:
        BadFile: no row has known columns, a needed one is missing, or two claim the same field.
    """
    best: tuple[int, Row, str] | None = None
    fault: BadFile | None = None
    for separator in SEPARATORS:
        try:
            for row in islice(rows(content, encoding, separator, _SEARCHED), _SEARCHED):
                known = len({BY_NAME[name][0] for name in map(plain, row.cells) if name in BY_NAME})
                if known > (best[0] if best else 1):
                    best = (known, row, separator)
        except BadFile as error:  # a quote that is stray under one separator may be sound under another
            fault = fault or error
    if best is None:
        raise fault or BadFile(
            "aucune ligne d’en-tête reconnue : la première ligne doit nommer les colonnes, "
            "par exemple référence client;identifiant transaction;montant;unité;statut;date.",
            line=1,
        )
    return _header(best[1], best[2])


def _header(row: Row, separator: str) -> Header:
    places: dict[Field, int] = {}
    for place, name in enumerate(map(plain, row.cells)):
        if name not in BY_NAME:
            continue
        field, rank = BY_NAME[name]
        held = places.get(field)
        if held is None or rank < BY_NAME[plain(row.cells[held])][1]:
            places[field] = place
        elif plain(row.cells[held]) == name:
            raise BadFile(
                "deux colonnes portent ce nom : renommez celle qui ne compte pas.",
                line=row.line,
                column=row.cells[place],
            )
    for field in REQUIRED:
        if field not in places:
            raise _missing(row, field)
    if not any(field in places for field in REFERENCES):
        raise _missing(row, Field.OUR_REF)
    if Field.UNIT not in places and plain(row.cells[places[Field.QUANTITY]]) not in QUANTITY_UNITS:
        raise _missing(row, Field.UNIT)
    width = max((i + 1 for i, cell in enumerate(row.cells) if cell), default=0)
    return Header(row.line, separator, width, {f: row.cells[i] for f, i in places.items()}, places)


def _missing(row: Row, field: Field) -> BadFile:
    known = ", ".join(COLUMNS[field][:5])
    return BadFile(
        "cette colonne manque : ajoutez-la ou renommez-la (noms connus : {known}…).",
        line=row.line,
        column=FIELD_NAMES[field],
        known=known,
    )
