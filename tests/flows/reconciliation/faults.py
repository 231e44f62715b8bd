"""A world whose statement is right, and ways to spoil it: each fault says which class must be found where."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import (
    DAY,
    NOON,
    Wanted,
    World,
    add_orders,
    make_world,
    random_instant,
)
from tests.flows.reconciliation.codes import add_code
from voucher_service.fulfilment.models import ItemState, OrderState
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.sample import make_statement_csv

LAST_DAY = DAY + timedelta(days=4)
_REF, _THEIRS, _SERIAL, _QUANTITY, _STATUS, _DATE = 1, 2, 3, 4, 6, 7
PRODUCT = "R10"
"""What `make_world` offers, by the partner's own code."""
Place = int | UUID
"""A difference stands at a line of the file, or at an order of ours that no line carries."""


@dataclass
class Case:
    """A world, the rows of its statement and what must be found. Each row is spoiled once at most."""

    world: World
    other: World
    random: Random
    rows: list[list[str]]
    orders: dict[OrderState, list[UUID]]
    twins: tuple[str, list[UUID]]
    late: list[UUID]
    foreign: list[UUID]
    codes: list[UUID]
    stock: list[str]
    expected: dict[Place, BreakClass] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=set)
    products: dict[int, str] = field(default_factory=dict)
    undecided: set[UUID] = field(default_factory=set)

    def take(self, orders: list[UUID]) -> UUID:
        """Choose an order that no fault has touched."""
        chosen = self.random.choice([one for one in orders if str(one) not in self.spoiled])
        self.spoiled.add(str(chosen))
        return chosen

    def line_of(self, order: UUID) -> int:
        """The line of the file that carries the order, from 1; the header is line 1."""
        return next(i for i, row in enumerate(self.rows, start=2) if row[_REF] == str(order))

    def row(self, line: int) -> list[str]:
        """The row at a line of the file."""
        return self.rows[line - 2]

    def append(self, reference: str, theirs: str = "", serial: str = "", status: str = "Livré") -> int:
        """Add a row and return its line."""
        at = datetime.combine(LAST_DAY, NOON.timetz()).astimezone(PROGRAMME_ZONE)
        self.rows.append(["", reference, theirs, serial, "10,00", "EUR", status, at.isoformat(sep=" ")])
        return len(self.rows) + 1

    def content(self) -> bytes:
        """The file as the partner would send it."""
        text = io.StringIO(newline="")
        out = csv.writer(text, delimiter=";")
        out.writerow(["N", "our ref", "partner ref", "serial", "montant", "unit", "status", "date", "product code"])
        # Every other line states the product that was ordered.
        told = {line: self.products.get(line, PRODUCT if line % 2 else "") for line in range(2, len(self.rows) + 2)}
        out.writerows([*row[:8], told[line]] for line, row in enumerate(self.rows, start=2))
        out.writerow(["TOTAL", len(self.rows)])
        return text.getvalue().encode()


def make_case(session: Session, seed: int, scale: int = 1) -> Case:
    """Make sixty orders (times `scale`) in every state over five days, and the faultless statement about them."""
    random = Random(seed)
    # No rule is set: what the file's last day does not carry, the next file may.
    world, other = (make_world(session, name, grace=None) for name in ("Opérateur A", "Opérateur B"))

    def some(count: int, state: OrderState, code: str | None = None) -> list[UUID]:
        wanted = [
            Wanted(state, random.choice([500, 1000, 1550]), random_instant(random), f"T{random.random()}", code)
            for _ in range(count * scale)
        ]
        return add_orders(session, world, wanted)

    orders = {state: some(4, state) for state in OrderState}
    orders[OrderState.DELIVERED] += some(28, OrderState.DELIVERED)
    orders[OrderState.UNKNOWN] += some(3, OrderState.UNKNOWN)
    orders[OrderState.GIVEN_BACK] += some(2, OrderState.GIVEN_BACK)
    codes = some(4, OrderState.DELIVERED)
    for number, order in enumerate(codes):
        add_code(session, world, f"89331{number}", ItemState.REVEALED, order)
    for number, order in enumerate(orders[OrderState.HELD]):
        add_code(session, world, f"89332{number}", ItemState.HELD, order)
    stock = [f"89333{number}" for number in range(3 * scale)]
    for serial in stock:
        add_code(session, world, serial, ItemState.IN_STOCK)
    twin = Wanted(OrderState.WAITING, 1000, NOON, "TWIN")
    twins = add_orders(session, world, [twin, twin])
    text = make_statement_csv(session, world.partner_id, DAY, LAST_DAY).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))[1:-1]
    random.shuffle(rows)
    for row in rows:
        row[0] = ""
        # Some partners do not repeat our reference: theirs or the serial must do.
        if random.random() < 0.3 and (row[_THEIRS] or row[_SERIAL]):
            row.append(row[_REF])
    return Case(
        world, other, random, rows, orders, ("TWIN", twins),
        some(3, OrderState.MANUAL, "late_delivery"),
        add_orders(session, other, [Wanted(partner_ref="FOREIGN")] * 3 * scale), codes, stock,
    )  # fmt: skip


def hide_references(case: Case) -> None:
    """Blank our reference in the rows marked for it; matching must then use the others."""
    for row in case.rows:
        if len(row) > 8:
            row[_REF] = ""
            del row[8:]


def _at(case: Case, order: UUID, column: int, value: str, kind: BreakClass) -> None:
    line = case.line_of(order)
    case.row(line)[column] = value
    case.expected[line] = kind


def _delivered(case: Case) -> UUID:
    return case.take(case.orders[OrderState.DELIVERED])


def amount(case: Case) -> None:
    """The partner took more than we ordered."""
    _at(case, _delivered(case), _QUANTITY, "77,01", BreakClass.AMOUNT_DIFFERS)


def unit(case: Case) -> None:
    """The partner speaks of minutes, we of cents."""
    order = _delivered(case)
    case.row(case.line_of(order))[_QUANTITY] = "12"
    _at(case, order, 5, "min", BreakClass.PRODUCT_DIFFERS)


def product(case: Case) -> None:
    """The line states another product, in our unit, for our amount."""
    order = _delivered(case)
    line = case.line_of(order)
    case.products[line], case.expected[line] = "R20", BreakClass.PRODUCT_DIFFERS


def product_of_unknown(case: Case) -> None:
    """A line would decide an order whose fate is unknown, but for another product."""
    order = case.take(case.orders[OrderState.UNKNOWN])
    line = case.line_of(order)
    case.undecided.add(order)
    case.products[line], case.expected[line] = "R20", BreakClass.PRODUCT_DIFFERS


def product_not_delivered(case: Case) -> None:
    """Of what was refused on both sides the product does not matter: nothing is to be found."""
    case.products[case.line_of(case.take(case.orders[OrderState.GIVEN_BACK]))] = "R20"


def amount_of_unknown(case: Case) -> None:
    """A line would decide an order whose fate is unknown, but for another amount."""
    _at(case, case.take(case.orders[OrderState.UNKNOWN]), _QUANTITY, "77,01", BreakClass.AMOUNT_DIFFERS)


def refused_there(case: Case) -> None:
    """We say delivered, they say refused."""
    _at(case, _delivered(case), _STATUS, "Refusé", BreakClass.DELIVERED_HERE_REFUSED_THERE)


def reversed_there(case: Case) -> None:
    """They took a delivery back."""
    _at(case, _delivered(case), _STATUS, "remboursé", BreakClass.REVERSED_AFTER_DELIVERY)


def delivered_there(case: Case) -> None:
    """We gave the value back, they delivered it."""
    order = case.take(case.orders[OrderState.GIVEN_BACK])
    _at(case, order, _STATUS, "Livré", BreakClass.REFUSED_HERE_DELIVERED_THERE)


def delivered_late(case: Case) -> None:
    """We gave the value back and know already that it may have come late."""
    line = case.append(str(case.take(case.late)))
    case.expected[line] = BreakClass.REFUSED_HERE_DELIVERED_THERE


def refused_while_unknown(case: Case) -> None:
    """They refused what we do not know the fate of: a person decides."""
    order = case.take(case.orders[OrderState.UNKNOWN])
    _at(case, order, _STATUS, "échec", BreakClass.REFUSED_THERE_OPEN_HERE)


def delivered_while_waiting(case: Case) -> None:
    """They delivered what we have not sent, as far as we know."""
    line = case.append(str(case.take(case.orders[OrderState.WAITING])))
    case.expected[line] = BreakClass.DELIVERED_THERE_OPEN_HERE


def missing(case: Case) -> None:
    """A line is not in the file: missing, or on the file's last day awaited in the next."""
    order = _delivered(case)
    is_last = datetime.fromisoformat(case.row(case.line_of(order))[_DATE]).date() == LAST_DAY
    del case.rows[case.line_of(order) - 2]
    case.expected[order] = BreakClass.AWAITED_AT_PARTNER if is_last else BreakClass.MISSING_AT_PARTNER


def never_used(case: Case) -> None:
    """A code was shown and not used."""
    order = case.take(case.codes)
    del case.rows[case.line_of(order) - 2]
    case.expected[order] = BreakClass.CODE_REVEALED_NEVER_USED


def unexpected(case: Case) -> None:
    """A reference that was never ours."""
    case.expected[case.append("jamais-vu", "T?")] = BreakClass.UNEXPECTED_AT_PARTNER


def foreign(case: Case) -> None:
    """An order that another partner's gift pays for."""
    line = case.append(str(case.take(case.foreign)), "FOREIGN")
    case.expected[line] = BreakClass.UNEXPECTED_AT_PARTNER


def duplicate(case: Case) -> None:
    """The same line twice."""
    order = _delivered(case)
    row = case.row(case.line_of(order))
    case.rows.append(list(row))
    case.expected[len(case.rows) + 1] = BreakClass.DUPLICATE_AT_PARTNER


def code_in_stock(case: Case) -> None:
    """A code that we never gave was used."""
    line = case.append("", serial=case.stock.pop())
    case.expected[line] = BreakClass.CODE_USED_BEFORE_REVEAL


def code_held(case: Case) -> None:
    """A code set aside and not yet shown was used."""
    order = case.take(case.orders[OrderState.HELD])
    line = case.append("", serial=f"89332{case.orders[OrderState.HELD].index(order)}")
    case.expected[line] = BreakClass.CODE_USED_BEFORE_REVEAL


def twins(case: Case) -> None:
    """A partner reference that two of our orders carry."""
    if "TWIN" not in case.spoiled:
        case.spoiled.add("TWIN")
        case.expected[case.append("", "TWIN")] = BreakClass.UNCLASSIFIED


# Faults that remove rows come first: the others remember the number of their line.
FAULTS: tuple[Callable[[Case], None], ...] = (
    missing, never_used, amount, unit, product, product_of_unknown, product_not_delivered, amount_of_unknown,
    refused_there, reversed_there, delivered_there,
    delivered_late, refused_while_unknown, delivered_while_waiting, unexpected, foreign, duplicate,
    code_in_stock, code_held, twins,
)  # fmt: skip


def period() -> tuple[date, date]:
    """The days the statement speaks for."""
    return DAY, LAST_DAY
