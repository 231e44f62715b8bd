"""Which line and which order may be the same top-up under two references. It suggests, and claims nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order
from voucher_service.reconciliation.models import Break, BreakClass, StatedSum, StatementLine
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.work.worklist import Item

APART = timedelta(hours=24)
MOST = 5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The open break on the other side: `line` of their file and their `reference`, or none of both and our order's."""

    break_id: UUID
    at: datetime
    line: int | None
    reference: str


def suggestions(session: Session, item: Item) -> list[Suggestion]:
    """Return what may be the other side of an open break: the nearest in time first, at most five.

    An unexpected line and a missing order of one partner, in the same unit and quantity, a day apart at most.
    """
    one = item.difference
    if one.resolved_at is not None:
        return []
    if one.kind is BreakClass.MISSING_AT_PARTNER and one.ours:
        their_lines = (
            select(
                Break.id, StatementLine.event_at, StatementLine.line, StatementLine.our_ref, StatementLine.partner_ref
            )
            .join(StatementLine, StatementLine.id == Break.line_id)
            .where(*_open(item, BreakClass.UNEXPECTED_AT_PARTNER))
            .where(StatementLine.unit == one.ours.unit.value, StatementLine.quantity == one.ours.quantity)
            .where(StatementLine.status == LineStatus.DELIVERED.value)
            .where(StatementLine.id.not_in(select(StatedSum.line_id)))
        )
        rows = _nearest(session, their_lines, StatementLine.event_at, one.ours.at)
        return [Suggestion(i, at, line, ours or theirs or "") for i, at, line, ours, theirs in rows]
    is_delivered = one.theirs is not None and one.theirs.status == LineStatus.DELIVERED.value
    if one.kind is BreakClass.UNEXPECTED_AT_PARTNER and one.theirs and is_delivered:
        our_orders = (
            select(Break.id, Order.final_at, Order.id)
            .join(Order, Order.id == Break.order_id)
            .where(*_open(item, BreakClass.MISSING_AT_PARTNER))
            .where(Order.unit == one.theirs.unit.value, Order.quantity == one.theirs.quantity)
        )
        found = _nearest(session, our_orders, Order.final_at, one.theirs.at)
        return [Suggestion(i, at, None, str(order)) for i, at, order in found]
    return []


def _open(item: Item, kind: BreakClass) -> tuple[ColumnElement[bool], ...]:
    return (Break.partner_id == item.partner_id, Break.kind == kind.value, Break.resolved_at.is_(None))


def _nearest(
    session: Session, query: Select[*tuple[Any, ...]], moment: SQLColumnExpression[Any], at: datetime
) -> list[Any]:
    """Return the few rows nearest to `at`; `moment` is their second column."""
    before = query.where(moment <= at, moment >= at - APART).order_by(moment.desc()).limit(MOST)
    after = query.where(moment > at, moment <= at + APART).order_by(moment).limit(MOST)
    rows = [row for part in (before, after) for row in session.execute(part)]
    return sorted(rows, key=lambda row: abs(row[1] - at))[:MOST]
