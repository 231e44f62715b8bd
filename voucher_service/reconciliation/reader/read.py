"""A partner's CSV statement into canonical lines, or a rejection that names line and column.

Imports no tables. Accepted: `;`, `,` or tab; UTF-8 with or without byte-order mark, or Windows-1252; a header
row among the first twenty, found by the names of its columns (`words.COLUMNS`), after any title rows; an
optional last row `TOTAL;<count>;<sum of the quantity column>`, or with the sum under the quantity column. The
control sum is over all lines, whatever their status. One fault rejects the whole file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from voucher_service.errors import N_, BadFile
from voucher_service.ids import local_day
from voucher_service.reconciliation.reader.blocks import Block, blocks
from voucher_service.reconciliation.reader.columns import Columns, NotPlainError, convert
from voucher_service.reconciliation.reader.header import Header, find_header
from voucher_service.reconciliation.reader.parsed import Format, Line, Parsed, line_of, to_columns
from voucher_service.reconciliation.reader.rows import Row, encoding_of
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

MAX_LINES = 2_000_000
CHUNK = 20_000  # rows that stand in memory
SAMPLE = 10  # lines kept to show
_TRAILER_LENGTH = 12  # spelling out every reference would cost a third of the reading

T = TypeVar("T")


def read(content: bytes, sink: Callable[[Columns], None] = lambda _: None) -> Parsed:
    """Read the statement in `content`; hand its lines to `sink`, some thousands at a time.

    Raises:
        BadFile: anything is wrong; names the line, the column and the remedy. What the sink got is void then.
    """
    encoding = encoding_of(content)
    header = find_header(content, encoding)
    reading = _Reading(header)
    for block in blocks(content, encoding, header.separator, CHUNK):
        columns = reading.take(block.after(bisect_right(block.starts, header.line)))
        if columns is not None:
            reading.count_in(columns)
            sink(columns)
    if not reading.count:
        raise BadFile("le relevé ne contient aucune ligne après l’en-tête.", line=header.line)
    if reading.trailer is not None:
        reading.check_trailer(reading.trailer)
    return Parsed(
        format=Format(encoding, header.separator, header.line, dict(header.names), reading.trailer is not None),
        count=reading.count,
        sample=reading.sample,
        first_day=local_day(datetime.fromisoformat(reading.first)),
        last_day=local_day(datetime.fromisoformat(reading.last)),
        counts=dict(reading.counts),
        sums=dict(reading.sums),
    )


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    header: Header
    scales: set[Scale] = field(default_factory=set)
    number: int | None = None
    trailer: Row | None = None
    count: int = 0
    total: int = 0
    first: str = "9"
    last: str = ""
    sample: list[Line] = field(default_factory=list)
    counts: Counter[LineStatus] = field(default_factory=Counter)
    sums: Counter[tuple[Unit, LineStatus]] = field(default_factory=Counter)

    def take(self, block: Block) -> Columns | None:
        """Return the lines of the block as columns; all at once where they are plain, else one by one."""
        cells = block.columns
        if block.starts and cells and self.trailer is None and not _has_trailer(cells[0]):
            try:
                columns, scales = convert(self.header, block.starts, cells)
                if self.count + len(block.starts) <= MAX_LINES and self._numbers_follow(cells):
                    self.scales |= scales
                    return columns
            except NotPlainError:
                pass  # read one by one below: that finds the fault, or that there is none
        lines: list[Line] = []
        for start, row in zip(block.starts, block.rows(), strict=True):
            stripped = [cell.strip() for cell in row]
            if any(stripped):
                self._take(Row(start, stripped), lines)
        return to_columns(lines) if lines else None

    def count_in(self, columns: Columns) -> None:
        """Add the lines to what is counted."""
        if not self.sample:
            self.sample = [line_of(row) for row in islice(columns.rows(), SAMPLE)]
        self.count += len(columns.line)
        self.total += sum(columns.quantity)
        self.first, self.last = min(self.first, *columns.event_at), max(self.last, *columns.event_at)
        for status, times in Counter(columns.status).items():
            self.counts[LineStatus(status)] += times
        kinds: defaultdict[tuple[str, str], int] = defaultdict(int)
        for unit, status, quantity in zip(columns.unit, columns.status, columns.quantity, strict=True):
            kinds[unit, status] += quantity
        for (unit, status), quantity in kinds.items():
            self.sums[Unit(unit), LineStatus(status)] += quantity

    def _numbers_follow(self, cells: Sequence[Sequence[str]]) -> bool:
        """Say whether the partner's own numbers, if there are any, follow one another; remember the last."""
        place = self.header.places.get(Field.LINE)
        if place is None:
            return True
        try:
            numbers = [*map(int, cells[place])]
        except ValueError:
            return False
        first = numbers[0] if self.number is None else self.number + 1
        if first < 0 or numbers != list(range(first, first + len(numbers))):
            return False
        self.number = numbers[-1]
        return True

    def _take(self, row: Row, lines: list[Line]) -> None:
        if self.trailer is not None:
            raise BadFile("une ligne suit le total : le total doit être la dernière ligne.", line=row.line)
        if len(row.cells[0]) <= _TRAILER_LENGTH and plain(row.cells[0]) in TRAILER:
            self.trailer = row
            return
        if self.count + len(lines) == MAX_LINES:
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
        lines.append(self._line(row))

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
        if count and (not (count.isascii() and count.isdigit()) or int(count) != self.count):
            raise BadFile(
                "le total annonce « {count} » lignes, le fichier en a {found}.",
                line=row.line,
                column="2",
                count=count[:20],
                found=self.count,
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
        real = self.total
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


def _has_trailer(first: Sequence[str]) -> bool:
    """Say whether one of the cells of the first column may begin the row of totals."""
    return any(len(cell) <= _TRAILER_LENGTH and not cell.isdigit() and plain(cell) in TRAILER for cell in first)
