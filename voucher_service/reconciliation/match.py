"""Match lines of a statement with orders, in the database, the same on both engines.

Three passes: our reference, the partner's reference, the serial of a code. An order is claimed by one line
and a line by one order (UNIQUE), only among the orders that this partner's allocations pay for. A reference
that several free orders carry claims none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    and_,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.functions import FunctionElement

from voucher_service.fulfilment.models import Order, OrderState, StockItem
from voucher_service.fulfilment.settle import STATEMENT, Delivery, confirm_each
from voucher_service.ledger.models import Transfer
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.reconciliation.models import Statement, StatementLine
from voucher_service.reconciliation.reader.words import LineStatus

PASSES = ("our_ref", "partner_ref", "serial")
DECIDABLE = (OrderState.UNKNOWN, OrderState.ACCEPTED, OrderState.REVERSING, OrderState.MANUAL)
"""States in which a line that says "delivered" is the last word."""


class order_id_named(FunctionElement[UUID]):  # noqa: N801  # reads like the SQL function it stands for
    """The order id that a reference spells, NULL when it spells none. Keeps the order's index usable.

    After a reversal an order goes by its id with the 13th digit raised (`fulfilment.decide.reference`): an id is
    a UUIDv7, so that digit is put back to 7 where it is 8 or above.
    """

    type = Uuid()
    inherit_cache = True


@compiles(order_id_named, "sqlite")
def _named_sqlite(element: order_id_named, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    shape = "-".join("?" * part for part in (8, 4, 4, 4, 12))
    plain = f"replace({text}, '-', '')"
    renewed = f"substr({plain}, 1, 12) || '7' || substr({plain}, 14)"
    return (
        f"CASE WHEN {text} GLOB '{shape}' THEN"
        f" CASE WHEN substr({plain}, 13, 1) GLOB '[89a-f]' THEN {renewed} ELSE {plain} END END"
    )


@compiles(order_id_named, "postgresql")
def _named_postgresql(element: order_id_named, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    shape = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
    return (
        f"CASE WHEN {text} ~ '{shape}' THEN"
        f" CAST(CASE WHEN substr({text}, 15, 1) ~ '[89a-f]' THEN overlay({text} placing '7' from 15 for 1)"
        f" ELSE {text} END AS uuid) END"
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """An open order whose fate a line of the statement decides: it was delivered.

    `partner_ref` is what the order carries already, else what the line says.
    """

    order_id: UUID
    event_at: datetime
    partner_ref: str | None


def own_order(partner_id: UUID) -> ColumnElement[bool]:
    """Return the condition "this order is paid by an allocation of the partner"."""
    paid = (
        select(Allocation.id)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Agreement.partner_id == partner_id)
    )
    return Order.allocation_id.in_(paid)


def claimed() -> ColumnElement[bool]:
    """Return the condition "some line has claimed this order"."""
    claim = aliased(StatementLine)
    return exists().where(claim.order_id == Order.id)


def hold_ended() -> ColumnElement[bool]:
    """Return the condition "the value of this order is no longer in delivery"."""
    return exists().where(Transfer.resolves_id == Order.hold_id)


def pairs(statement: Statement, by: str) -> Select[int, UUID]:
    """Return every unmatched line of the statement with each order it points to by the reference `by`.

    A line that spells an order's id points to nothing else, whatever its other references say.
    """
    spelled = aliased(Order)
    elsewhere = exists().where(spelled.id == order_id_named(StatementLine.our_ref))
    base = (
        select(StatementLine.id.label("line_id"), Order.id.label("order_id"))
        .where(StatementLine.statement_id == statement.id, StatementLine.order_id.is_(None))
        .where(own_order(statement.partner_id))
    )
    if by == "our_ref":
        return base.join(Order, Order.id == order_id_named(StatementLine.our_ref))
    if by == "partner_ref":
        return base.join(Order, Order.partner_ref == StatementLine.partner_ref).where(~elsewhere)
    return (
        base.join(
            StockItem,
            and_(StockItem.partner_id == StatementLine.partner_id, StockItem.serial == StatementLine.serial),
        )
        .join(Order, Order.id == StockItem.order_id)
        .where(~elsewhere)
    )


def match(session: Session, statement: Statement) -> None:
    """Claim orders for the lines of the statement that have none yet. Running it again claims nothing new."""
    for by in PASSES:
        free = pairs(statement, by).where(~claimed()).subquery()
        line = aliased(StatementLine)
        ranked = (
            select(
                free.c.line_id,
                free.c.order_id,
                func.row_number().over(partition_by=free.c.order_id, order_by=line.line).label("turn"),
                func.count().over(partition_by=free.c.line_id).label("orders"),
            )
            .join(line, line.id == free.c.line_id)
            .subquery()
        )
        session.execute(
            update(StatementLine)
            .where(StatementLine.id == ranked.c.line_id, ranked.c.turn == 1, ranked.c.orders == 1)
            .values(order_id=ranked.c.order_id, matched_by=by)
            .execution_options(synchronize_session=False)
        )


def decided_by_statement(session: Session, statement: Statement) -> list[Decided]:
    """Return the open orders that a matched line says were delivered, in the quantity we ordered.

    An order that waits for people because its value was already given back is not among them: its value may
    have been promised again, so a person decides.
    """
    found = (
        select(Order.id, StatementLine.event_at, func.coalesce(Order.partner_ref, StatementLine.partner_ref))
        .join(StatementLine, StatementLine.order_id == Order.id)
        .where(
            StatementLine.statement_id == statement.id,
            StatementLine.status == LineStatus.DELIVERED.value,
            StatementLine.unit == Order.unit,
            StatementLine.quantity == Order.quantity,
            Order.state.in_(DECIDABLE),
            ~hold_ended(),
        )
        .order_by(StatementLine.line)
    )
    return [Decided(*row) for row in session.execute(found)]


def settle(session: Session, statement: Statement, *, actor: str, now: datetime) -> list[UUID]:
    """Book the orders that the statement decides as delivered; return those moved by this call.

    The order moves by compare-and-set, so a worker that learns the same at the same time books it, or we do,
    never both. The evidence is the line that claimed the order: it dates what happened (`now` dates what we
    recorded) and names the partner's reference where none was known.
    """
    told = (
        Delivery(and_(Order.id == one.order_id, Order.state.in_(DECIDABLE)), one.event_at, one.partner_ref)
        for one in decided_by_statement(session, statement)
    )
    return confirm_each(session, told, code=STATEMENT, actor=actor, now=now)
