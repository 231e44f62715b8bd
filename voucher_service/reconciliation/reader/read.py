"""A partner's statement into canonical lines, or a rejection that names line and column.

Imports no tables. With the partner's profile, the file is read as that says and no other way. Without one: `;`, `,`,
`|` or tab; UTF-8 with or without byte-order mark, UTF-16, or Windows-1252; or a workbook (XLSX); a header row among
the first twenty, found by the names of its columns (`words.COLUMNS`), after any title rows; an optional last row
`TOTAL;<count>;<sum of the quantity column>`, or with the sum under the quantity column. The control sum is over all
lines, whatever their status. One fault rejects the whole file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from voucher_service.errors import N_, BadFile
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.reader.balances import ENDS, balances, is_balance, take_balance
from voucher_service.reconciliation.reader.blocks import Block, blocks
from voucher_service.reconciliation.reader.columns import Columns, NotPlainError, convert, refuse_numbers
from voucher_service.reconciliation.reader.controls import Totals, announced_number, check_rows, first_cell, next_number
from voucher_service.reconciliation.reader.dates import parse_instant
from voucher_service.reconciliation.reader.header import Header, find_header, header_of
from voucher_service.reconciliation.reader.light import light_faults
from voucher_service.reconciliation.reader.numbers import read_number
from voucher_service.reconciliation.reader.parsed import (
    Format,
    Line,
    Parsed,
    cost_of_delivered,
    line_of,
    quantities,
    to_columns,
)
from voucher_service.reconciliation.reader.profile import Profile
from voucher_service.reconciliation.reader.rows import Row
from voucher_service.reconciliation.reader.sources.text import open_text
from voucher_service.reconciliation.reader.sums import Summed, summed
from voucher_service.reconciliation.reader.values import (
    BadCell,
    parse_cost,
    parse_quantity,
    parse_reference,
    parse_scale,
    parse_status,
)
from voucher_service.reconciliation.reader.words import TRAILER, Field, LineStatus, Scale, plain
from voucher_service.units import Unit

MAX_LINES = 2_000_000
CHUNK = 20_000  # rows that stand in memory
SAMPLE = 20  # lines kept to show
_TRAILER_LENGTH = 13  # spelling out every reference would cost a third of the reading

T = TypeVar("T")


@light_faults()
def read(content: bytes, sink: Callable[[Columns], None] = lambda _: None, profile: Profile | None = None) -> Parsed:
    """Read the statement in `content`; hand its lines to `sink`, some thousands at a time.

    Raises:
        BadFile: anything is wrong; names the line, the column and the remedy. What the sink got is void then.
    """
    text = open_text(content, profile)
    header = header_of(profile, text) if profile else find_header(text)
    reading = _Reading(header)
    for block in blocks(text.content, text.encoding, header.separator, CHUNK):
        skipped = bisect_right(block.starts, header.line)
        reading.look_above(block.part(0, skipped))
        columns = reading.take(block.part(skipped))
        if columns is not None:
            reading.count_in(columns)
            sink(columns)
        last_line = block.starts[-1]
    if not reading.count:
        raise BadFile("le relevé ne contient aucune ligne après l’en-tête.", line=header.line)
    is_proved = reading.check_controls(last_line)
    zone = ZoneInfo(profile.zone) if profile else PROGRAMME_ZONE
    return Parsed(
        format=Format(text.encoding, header.separator, header.line, dict(header.names), is_proved, header.row),
        count=reading.count,
        sample=reading.sample,
        first_day=datetime.fromisoformat(reading.first).astimezone(zone).date(),
        last_day=datetime.fromisoformat(reading.last).astimezone(zone).date(),
        counts=dict(reading.counts),
        sums=dict(reading.sums),
        number=reading.announced_number(),
        top_ups=reading.top_ups,
        cost=reading.cost,
        balances=tuple(balances(header, reading.balances, reading.scales)),
    )


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    header: Header
    scales: set[Scale] = field(default_factory=set)
    number: int | None = None
    trailer: Row | None = None
    balances: list[Row] = field(default_factory=list)
    opening: Row | None = None
    count: int = 0
    top_ups: int = 0
    total: int = 0
    first: str = "9"
    last: str = ""
    cost: int | None = None
    sample: list[Line] = field(default_factory=list)
    counts: Counter[LineStatus] = field(default_factory=Counter)
    sums: Counter[tuple[Unit, LineStatus]] = field(default_factory=Counter)

    def look_above(self, block: Block) -> None:
        """Find the row above the header that announces the file."""
        for start, row in zip(block.starts, block.rows(), strict=True):
            stripped = [cell.strip() for cell in row]
            if self.opening is None and self._is_opening(stripped):
                self.opening = Row(start, stripped)

    def _is_opening(self, cells: Sequence[str]) -> bool:
        control = self.header.opening
        return control is not None and plain(first_cell(cells)) == plain(control.mark)

    def _is_closing(self, cells: Sequence[str]) -> bool:
        first, control = first_cell(cells), self.header.closing
        if control is not None:
            return plain(first) == plain(control.mark)
        return len(first) <= _TRAILER_LENGTH and plain(first) in TRAILER

    def take(self, block: Block) -> Columns | None:
        """Return the lines of the block as columns; all at once where they are plain, else one by one."""
        cells = block.columns
        if block.starts and cells and self.trailer is None and not self._has_trailer(block, cells[0]):
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
        """Add the lines to what is counted. Raises BadFile where what should be references are telephone numbers."""
        if not self.count:
            refuse_numbers(columns, self.header.names)
        if not self.sample:
            summed_up = {line: Summed(number, product) for line, *_, number, product in columns.sums}
            self.sample = [line_of(row, summed_up) for row in islice(columns.rows(), SAMPLE)]
        self.count += len(columns.line)
        self.top_ups += len(columns.line) + sum(number - 1 for *_, number, _product in columns.sums)
        self.total += sum(columns.quantity)
        if columns.cost:
            self.cost = (self.cost or 0) + cost_of_delivered(columns)
        first, last = min(columns.event_at), max(columns.event_at)
        self.first, self.last = min(self.first, first), max(self.last, last)
        for status, times in Counter(columns.status).items():
            self.counts[LineStatus(status)] += times
        for kind, quantity in quantities(columns).items():
            self.sums[kind] += quantity

    def _has_trailer(self, block: Block, first: Sequence[str]) -> bool:
        header = self.header
        if (header.closing, header.opening, header.balance) == (None, None, None) and all(first):
            if min(map(len, first)) > _TRAILER_LENGTH:
                return False
            return any(len(cell) <= _TRAILER_LENGTH and not cell.isdigit() and plain(cell) in ENDS for cell in first)
        return any(self._is_opening(row) or self._is_closing(row) or is_balance(header, row) for row in block.rows())

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
        if is_balance(self.header, row.cells):
            take_balance(self.balances, row)
            return
        if self.trailer is not None:
            raise BadFile("une ligne suit le total : le total doit être la dernière ligne.", line=row.line)
        if self._is_closing(row.cells):
            self.trailer = row
            return
        if self.opening is None and not self.count and not lines and self._is_opening(row.cells):
            self.opening = row
            return
        if self.count + len(lines) == MAX_LINES:
            told = N_("le relevé dépasse {most} lignes : envoyez-le en plusieurs fichiers.")
            raise BadFile(told, line=row.line, most=MAX_LINES)
        if self.header.exact and len(row.cells) != self.header.width:
            raise BadFile(
                "la ligne a {found} colonnes au lieu de {width} : le fichier a changé de forme.",
                line=row.line,
                column=str(min(len(row.cells), self.header.width) + 1),
                found=len(row.cells),
                width=self.header.width,
            )
        if len(row.cells) > self.header.width and any(row.cells[self.header.width :]):
            raise BadFile(
                "plus de valeurs que de colonnes : mettez entre guillemets une valeur qui contient le séparateur.",
                line=row.line,
                column=str(self.header.width + 1),
            )
        if Field.LINE in self.header.places:
            self.number = next_number(self.header, row, self.number)
        lines.append(self._line(row))

    def _line(self, row: Row) -> Line:
        if Field.UNIT in self.header.places:
            scale = self._needed(row, Field.UNIT, parse_scale)
        else:
            assert self.header.scale is not None, "a header without a column of units has one unit"
            scale = self.header.scale
        self.scales.add(scale)
        manner = self.header.manner
        references = {
            name: self._cell(row, name, longest)
            for name, longest in ((Field.OUR_REF, 40), (Field.PARTNER_REF, 80), (Field.SERIAL, 30))
        }
        sums = summed(self.header, row, references)
        number = read_number(self.header.text(row.cells, Field.NUMBER))
        if sums is None and not any(references.values()) and number is None:
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
            quantity=self._needed(row, Field.QUANTITY, lambda text: parse_quantity(text, scale, manner.marks)),
            status=self._needed(row, Field.STATUS, lambda text: parse_status(text, manner.words)),
            event_at=self._needed(row, Field.EVENT_AT, lambda text: parse_instant(text, manner.dates)),
            sums=sums,
            product=self._cell(row, Field.PRODUCT, 40),
            number=number,
            cost=self._needed(row, Field.COST, self._parse_cost) if self.header.text(row.cells, Field.COST) else None,
        )

    def _parse_cost(self, text: str) -> int | None:
        return parse_cost(text, self.header.names[Field.COST], self.header.manner.marks)

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

    def check_controls(self, last_line: int) -> bool:
        """Compare what the file announces of itself with its lines; say whether it announced a number or a sum."""
        totals = Totals(self.count, self.total, self.scales)
        return check_rows(self.header, self.opening, self.trailer, totals, last_line)

    def announced_number(self) -> int | None:
        """Return the statement's own number, from the row above or the one below the lines."""
        above = announced_number(self.header.opening, self.opening)
        return announced_number(self.header.closing, self.trailer) if above is None else above
