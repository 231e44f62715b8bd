"""One reconciliation of one statement: match, settle what it decides, name the differences, count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.reconciliation.breaks import SYSTEM, Changes, refresh
from voucher_service.reconciliation.classify import agreed, missing_orders
from voucher_service.reconciliation.match import match, settle
from voucher_service.reconciliation.models import Break, BreakClass, Statement, StatementLine
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.units import Unit
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a statement as the tables stand.

    `lines = matched + differing + unexplained lines`, each counted by its own query. `by_class` counts the
    breaks nobody has resolved, on lines and on orders missing from the file; `resolved` the others that still
    hold. `unexplained` counts lines and orders that neither agree nor have a named class. `difference` is
    theirs minus ours over open breaks, per unit: shown, never trusted, since a net of zero proves nothing.
    `residual` is theirs minus ours over the lines held to agree: anything but zero is a fault of ours.
    """

    lines: int
    matched: int
    differing: int
    by_class: dict[BreakClass, int]
    resolved: int
    unexplained: int
    difference: dict[Unit, int]
    residual: dict[Unit, int]

    @property
    def open(self) -> int:
        """Return the number of differences someone still has to explain."""
        return sum(self.by_class.values())

    @property
    def clean(self) -> bool:
        """Say whether everything agrees or was explained, and nothing is left over."""
        return self.unexplained == 0 and self.open == 0 and not any(self.residual.values())


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run found (`figures`) and did: new and closed breaks, orders booked as delivered."""

    figures: Figures
    new: int
    closed: int
    settled: tuple[UUID, ...]


def run(session: Session, statement_id: UUID, now: datetime) -> RunResult:
    """Reconcile the statement. Running it again changes nothing unless the books changed.

    Raises:
        NotFound: no such statement.
    """
    statement = session.get(Statement, statement_id)
    if statement is None:
        raise NotFound("Ce relevé n’existe pas : revenez à la liste.")
    match(session, statement)
    settled = settle(session, statement, actor=f"statement:{statement_id}", now=now)
    changes: Changes = refresh(session, statement, now)
    told = [Event.STATEMENT_RECONCILED] + [Event.DIFFERENCES_CHANGED] * bool(changes.new or changes.closed)
    for event in told:
        tell(session, statement.partner_id, event, {"statement_id": statement.id}, now=now)
    return RunResult(figures(session, statement), changes.new, changes.closed, tuple(settled))


def figures(session: Session, statement: Statement) -> Figures:
    """Count the statement as the tables stand, without changing them."""
    of_statement = StatementLine.statement_id == statement.id
    named = exists().where(Break.line_id == StatementLine.id, Break.kind != BreakClass.UNCLASSIFIED.value)
    open_break = exists().where(Break.line_id == StatementLine.id, Break.resolved_at.is_(None))
    lines = _count(session, of_statement)
    matched = _count(session, of_statement, agreed(), ~open_break)
    differing = _count(session, of_statement, ~agreed(), named)
    # Neither agreeing nor named, or both at once: whichever it is, nobody has explained it.
    lost = _count(session, of_statement, ~agreed(), ~named) + _count(session, of_statement, agreed(), open_break)
    assert lines == statement.line_count, "lines of the statement are lost"
    assert lines == matched + differing + lost, "a line is counted twice or not at all"
    claims = select(func.count(StatementLine.order_id), func.count(StatementLine.order_id.distinct()))
    every, distinct = session.execute(claims.where(of_statement)).one()
    assert every == distinct, "an order is claimed twice"
    missing = missing_orders(statement).subquery()
    has_break = exists().where(Break.order_id == missing.c.order_id, Break.line_id.is_(None))
    unnamed = session.scalar(select(func.count()).select_from(missing).where(~has_break)) or 0
    by_class, difference, resolved = _breaks(session, statement)
    return Figures(
        lines=lines,
        matched=matched,
        differing=differing,
        by_class=by_class,
        resolved=resolved,
        unexplained=lost + unnamed,
        difference=difference,
        residual=_residual(session, of_statement),
    )


def breaks_of(statement: Statement) -> ColumnElement[bool]:
    """Return the condition "this break is one of the statement's": on its lines, or missing on its days."""
    lines = select(StatementLine.id).where(StatementLine.statement_id == statement.id)
    missing = missing_orders(statement).subquery()
    return Break.line_id.in_(lines) | and_(Break.line_id.is_(None), Break.order_id.in_(select(missing.c.order_id)))


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(StatementLine).where(*conditions)) or 0


def _breaks(session: Session, statement: Statement) -> tuple[dict[BreakClass, int], dict[Unit, int], int]:
    rows = session.execute(
        select(Break.kind, Break.unit, Break.resolved_at.is_(None), func.count(), func.sum(Break.quantity))
        .where(breaks_of(statement), Break.resolved_by.is_distinct_from(SYSTEM))
        .group_by(Break.kind, Break.unit, Break.resolved_at.is_(None))
    )
    by_class: dict[BreakClass, int] = {}
    difference: dict[Unit, int] = {}
    resolved = 0
    for kind, unit, is_open, count, quantity in rows:
        if not is_open:
            resolved += count
            continue
        by_class[BreakClass(kind)] = by_class.get(BreakClass(kind), 0) + count
        difference[Unit(unit)] = difference.get(Unit(unit), 0) + int(quantity)
    return by_class, difference, resolved


def _residual(session: Session, of_statement: ColumnElement[bool]) -> dict[Unit, int]:
    """Theirs minus ours, per unit, over claimed lines that carry no break that still holds."""
    held = and_(
        of_statement,
        StatementLine.order_id.is_not(None),
        ~exists().where(Break.line_id == StatementLine.id),
    )
    theirs = (
        select(StatementLine.unit, func.sum(StatementLine.quantity))
        .where(held, StatementLine.status == LineStatus.DELIVERED.value)
        .group_by(StatementLine.unit)
    )
    ours = (
        select(Order.unit, func.sum(Order.quantity))
        .join(StatementLine, StatementLine.order_id == Order.id)
        .where(held, Order.state == OrderState.DELIVERED.value)
        .group_by(Order.unit)
    )
    result: dict[Unit, int] = {}
    for sign, query in ((1, theirs), (-1, ours)):
        for unit, quantity in session.execute(query):
            result[Unit(unit)] = result.get(Unit(unit), 0) + sign * int(quantity)
    return result
