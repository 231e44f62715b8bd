"""One reconciliation of one statement: match, settle what it decides, name the differences, count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from voucher_service.errors import Conflict, NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.reconciliation.agreement import agreed, plainly_agreed
from voucher_service.reconciliation.balances.compare import refresh_partner
from voucher_service.reconciliation.balances.tolerance import use_on_lines
from voucher_service.reconciliation.breaks import SYSTEM, Changes, refresh
from voucher_service.reconciliation.classify import seen, unclaimed_orders
from voucher_service.reconciliation.closing.models import refuse_closed_days
from voucher_service.reconciliation.days import days_of
from voucher_service.reconciliation.intake.sequence import replaced_by
from voucher_service.reconciliation.match import left_over, match, settle
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, Statement, StatementLine, lines_of
from voucher_service.reconciliation.products import has_products, other_product_delivered
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.scratch import SEEN, UNCLAIMED, all_rows, keep
from voucher_service.units import Unit
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell

WHOLE = frozenset({BreakClass.BALANCE_DIFFERS, BreakClass.STATEMENT_MISSING})
"""Classes of a statement as a whole: none of its lines is named by them."""
ABSENT = (BreakClass.MISSING_AT_PARTNER, BreakClass.AWAITED_AT_PARTNER, BreakClass.CODE_REVEALED_NEVER_USED)


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
    def awaited(self) -> int:
        """Return how many of them nobody has to explain yet: the next statement may carry them."""
        return self.by_class.get(BreakClass.AWAITED_AT_PARTNER, 0)

    @property
    def due(self) -> int:
        """Return the number of the others."""
        return self.open - self.awaited

    @property
    def absent(self) -> int:
        """Return how many of the open differences are orders of ours that no line carries."""
        return sum(self.by_class.get(kind, 0) for kind in ABSENT)

    @property
    def complete(self) -> bool:
        """Say whether all is accounted for: no line or order unexplained, nothing left over that nets out.

        Nor is a statement complete while a balance it declares differs, or one before it never came.
        """
        return self.unexplained == 0 and not any(self.residual.values()) and not WHOLE & self.by_class.keys()

    @property
    def clean(self) -> bool:
        """Say whether everything agrees or was explained, and nothing is left over."""
        return self.complete and self.open == 0


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
        NotFound: no such statement. Conflict: `statement_replaced`: a corrected one stands in its place;
            `period_closed`.
    """
    statement = session.get(Statement, statement_id)
    if statement is None:
        raise NotFound("Ce relevé n’existe pas : revenez à la liste.")
    if replaced_by(session, statement_id) is not None:
        raise Conflict("Un relevé corrigé remplace celui-ci : c’est lui qui compte.", code="statement_replaced")
    all_rows(session)
    refuse_closed_days(session, statement.partner_id, statement.first_day, statement.last_day)
    match(session, statement)
    settled = settle(session, left_over(), actor=f"statement:{statement_id}", now=now)
    keep(session, SEEN, seen(statement, products=has_products(session, statement), kept=True))
    keep(session, UNCLAIMED, unclaimed_orders(statement))
    changes: Changes = refresh(session, statement, now)
    use_on_lines(session, statement, now)
    refresh_partner(session, statement.partner_id, now)
    moved = changes.new or changes.closed or changes.risen
    told = [Event.STATEMENT_RECONCILED] + [Event.DIFFERENCES_CHANGED] * bool(moved)
    for event in told:
        tell(session, statement.partner_id, event, {"statement_id": statement.id}, now=now)
    return RunResult(_figures(session, statement, SEEN, UNCLAIMED), changes.new, changes.closed, tuple(settled))


def figures(session: Session, statement: Statement) -> Figures:
    """Count the statement as the tables stand, without changing them."""
    lines = seen(statement, products=has_products(session, statement))
    return _figures(session, statement, lines.subquery(), unclaimed_orders(statement).subquery())


def _figures(session: Session, statement: Statement, lines: FromClause, orders: FromClause) -> Figures:
    tally = _tally(session, statement, lines)
    assert tally.lines == statement.line_count, "lines of the statement are lost"
    assert tally.lines == tally.matched + tally.differing + tally.lost, "a line is counted twice or not at all"
    has_break = exists().where(Break.order_id == orders.c.order_id, Break.line_id.is_(None))
    unnamed = session.scalar(select(func.count()).select_from(orders).where(~has_break)) or 0
    by_class, difference, resolved = _breaks(session, statement)
    return Figures(
        lines=tally.lines,
        matched=tally.matched,
        differing=tally.differing,
        by_class=by_class,
        resolved=resolved,
        unexplained=tally.lost + unnamed,
        difference=difference,
        residual=dict(tally.residual),
    )


@dataclass(slots=True)
class _Tally:
    """Lines counted. `lost`: neither agreeing nor named, or both at once; whichever it is, nobody explained it."""

    lines: int = 0
    matched: int = 0
    differing: int = 0
    lost: int = 0
    residual: Counter[Unit] = field(default_factory=Counter)


def _tally(session: Session, statement: Statement, odd: FromClause) -> _Tally:
    """Count the lines. `odd` are those that do not plainly agree: each is held against its order and its break.

    What plainly agrees is the same quantity delivered on both sides, or on neither: nothing of it can be left over.
    The residual is theirs minus ours, per unit, over the other claimed lines that carry no break.
    """
    of_statement = select(StatementLine.unit, func.count()).where(lines_of(statement.number))
    every = Counter({Unit(unit): count for unit, count in session.execute(of_statement.group_by(StatementLine.unit))})
    tally = _Tally(lines=every.total(), matched=every.total(), residual=Counter(dict.fromkeys(every, 0)))
    delivered = case((StatementLine.status == LineStatus.DELIVERED.value, StatementLine.quantity), else_=0)
    ours = case((Order.state == OrderState.DELIVERED.value, Order.quantity), else_=0)
    open_break = and_(Break.id.is_not(None), Break.resolved_at.is_(None))
    groups = (StatementLine.unit, Order.unit, agreed(), Break.kind, open_break)
    found = (
        select(*groups, func.count(), func.sum(delivered), func.sum(ours))
        .select_from(odd)
        .join(StatementLine, StatementLine.id == odd.c.line_id)
        .join(Order, Order.id == odd.c.order_id, isouter=True)
        .join(Break, Break.line_id == StatementLine.id, isouter=True)
        .group_by(*groups)
    )
    for theirs_in, ours_in, agrees, kind, is_open, count, theirs, delivered_here in session.execute(found):
        named = kind is not None and kind != BreakClass.UNCLASSIFIED
        tally.matched -= 0 if agrees and not is_open else count
        tally.differing += count if not agrees and named else 0
        tally.lost += count if (agrees and is_open) or (not agrees and not named) else 0
        if ours_in is not None and kind is None:
            tally.residual[Unit(theirs_in)] += int(theirs)
            tally.residual[Unit(ours_in)] -= int(delivered_here)
    wrong = _open_though_agreed(session, statement)
    tally.matched -= wrong
    tally.lost += wrong
    return tally


def _open_though_agreed(session: Session, statement: Statement) -> int:
    """Count the lines that agree plainly and still have an open break."""
    first = statement.number << 32
    return (
        session.scalar(
            select(func.count())
            .select_from(Break)
            .join(StatementLine, StatementLine.id == Break.line_id)
            .join(LineClaim, LineClaim.line_id == Break.line_id)
            .join(Order, Order.id == LineClaim.order_id)
            .where(Break.line_id.between(first, first + 2**32 - 1), Break.resolved_at.is_(None), plainly_agreed())
            .where(~other_product_delivered())
        )
        or 0
    )


def breaks_of(statement: Statement) -> ColumnElement[bool]:
    """Return the condition "this break is one of the statement's": on its lines, or missing on its days."""
    first = statement.number << 32
    start, end = days_of(statement)
    order, claim = aliased(Order), aliased(LineClaim)  # whoever asks may have both in the query already
    is_missing = exists().where(
        order.id == Break.order_id,
        order.state == OrderState.DELIVERED.value,
        order.final_at >= start,
        order.final_at < end,
        ~exists().where(claim.order_id == order.id),
    )
    on_lines = Break.line_id.between(first, first + 2**32 - 1)
    # A balance it declares, a gap before it: of no line and no order.
    whole = and_(Break.statement_id == statement.id, Break.order_id.is_(None))
    of_none = and_(Break.line_id.is_(None), or_(is_missing, whole))
    return and_(Break.partner_id == statement.partner_id, or_(on_lines, of_none))


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
        if BreakClass(kind) not in WHOLE:  # a balance adds up what the lines say: it would count twice
            difference[Unit(unit)] = difference.get(Unit(unit), 0) + int(quantity)
    return by_class, difference, resolved
