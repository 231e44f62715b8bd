"""Find the header of a statement: by the names everybody uses, or as the partner's profile says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.light import bare
from voucher_service.reconciliation.reader.manner import PLAIN, Manner
from voucher_service.reconciliation.reader.profile import BalanceRow, Control, Profile
from voucher_service.reconciliation.reader.rows import Row, rows
from voucher_service.reconciliation.reader.sources.text import Text
from voucher_service.reconciliation.reader.words import (
    BY_NAME,
    COLUMNS,
    FIELD_NAMES,
    POINTERS,
    QUANTITY_UNITS,
    REQUIRED,
    Field,
    Scale,
    plain,
)

SEARCHED = 20  # rows: titles may stand above the header


@dataclass(frozen=True, slots=True)
class Header:
    """Where each field stands. `names` are as in the file; `places` count cells from 0; `row` is the header whole.

    `scale` is the one unit of the file, None when a column names it. `exact` says that every line is `width` long.
    """

    line: int
    separator: str
    width: int
    names: dict[Field, str]
    places: dict[Field, int]
    scale: Scale | None = None
    manner: Manner = PLAIN
    row: tuple[str, ...] = ()
    exact: bool = False
    opening: Control | None = None
    closing: Control | None = None
    balance: BalanceRow | None = None

    def text(self, cells: list[str], field: Field) -> str:
        """Return the cell of `field`, empty when the file or the row has none."""
        place = self.places.get(field)
        return "" if place is None or place >= len(cells) else cells[place]

    def reference_name(self) -> str:
        """Return the name of the first column of references."""
        return next(self.names[field] for field in POINTERS if field in self.names)


def find_header(text: Text) -> Header:
    """Return the header of the statement: the row, and the separator, under which most columns are known.

    Raises:
        BadFile: no row has known columns, a needed one is missing, or two claim the same field.
    """
    return _header(*best_row(text))


def best_row(text: Text, skip: int = 0) -> tuple[Row, str, int]:
    """Return the row of names below line `skip`, its separator, and how many rows it is made of, 1 or 2.

    Raises:
        BadFile: no row has two known columns.
    """
    best: tuple[int, Row, str, int] | None = None
    fault: BadFile | None = None
    for separator in text.separators:
        try:
            for row, made_of in _candidates(text, separator, skip):
                known = len({BY_NAME[name][0] for name in map(plain, row.cells) if name in BY_NAME})
                if known > (best[0] if best else 1):
                    best = (known, row, separator, made_of)
        except BadFile as error:  # a quote that is stray under one separator may be sound under another
            fault = fault or bare(error)
    if best is None:
        raise fault or BadFile(
            "aucune ligne d’en-tête reconnue : la première ligne doit nommer les colonnes, "
            "par exemple référence client;identifiant transaction;montant;unité;statut;date.",
            line=1,
        )
    return best[1:]


def _candidates(text: Text, separator: str, skip: int) -> Iterator[tuple[Row, int]]:
    """Yield each row, and each with the one above it: merged cells leave half the names in either."""
    above: Row | None = None
    size = skip + SEARCHED
    for row in islice(rows(text.content, text.encoding, separator, size), size):
        if row.line <= skip:
            continue
        yield row, 1
        if above is not None and any(above.cells) and any(row.cells):
            yield join(above, row), 2
        above = row


def join(above: Row, row: Row) -> Row:
    """Return two rows of names as one: the lower name where there is one."""
    width = max(len(above.cells), len(row.cells))
    upper = above.cells + [""] * (width - len(above.cells))
    lower = row.cells + [""] * (width - len(row.cells))
    return Row(row.line, [below or over for over, below in zip(upper, lower, strict=True)])


def known_places(row: Row) -> dict[Field, int]:
    """Return where the fields stand whose names everybody uses.

    Raises:
        BadFile: two columns have the same name.
    """
    places: dict[Field, int] = {}
    for place, name in enumerate(map(plain, row.cells)):
        if name not in BY_NAME:
            continue
        field, rank = BY_NAME[name]
        held = places.get(field)
        if held is None or rank < BY_NAME[plain(row.cells[held])][1]:
            places[field] = place
        elif plain(row.cells[held]) == name:
            raise _twice(row, place)
    return places


def _header(row: Row, separator: str, _made_of: int) -> Header:
    places = known_places(row)
    for field in REQUIRED:
        if field not in places:
            raise _missing(row, field)
    if not any(field in places for field in POINTERS):
        raise _missing(row, Field.OUR_REF)
    scale = None
    if Field.UNIT not in places:
        scale = QUANTITY_UNITS.get(plain(row.cells[places[Field.QUANTITY]]))
        if scale is None:
            raise _missing(row, Field.UNIT)
    names = {field: row.cells[place] for field, place in places.items()}
    return Header(row.line, separator, _width(row), names, places, scale, row=tuple(row.cells))


def _width(row: Row) -> int:
    return max((i + 1 for i, cell in enumerate(row.cells) if cell), default=0)


def header_of(profile: Profile, text: Text) -> Header:
    """Return where the fields stand in this file, as the profile says.

    Raises:
        BadFile: a column of the profile is not there: names its line and its name. Nothing is looked for elsewhere.
    """
    if profile.header_rows:
        row, separator = _named_row(profile, text)
        standing = [plain(name) for name in row.cells]
        places = {field: standing.index(plain(profile.name_of(at))) for field, at in profile.columns.items()}
        width, cells = _width(row), tuple(row.cells)
    else:
        separator = profile.separator or text.separators[0]
        row, width, cells = Row(profile.skip, []), profile.width, ()
        places = dict(profile.columns)
    return Header(
        line=row.line,
        separator=separator,
        width=width,
        names={field: cells[at] if cells else str(at + 1) for field, at in places.items()},
        places=places,
        scale=profile.scale(),
        manner=profile.manner,
        row=cells,
        exact=not profile.header_rows,
        opening=profile.opening,
        closing=profile.closing,
        balance=profile.balance,
    )


def _named_row(profile: Profile, text: Text) -> tuple[Row, str]:
    """Return the row that holds most of the profile's names, which must be all of them, each once."""
    names = [profile.name_of(at) for at in profile.columns.values()]
    wanted = {plain(name) for name in names}
    best: tuple[int, Row, str] | None = None
    fault: BadFile | None = None
    for separator in text.separators:
        try:
            for row, made_of in _candidates(text, separator, profile.skip):
                held = len(wanted & set(map(plain, row.cells)))
                if made_of == profile.header_rows and held > (best[0] if best else 0):
                    best = (held, row, separator)
        except BadFile as error:
            fault = fault or bare(error)
    if best is None:
        raise fault or _changed(Row(profile.skip + 1, []), names[0])
    _, row, separator = best
    standing = [plain(name) for name in row.cells]
    for name in names:
        if plain(name) not in standing:
            raise _changed(row, name)
        if standing.count(plain(name)) > 1:
            last = len(standing) - 1 - standing[::-1].index(plain(name))
            raise _twice(row, last)
    return row, separator


def _changed(row: Row, name: str) -> BadFile:
    return BadFile(
        "cette colonne n’est plus dans l’en-tête : renommez-la comme avant, ou changez les réglages de lecture.",
        line=row.line,
        column=name,
    )


def _twice(row: Row, place: int) -> BadFile:
    return BadFile(
        "deux colonnes portent ce nom : renommez celle qui ne compte pas.", line=row.line, column=row.cells[place]
    )


def _missing(row: Row, field: Field) -> BadFile:
    known = ", ".join(COLUMNS[field][:5])
    return BadFile(
        "cette colonne manque : ajoutez-la ou renommez-la (noms connus : {known}…).",
        line=row.line,
        column=FIELD_NAMES[field],
        known=known,
    )
