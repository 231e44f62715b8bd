"""A partner's CSV statement into canonical lines, or a rejection that names line and column.

Imports no tables. Accepted: `;`, `,` or tab; UTF-8 with or without byte-order mark, or Windows-1252; a header
row among the first twenty, found by the names of its columns (`words.COLUMNS`), after any title rows; an
optional last row `TOTAL;<count>;<sum of the quantity column>`, or with the sum under the quantity column. The
control sum is over all lines, whatever their status. One fault rejects the whole file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from voucher_service.errors import N_, BadFile
from voucher_service.ids import local_day
from voucher_service.reconciliation.reader.header import Header, find_header
from voucher_service.reconciliation.reader.rows import Row, decode, rows
from voucher_service.reconciliation.reader.values import (
    BadCell,
    parse_instant,
    parse_quantity,
    parse_reference,
    parse_scale,
    parse_status,
)
from voucher_service.reconciliation.reader.words import (
    QUANTITY_UNITS,
    TRAILER,
    Field,
    LineStatus,
    Scale,
    plain,
)
from voucher_service.units import Unit

MAX_LINES = 200_000
_TRAILER_LENGTH = 12  # spelling out every reference would cost a third of the reading

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One canonical line. `line` is its line in the file, from 1; `quantity` counts pieces of `unit`."""

    line: int
    our_ref: str | None
    partner_ref: str | None
    serial: str | None
    unit: Unit
    quantity: int
    status: LineStatus
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Format:
    """What was detected. `columns` maps each field to the name it has in the file."""

    encoding: str  # utf-8, utf-8-sig, windows-1252
    separator: str
    header_line: int
    columns: dict[Field, str]
    has_trailer: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A whole statement: at least one line. The days are calendar days in Europe/Paris."""

    format: Format
    lines: list[Line]
    first_day: date
    last_day: date

    def delivered(self) -> dict[Unit, int]:
        """Return the sum of the quantities said to be delivered, per unit."""
        result: dict[Unit, int] = {}
        for line in self.lines:
            if line.status is LineStatus.DELIVERED:
                result[line.unit] = result.get(line.unit, 0) + line.quantity
        return result


def read(content: bytes) -> Parsed:
    """Return the statement in `content`.

    Raises:
        BadFile: anything is wrong; names the line, the column and the remedy. Nothing of the file is kept.
    """
    text, encoding = decode(content)
    header = find_header(text)
    reading = _Reading(header)
    for row in rows(text, header.separator):
        if row.line > header.line and any(row.cells):
            reading.take(row)
    lines = reading.lines
    if not lines:
        raise BadFile("le relevé ne contient aucune ligne après l’en-tête.", line=header.line)
    if reading.trailer is not None:
        reading.check_trailer(reading.trailer)
    return Parsed(
        format=Format(encoding, header.separator, header.line, dict(header.names), reading.trailer is not None),
        lines=lines,
        first_day=local_day(min(line.event_at for line in lines)),
        last_day=local_day(max(line.event_at for line in lines)),
    )


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    header: Header
    lines: list[Line] = field(default_factory=list)
    scales: set[Scale] = field(default_factory=set)
    number: int | None = None
    trailer: Row | None = None

    def take(self, row: Row) -> None:
        if self.trailer is not None:
            raise BadFile("une ligne suit le total : le total doit être la dernière ligne.", line=row.line)
        if len(row.cells[0]) <= _TRAILER_LENGTH and plain(row.cells[0]) in TRAILER:
            self.trailer = row
            return
        if len(self.lines) == MAX_LINES:
            told = N_("le relevé dépasse {most} lignes : envoyez-le en plusieurs fichiers.")
            raise BadFile(told, line=row.line, most=MAX_LINES)
        if len(row.cells) > self.header.width and any(row.cells[self.header.width :]):
            raise BadFile(
                "plus de valeurs que de colonnes : mettez entre guillemets une valeur qui contient le séparateur.",
                line=row.line,
                column=str(self.header.width + 1),
            )
        if Field.LINE in self.header.places:
            self._check_number(row)
        self.lines.append(self._line(row))

    def _line(self, row: Row) -> Line:
        if Field.UNIT in self.header.places:
            scale = self._needed(row, Field.UNIT, parse_scale)
        else:
            scale = QUANTITY_UNITS[plain(self.header.names[Field.QUANTITY])]
        self.scales.add(scale)
        references = {
            name: self._cell(row, name, longest)
            for name, longest in ((Field.OUR_REF, 40), (Field.PARTNER_REF, 80), (Field.SERIAL, 30))
        }
        if not any(references.values()):
            raise BadFile(
                "aucune référence : il faut la référence client, l’identifiant de transaction ou le numéro de série.",
                line=row.line,
                column=self.header.reference_name(),
            )
        return Line(
            line=row.line,
            our_ref=references[Field.OUR_REF],
            partner_ref=references[Field.PARTNER_REF],
            serial=references[Field.SERIAL],
            unit=scale[0],
            quantity=self._needed(row, Field.QUANTITY, lambda text: parse_quantity(text, scale)),
            status=self._needed(row, Field.STATUS, parse_status),
            event_at=self._needed(row, Field.EVENT_AT, parse_instant),
        )

    def _cell(self, row: Row, name: Field, longest: int) -> str | None:
        if not self.header.text(row.cells, name):
            return None
        return self._needed(row, name, lambda text: parse_reference(text, longest))

    def _needed(self, row: Row, name: Field, parse: Callable[[str], T]) -> T:
        text, column = self.header.text(row.cells, name), self.header.names[name]
        if not text:
            raise BadFile("cette valeur manque : chaque ligne doit la donner.", line=row.line, column=column)
        try:
            return parse(text)
        except BadCell as error:
            raise BadFile(error.message, line=row.line, column=column, **error.values) from error

    def _check_number(self, row: Row) -> None:
        """Refuse the partner's own line numbers unless each follows the one before: a gap is a lost line."""
        text, column = self.header.text(row.cells, Field.LINE), self.header.names[Field.LINE]
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise BadFile("« {text} » n’est pas un numéro de ligne.", line=row.line, column=column, text=text[:40])
        number, expected = int(text), int(text) if self.number is None else self.number + 1
        if number != expected:
            again = N_(
                "le numéro {number} est en double ou dans le désordre : {expected} était attendu ; "
                "exportez le relevé à nouveau."
            )
            gap = N_("le numéro {number} saute des lignes : {expected} était attendu ; exportez le relevé à nouveau.")
            told = again if number < expected else gap
            raise BadFile(told, line=row.line, column=column, number=number, expected=expected)
        self.number = number

    def check_trailer(self, row: Row) -> None:
        """Compare the announced count and sum with the lines."""
        count, total = self._announced(row)
        if count and (not (count.isascii() and count.isdigit()) or int(count) != len(self.lines)):
            raise BadFile(
                "le total annonce « {count} » lignes, le fichier en a {found}.",
                line=row.line,
                column="2",
                count=count[:20],
                found=len(self.lines),
            )
        if not total:
            return
        column = self.header.names[Field.QUANTITY]
        if len(self.scales) > 1:
            raise BadFile(
                "une somme de plusieurs unités ne prouve rien : laissez-la vide.",
                line=row.line,
                column=column,
            )
        scale = next(iter(self.scales))
        try:
            announced = parse_quantity(total, scale)
        except BadCell as error:
            raise BadFile(error.message, line=row.line, column=column, **error.values) from error
        real = sum(line.quantity for line in self.lines)
        if announced != real:
            told = str(Decimal(real) / scale[1]).replace(".", ",")
            raise BadFile(
                "le total annonce « {total} », la somme des lignes est {told}.",
                line=row.line,
                column=column,
                total=total,
                told=told,
            )

    def _announced(self, row: Row) -> tuple[str, str]:
        filled = [cell for cell in row.cells[1:] if cell]
        under = self.header.text(row.cells, Field.QUANTITY)
        if under and self.header.places[Field.QUANTITY] > 0 and len(row.cells) >= self.header.width:
            filled.remove(under)  # a spreadsheet's total row: the sum stands under its column
            return next(iter(filled), ""), under
        return next(iter(filled), ""), next(iter(filled[1:]), "")
