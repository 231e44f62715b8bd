"""Differences as rows that someone must explain. A new run finds the same break again, whatever its class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, insert, or_, select, union_all, update
from sqlalchemy.orm import Session

from voucher_service.db import Base
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.reconciliation.classify import (
    PRIORITIES,
    line_differences,
    missing_orders,
    priority_of,
)
from voucher_service.reconciliation.match import claimed
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.scratch import FOUND, keep

SYSTEM = "system"
"""Who resolved a break that a later run no longer finds."""
GONE = "N’est plus constaté : les deux livres sont d’accord."
NOTE_LENGTH = range(3, 401)
_CHUNK = 1_000
_INSERT = insert(Base.metadata.tables[Break.__tablename__])


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run did to the breaks: found for the first time, closed because they no longer hold."""

    new: int
    closed: int


def refresh(session: Session, statement: Statement, now: datetime) -> Changes:
    """Bring the breaks of the statement, and the missing orders of its partner, to what holds now."""
    lines, orders = select(line_differences(statement)), missing_orders(statement)
    keep(session, FOUND, union_all(lines, orders))
    closed = _close(session, statement, now)
    for same in (_SAME_LINE, _SAME_ORDER):
        _change(session, same)
    known = or_(exists().where(_SAME_LINE), exists().where(_SAME_ORDER))
    return Changes(_insert(session, statement, select(FOUND).where(~known), now), closed)


_SAME_LINE = Break.line_id == FOUND.c.line_id
_SAME_ORDER = and_(Break.order_id == FOUND.c.order_id, Break.line_id.is_(None), FOUND.c.line_id.is_(None))


def _close(session: Session, statement: Statement, now: datetime) -> int:
    first = statement.number << 32
    of_lines = and_(Break.line_id.between(first, first + 2**32 - 1), ~exists().where(_SAME_LINE))
    # An order found in any statement, or no longer delivered, is not missing any more.
    of_orders = Break.line_id.is_(None) & Break.order_id.in_(
        select(Order.id).where(Order.id == Break.order_id, or_(claimed(), Order.state != OrderState.DELIVERED.value))
    )
    gone = session.scalars(
        update(Break)
        .where(Break.partner_id == statement.partner_id, Break.resolved_at.is_(None))
        .where(or_(of_lines, of_orders))
        .values(resolved_at=now, resolved_by=SYSTEM, note=GONE)
        .returning(Break.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _change(session: Session, same: ColumnElement[bool]) -> None:
    """Move known breaks to their present class; a changed or returned one is open again, its note kept."""
    differs = or_(
        Break.kind != FOUND.c.kind,
        Break.quantity != FOUND.c.quantity,
        Break.unit != FOUND.c.unit,
        Break.order_id.is_distinct_from(FOUND.c.order_id),
        Break.resolved_by == SYSTEM,
    )
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


def _insert(session: Session, statement: Statement, found: Select[Any, Any, Any, Any, Any], now: datetime) -> int:
    count = 0
    # Asked for the ids, PostgreSQL gets a thousand rows in one statement.
    many = _INSERT if session.get_bind().dialect.name == "sqlite" else _INSERT.returning(_INSERT.table.c.id)
    # Only differences travel, and only new ones; the ids must be made here.
    for rows in session.execute(found).partitions(_CHUNK):
        count += len(rows)
        session.execute(
            many,
            [
                {
                    "id": new_id(),
                    "partner_id": statement.partner_id,
                    "statement_id": statement.id,
                    "line_id": line_id,
                    "order_id": order_id,
                    "kind": kind,
                    "priority": PRIORITIES[BreakClass(kind)],
                    "quantity": quantity,
                    "unit": unit,
                    "found_at": now,
                }
                for line_id, order_id, kind, quantity, unit in rows
            ],
        )
    return count


def resolve(session: Session, break_id: UUID, *, actor: str, note: str, now: datetime) -> Break:
    """Record that a person explained the difference; the note says how. It books nothing by itself.

    One person suffices here, whatever the amount.

    Raises:
        BadInput: the note is missing, too short or too long.
        NotFound: no such break.
        Conflict: `break_resolved`: it was resolved before.
    """
    note = note.strip()
    if len(note) not in NOTE_LENGTH:
        raise BadInput("Dites en 3 à 400 caractères ce qui explique l’écart.", field="note")
    found = session.get(Break, break_id)
    if found is None:
        raise NotFound("Cet écart n’existe pas : revenez à la liste.")
    done = session.scalar(
        update(Break)
        .where(Break.id == break_id, Break.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by=actor, note=note)
        .returning(Break)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if done is None:
        raise Conflict("Cet écart est déjà expliqué : rechargez la page.", code="break_resolved")
    return done
