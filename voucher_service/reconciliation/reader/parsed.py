"""What reading a statement gives: lines, and the figures of the whole. Imports no tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from voucher_service.reconciliation.reader.balances import Balance
from voucher_service.reconciliation.reader.columns import Columns, instant_text
from voucher_service.reconciliation.reader.numbers import tail_of
from voucher_service.reconciliation.reader.sums import Summed
from voucher_service.reconciliation.reader.values import named_order
from voucher_service.reconciliation.reader.words import Field, LineStatus
from voucher_service.units import Unit


@dataclass(frozen=True, slots=True)
class Line:
    """One canonical line. `line` is its line in the file, from 1; `quantity` counts pieces of `unit`.

    `number` is as `numbers.read_number` gives it while the line is read; of a line kept to show, its last two digits.
    """

    line: int
    our_ref: str | None
    partner_ref: str | None
    serial: str | None
    unit: Unit
    quantity: int
    status: LineStatus
    event_at: datetime
    sums: Summed | None = None
    product: str | None = None
    number: str | None = None
    cost: int | None = None  # cents


@dataclass(frozen=True, slots=True)
class Format:
    """What was detected. `columns` maps each field to the name it has in the file.

    `is_proved`: the file announces how many lines it has, or their sum, and that is so.
    """

    encoding: str
    separator: str
    header_line: int
    columns: dict[Field, str]
    is_proved: bool
    header: tuple[str, ...] = ()  # the whole row


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a whole statement says: at least one line. The days are calendar days of the profile’s zone.

    `sample` holds the first lines; the others went to the sink and stand nowhere. `sums` are quantities. `top_ups` are
    those the lines stand for: more than `count` where some sum up a day.
    """

    format: Format
    count: int
    sample: list[Line]
    first_day: date
    last_day: date
    counts: dict[LineStatus, int]
    sums: dict[tuple[Unit, LineStatus], int]
    number: int | None = None  # the statement's own, where it says one
    top_ups: int = 0
    cost: int | None = None  # of the delivered lines, in cents; None where no line says it
    balances: tuple[Balance, ...] = ()  # what it says is left of gifts

    def delivered(self) -> dict[Unit, int]:
        """Return the sum of the quantities said to be delivered, per unit."""
        return {unit: total for (unit, status), total in self.sums.items() if status is LineStatus.DELIVERED}


def to_columns(lines: list[Line]) -> Columns:
    """Return lines that were read one by one as columns."""
    return Columns(
        line=[line.line for line in lines],
        our_ref=[line.our_ref for line in lines],
        named=[line.our_ref and named_order(line.our_ref) for line in lines],
        partner_ref=[line.partner_ref for line in lines],
        serial=[line.serial for line in lines],
        unit=[line.unit.value for line in lines],
        quantity=[line.quantity for line in lines],
        status=[line.status.value for line in lines],
        event_at=[instant_text(line.event_at) for line in lines],
        product=[line.product for line in lines] if any(line.product for line in lines) else (),
        number=[line.number for line in lines] if any(line.number for line in lines) else (),
        cost=[line.cost for line in lines] if any(line.cost is not None for line in lines) else (),
        sums=[
            (line.line, line.unit.value, line.status.value, line.event_at, *line.sums) for line in lines if line.sums
        ],
    )


def line_of(row: tuple[Any, ...], sums: Mapping[int, Summed]) -> Line:
    """Return the line that a row of `Columns.rows` stands for, to show it; `sums` by the number of the line."""
    line, our_ref, _, partner_ref, serial, unit, quantity, status, at, product, number, cost = row
    told = (our_ref, partner_ref, serial, Unit(unit), quantity, LineStatus(status), datetime.fromisoformat(at))
    return Line(line, *told, sums.get(line), product, number and tail_of(number), cost)


def quantities(columns: Columns) -> dict[tuple[Unit, LineStatus], int]:
    """Return the sum of the quantities of each unit and status."""
    kinds: Counter[tuple[Unit, LineStatus]] = Counter()
    alike = Counter(zip(columns.unit, columns.status, columns.quantity, strict=True))
    for (unit, status, quantity), times in alike.items():
        kinds[Unit(unit), LineStatus(status)] += quantity * times
    return dict(kinds)


def cost_of_delivered(columns: Columns) -> int:
    """Return what the delivered lines cost together, in cents."""
    said = zip(columns.status, columns.cost, strict=True)
    return sum(cost or 0 for status, cost in said if status == LineStatus.DELIVERED.value)
