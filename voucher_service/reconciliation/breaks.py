"""Differences as rows that someone must settle. A new run finds the same break again, whatever its class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, or_, select, union_all, update
from sqlalchemy.orm import Session

from voucher_service.db import Base
from voucher_service.errors import NotFound
from voucher_service.fulfilment.decide import LATE_DELIVERY
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.reconciliation.classify import (
    PRIORITIES,
    line_differences,
    missing_again,
    missing_orders,
    priority_of,
)
from voucher_service.reconciliation.grace import awaited_since, rise
from voucher_service.reconciliation.match import claimed
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.scratch import FOUND, keep
from voucher_service.reconciliation.sums import has_sums, sum_lines, summed_up
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Comparison, Pairing, Settlement, Step

SYSTEM = "system"
"""Who resolved a break that a later run no longer finds."""
GONE = "N’est plus constaté : les deux livres sont d’accord."
_CHUNK = 10_000  # of numbered parameters a statement may have more than three times as many
_BREAKS = Base.metadata.tables[Break.__tablename__]
_COLUMNS = (
    "id", "partner_id", "statement_id", "line_id", "order_id", "kind", "priority", "quantity", "unit", "found_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run did to the breaks: found for the first time, found again, closed because they no longer hold.

    `risen`: of those that are there, how many were awaited and are missing now.
    """

    new: int
    closed: int
    again: int = 0
    risen: int = 0


def refresh(session: Session, statement: Statement, now: datetime) -> Changes:
    """Bring the breaks of the statement, and the missing orders of its partner, to what holds now.

    What was seen, what is loose, and the orders that no line claims were kept before.
    """
    lines = select(line_differences(statement))
    orders = missing_orders(awaited_since(session, statement, now))
    sums = [sum_lines(statement)] if has_sums(session, statement) else []
    keep(session, FOUND, union_all(lines, orders, *sums))
    closed = _close(session, statement, now)
    for same in (_SAME_LINE, _SAME_ORDER):
        _change(session, same, now)
    known = or_(exists().where(_SAME_LINE), exists().where(_SAME_ORDER))
    again = session.scalar(select(func.count()).select_from(FOUND).where(known)) or 0
    new = _insert(session, statement, select(FOUND).where(~known), now)
    session.add(
        Comparison(id=new_id(), statement_id=statement.id, at=now, found_new=new, found_again=again, found_gone=closed)
    )
    session.flush()  # by its comparison the statement is heard
    return Changes(new, closed, again, len(rise(session, statement.partner_id, now)))


def refresh_pair(session: Session, statement: Statement, line_id: int, order_id: UUID, now: datetime) -> None:
    """Bring the breaks of one line and one order to what holds now; the line is seen and, unclaimed, loose."""
    orders = missing_again(statement, order_id, awaited_since(session, statement, now))
    keep(session, FOUND, union_all(select(line_differences(statement)), orders))
    of_line = and_(Break.line_id == line_id, ~exists().where(_SAME_LINE))
    of_order = and_(Break.order_id == order_id, _order_settled())
    gone(session, Break.partner_id == statement.partner_id, or_(of_line, of_order), now)
    for same in (_SAME_LINE, _SAME_ORDER):
        _change(session, same, now)
    _insert(session, statement, select(FOUND).where(~or_(exists().where(_SAME_LINE), exists().where(_SAME_ORDER))), now)


_SAME_LINE = Break.line_id == FOUND.c.line_id
_SAME_ORDER = and_(Break.order_id == FOUND.c.order_id, Break.line_id.is_(None), FOUND.c.line_id.is_(None))


def late_open() -> ColumnElement[bool]:
    """Return the condition "this order was delivered after its value had gone back, and nobody has closed it"."""
    return and_(Order.state == OrderState.MANUAL.value, Order.outcome_code == LATE_DELIVERY)


def _close(session: Session, statement: Statement, now: datetime) -> int:
    first = statement.number << 32
    of_lines = and_(Break.line_id.between(first, first + 2**32 - 1), ~exists().where(_SAME_LINE))
    return len(gone(session, Break.partner_id == statement.partner_id, or_(of_lines, _order_settled()), now))


def _order_settled() -> ColumnElement[bool]:
    """Say of a break on an order alone that it is over: a line tells of the order now, or its state has moved on."""
    is_late = Break.kind == BreakClass.LATE_DELIVERY.value
    holds = or_(and_(is_late, late_open()), and_(~is_late, Order.state == OrderState.DELIVERED.value))
    return Break.line_id.is_(None) & Break.order_id.in_(
        select(Order.id).where(
            Order.id == Break.order_id, or_(claimed(), ~holds, and_(~is_late, summed_up(Break.partner_id)))
        )
    )


def gone(
    session: Session, which: ColumnElement[bool], over: ColumnElement[bool], now: datetime, *, note: str = GONE
) -> list[UUID]:
    """Close the open breaks that are over, with what waited for a second person; return their ids."""
    closed = session.scalars(
        update(Break)
        .where(which, Break.resolved_at.is_(None), over)
        .values(resolved_at=now, resolved_by=SYSTEM, note=note)
        .returning(Break.id)
        .execution_options(synchronize_session=False)
    ).all()
    write_events(session, [event_row(one, Step.GONE, now) for one in closed])
    for start in range(0, len(closed), _CHUNK):
        # Nothing is left to book or to match: what waits for a second person is withdrawn with it.
        some = Break.id.in_(closed[start : start + _CHUNK])
        paired = or_(
            Pairing.line_id.in_(select(Break.line_id).where(some)),
            Pairing.order_id.in_(select(Break.order_id).where(some, Break.line_id.is_(None))),
        )
        for table, of in ((Settlement, Settlement.break_id.in_(closed[start : start + _CHUNK])), (Pairing, paired)):
            session.execute(
                update(table)
                .where(of, table.decided_at.is_(None))
                .values(agreed=0, decided_by=SYSTEM, decided_at=now)
                .execution_options(synchronize_session=False)
            )
    return list(closed)


def _change(session: Session, same: ColumnElement[bool], now: datetime) -> None:
    """Move known breaks to their present class; a changed or returned one is open again, and its history says so."""
    differs = or_(
        Break.kind != FOUND.c.kind,
        Break.quantity != FOUND.c.quantity,
        Break.unit != FOUND.c.unit,
        Break.order_id.is_distinct_from(FOUND.c.order_id),
        Break.resolved_by == SYSTEM,
    )
    was_open = Break.resolved_at.is_(None)
    moved = session.execute(
        select(Break.id, Break.kind, FOUND.c.kind, was_open).join_from(Break, FOUND, same).where(differs)
    )
    steps = [
        event_row(break_id, Step.CLASS if is_open else Step.RETURNED, now, was=was, became=kind)
        for break_id, was, kind, is_open in moved
    ]
    if not steps:
        return
    session.execute(
        update(Break)
        .where(same, differs)
        .values(
            kind=FOUND.c.kind,
            priority=priority_of(FOUND.c.kind),
            quantity=FOUND.c.quantity,
            unit=FOUND.c.unit,
            order_id=FOUND.c.order_id,
            resolved_at=None,
            resolved_by=None,
        )
        .execution_options(synchronize_session=False)
    )
    write_events(session, steps)


def _insert(session: Session, statement: Statement, found: Select[Any, Any, Any, Any, Any], now: datetime) -> int:
    count = 0
    # Only differences travel, and only new ones; the ids must be made here.
    for rows in session.execute(found).partitions(_CHUNK):
        count += len(rows)
        made = [
            (new_id(), statement.partner_id, statement.id, line_id, order_id, kind, PRIORITIES[BreakClass(kind)],
             quantity, unit, now)
            for line_id, order_id, kind, quantity, unit in rows
        ]  # fmt: skip
        if session.get_bind().dialect.name == "sqlite":
            session.execute(insert(_BREAKS), [dict(zip(_COLUMNS, row, strict=True)) for row in made])
            continue
        driver: Any = session.connection().connection.driver_connection
        # A tenth of what ten thousand rows of parameters cost; and the guard of closed months looks once.
        with driver.cursor().copy(f"COPY {_BREAKS.name} ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
            for row in made:
                copy.write_row(row)
    return count


def open_late(session: Session, order_id: UUID, now: datetime) -> UUID:
    """Open the break of a delivery that came after its value had gone back, at once and most urgent; return its id.

    Asked again, or when a line of a statement tells of the order already, it answers with the break that is there.
    It closes when two people have closed the order, or passes to the line of the statement that tells of it.

    Raises:
        NotFound: no such order.
        IntegrityError: it was opened just now by another: `Database.run` asks again and gets that one.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound("Cette recharge n’existe pas : revenez à la liste.")
    known = session.scalars(select(Break).where(Break.order_id == order_id).order_by(Break.line_id.is_(None))).first()
    if known is not None:
        if known.line_id is None and known.resolved_by == SYSTEM:
            _reopen_late(session, known, order, now)
        return known.id
    found = Break(
        id=new_id(), partner_id=_partner_of(session, order), kind=BreakClass.LATE_DELIVERY.value, order_id=order_id,
        priority=PRIORITIES[BreakClass.LATE_DELIVERY], quantity=order.quantity, unit=order.unit, found_at=now,
    )  # fmt: skip
    session.add(found)
    session.flush()
    return found.id


def _partner_of(session: Session, order: Order) -> UUID:
    return session.scalars(
        select(Agreement.partner_id)
        .join(Allocation, Allocation.agreement_id == Agreement.id)
        .where(Allocation.id == order.allocation_id)
    ).one()


def _reopen_late(session: Session, known: Break, order: Order, now: datetime) -> None:
    was, known.kind = known.kind, BreakClass.LATE_DELIVERY.value
    known.priority, known.quantity = PRIORITIES[BreakClass.LATE_DELIVERY], order.quantity
    known.resolved_at = known.resolved_by = None
    session.flush()
    write_events(session, [event_row(known.id, Step.RETURNED, now, was=was, became=known.kind)])


def follow_late(session: Session, now: datetime) -> tuple[int, int]:
    """Open the break of every late delivery that has none, and close those that are over; return how many of each.

    Run by the clock; idempotent.
    """
    known = exists().where(Break.order_id == Order.id, or_(Break.line_id.is_not(None), Break.resolved_at.is_(None)))
    missing = session.scalars(select(Order.id).where(late_open(), ~known)).all()
    for order_id in missing:
        open_late(session, order_id, now)
    over = gone(session, Break.kind == BreakClass.LATE_DELIVERY.value, _order_settled(), now)
    return len(missing), len(over)
