"""Match lines of a statement with orders, in the database, the same on both engines.

Three passes: our reference, the partner's reference, the serial of a code. An order is claimed by one line
and a line by one order (UNIQUE), only among the orders that this partner's allocations pay for. A reference
that several free orders carry claims none of them. Lines that sum up a day come last (`sums.py`), for what is left.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, delete, exists, func, insert, literal, select, text, true
from sqlalchemy.orm import Session, aliased

from voucher_service.fulfilment.models import Order, OrderState, StockItem
from voucher_service.fulfilment.settle import STATEMENT
from voucher_service.fulfilment.settle_many import Told, confirm_many
from voucher_service.ledger.models import Transfer
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.reconciliation.agreement import plainly_agreed
from voucher_service.reconciliation.models import LineClaim, StatedSum, Statement, StatementLine, lines_of
from voucher_service.reconciliation.products import other_product
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.scratch import LOOSE, NAMED, ODD, few_rows, keep
from voucher_service.reconciliation.sums import has_sums, match_sums

PASSES = ("our_ref", "partner_ref", "serial")
_CLAIM = insert(LineClaim)
_CLAIMED = ["order_id", "line_id", "matched_by"]
_UNMATCHED = ~exists().where(LineClaim.line_id == StatementLine.id)
LOOSE_FIELDS = (
    StatementLine.id, StatementLine.named_id, StatementLine.partner_ref, StatementLine.serial,
    StatementLine.unit, StatementLine.quantity, StatementLine.status,
)  # fmt: skip
DECIDABLE = (OrderState.UNKNOWN, OrderState.ACCEPTED, OrderState.REVERSING, OrderState.MANUAL)
"""States in which a line that says "delivered" is the last word."""


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
    return exists().where(LineClaim.order_id == Order.id)


def hold_ended() -> ColumnElement[bool]:
    """Return the condition "the value of this order is no longer in delivery"."""
    return exists().where(Transfer.resolves_id == Order.hold_id)


def pairs(statement: Statement, by: str) -> Select[int, UUID]:
    """Return every loose line with each order it points to by the reference `by`.

    A line that spells an order's id points to nothing else, whatever its other references say.
    """
    spelled = aliased(Order)
    elsewhere = exists().where(spelled.id == LOOSE.c.named_id)
    base = (
        select(LOOSE.c.id.label("line_id"), Order.id.label("order_id"))
        .select_from(LOOSE)
        .where(own_order(statement.partner_id))
    )
    if by == "our_ref":
        return base.join(Order, Order.id == LOOSE.c.named_id)
    if by == "partner_ref":
        return base.join(Order, Order.partner_ref == LOOSE.c.partner_ref).where(~elsewhere)
    item = and_(StockItem.partner_id == statement.partner_id, StockItem.serial == LOOSE.c.serial)
    return base.join(StockItem, item).join(Order, Order.id == StockItem.order_id).where(~elsewhere)


def match(session: Session, statement: Statement) -> None:
    """Claim orders for the lines of the statement that have none yet. Running it again claims nothing new.

    Nearly all lines spell our reference and agree, so the first pass reads the lines themselves; the others, which
    are few, are kept beside. The other passes and the classes look at nothing else.
    """
    of_statement = lines_of(statement.number)
    again = session.scalar(select(LineClaim.line_id).where(_claims_of(statement)).limit(1)) is not None
    # Kept and then inserted: PostgreSQL finds them on both cores so, and the indexes grow at their ends.
    keep(session, NAMED, _named(statement, of_statement if not again else and_(of_statement, _UNMATCHED)))
    session.execute(_CLAIM.from_select(_CLAIMED, select(NAMED.c.order_id, NAMED.c.line_id, literal("our_ref"))))
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        session.execute(text("ANALYZE line_claim"))
    # SQLite would read all that is kept for each line: it has no index, and the tables do.
    keep(session, ODD, _left(of_statement) if is_postgresql and not again else _odd(of_statement))
    few_rows(session)
    sums = has_sums(session, statement)
    single = [~exists().where(StatedSum.line_id == ODD.c.id)] if sums else []
    keep(session, LOOSE, select(*(ODD.c[one.name] for one in LOOSE.c)).where(ODD.c.order_id.is_(None), *single))
    for by in PASSES[1:]:
        free = pairs(statement, by).where(~claimed()).subquery()
        # Counted before the orders are shared out: a reference of several free orders claims none of them.
        one = select(free.c.line_id).group_by(free.c.line_id).having(func.count() == 1)
        first = (
            select(free.c.order_id, func.min(free.c.line_id), literal(by))
            .where(free.c.line_id.in_(one))
            .group_by(free.c.order_id)
        )
        session.execute(_CLAIM.from_select(_CLAIMED, first))
        session.execute(
            delete(LOOSE)
            .where(exists().where(LineClaim.line_id == LOOSE.c.id))
            .execution_options(synchronize_session=False)
        )
    if sums:
        match_sums(session, statement, _free(statement))


def _named(statement: Statement, which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The columns of `NAMED`, over `which` lines."""
    return (
        select(Order.id.label("order_id"), func.min(StatementLine.id).label("line_id"))
        .add_columns(func.min(case((plainly_agreed(), 1), else_=0)).label("done"))
        .select_from(StatementLine)
        .join(Order, Order.id == StatementLine.named_id)
        .where(which, own_order(statement.partner_id), ~claimed())
        .group_by(Order.id)
        .order_by(Order.id)
    )


def _left(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The columns of `ODD`: which lines the first pass, if nothing was claimed before it, did not see agree."""
    line, *told = LOOSE_FIELDS
    named = NAMED.c.line_id == StatementLine.id
    return (
        select(line, NAMED.c.order_id, *told)
        .join(NAMED, named, isouter=True)
        .where(which, func.coalesce(NAMED.c.done, 0) == 0)
    )


def _odd(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The same, looked up in the tables: where there were claims already, and on SQLite."""
    line, *told = LOOSE_FIELDS
    return (
        select(line, LineClaim.order_id, *told)
        .join(LineClaim, LineClaim.line_id == StatementLine.id, isouter=True)
        .join(Order, Order.id == LineClaim.order_id, isouter=True)
        .where(which, plainly_agreed().is_not(true()))
    )


def left_over() -> ColumnElement[bool]:
    """Return the condition "this line of the statement just matched may not agree yet"."""
    return StatementLine.id.in_(select(ODD.c.id))


def _free(statement: Statement) -> ColumnElement[bool]:
    return and_(own_order(statement.partner_id), ~claimed())


def _claims_of(statement: Statement) -> ColumnElement[bool]:
    first = statement.number << 32
    return LineClaim.line_id.between(first, first + 2**32 - 1)


def decided_by_statement(session: Session, which: ColumnElement[bool]) -> list[Told]:
    """Return the open orders that one of `which` lines, matched, says were delivered, in the quantity we ordered.

    A line that states another product than we ordered decides nothing.

    The partner's reference is what the order carries already, else what the line says.

    An order that waits for people because its value was already given back is not among them: its value may
    have been promised again, so a person decides.
    """
    found = (
        select(Order.id, StatementLine.event_at, func.coalesce(Order.partner_ref, StatementLine.partner_ref))
        .join(LineClaim, LineClaim.order_id == Order.id)
        .join(StatementLine, StatementLine.id == LineClaim.line_id)
        .where(
            which,
            StatementLine.status == LineStatus.DELIVERED.value,
            StatementLine.unit == Order.unit,
            StatementLine.quantity == Order.quantity,
            Order.state.in_(DECIDABLE),
            ~hold_ended(),
            ~other_product(),
        )
        .order_by(StatementLine.id)
    )
    return [Told(*row) for row in session.execute(found)]


def settle(session: Session, which: ColumnElement[bool], *, actor: str, now: datetime) -> list[UUID]:
    """Book the orders that `which` lines decide as delivered; return those moved by this call.

    The order moves by compare-and-set, so a worker that learns the same at the same time books it, or we do,
    never both. The evidence is the line that claimed the order: it dates what happened (`now` dates what we
    recorded) and names the partner's reference where none was known.
    """
    told = decided_by_statement(session, which)
    return confirm_many(session, told, Order.state.in_(DECIDABLE), code=STATEMENT, actor=actor, now=now)
