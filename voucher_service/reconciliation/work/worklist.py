"""The list of breaks as work: filtered, sorted, page by page, with age and owner. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ids import local_day
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.explain import About, Difference
from voucher_service.reconciliation.models import Break, BreakClass, Statement, StatementLine
from voucher_service.reconciliation.queries import difference_of
from voucher_service.reconciliation.subjects import abouts
from voucher_service.reconciliation.work.models import (
    BreakEvent,
    BreakOwner,
    Comparison,
    Pairing,
    Settlement,
    Side,
    Step,
)

PAGE = 50


class Age(StrEnum):
    """How many days ago it was found, counted in days of the branches."""

    TODAY = "0-1"
    WEEK = "2-7"
    MONTH = "8-30"
    OLD = "31-"


DAYS: dict[Age, tuple[int, int | None]] = {Age.TODAY: (0, 1), Age.WEEK: (2, 7), Age.MONTH: (8, 30), Age.OLD: (31, None)}


class Life(StrEnum):
    """Across runs: found by the last one for the first time, found again, or closed."""

    NEW = "new"
    PERSISTING = "persisting"
    RESOLVED = "resolved"


class Sort(StrEnum):
    """What comes first."""

    PRIORITY = "priority"
    AGE = "age"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which breaks. `owner`: an actor, or "nobody"; `open`: True those to settle, False the closed, None both."""

    partner_id: UUID | None = None
    kind: BreakClass | None = None
    priority: int | None = None
    age: Age | None = None
    owner: str | None = None
    open: bool | None = True
    sort: Sort = Sort.PRIORITY
    page: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """A break of the list. `days` is its age, counted until it was closed; `last_word` is who wrote the newest note.

    `pending`: a booking waits for a second person; `pairing`: matching it by hand does.
    """

    difference: Difference
    partner_id: UUID
    statement_id: UUID | None
    file_name: str | None
    owner: str | None
    days: int
    life: Life
    pending: bool
    pairing: bool
    last_word: Side | None

    @property
    def age(self) -> Age:
        """Return the bucket of its age."""
        return age_of(self.days)


def age_of(days: int) -> Age:
    """Return the bucket for an age in days."""
    return next(age for age, (_, last) in DAYS.items() if last is None or days <= last)


def worklist(session: Session, wanted: Wanted, now: datetime) -> tuple[list[Item], int]:
    """Return one page of breaks and how many there are."""
    query = _query().where(*_conditions(wanted, now))
    total = how_many(session, wanted, now)
    ordered = query.order_by(*_ORDER[wanted.sort], Break.id)
    rows = session.execute(ordered.limit(PAGE).offset((max(wanted.page, 1) - 1) * PAGE)).all()
    return _items(session, rows, now), total


def how_many(session: Session, wanted: Wanted, now: datetime) -> int:
    """Return how many breaks there are."""
    counted = (
        select(func.count())
        .select_from(Break)
        .join(BreakOwner, BreakOwner.break_id == Break.id, isouter=True)
        .where(*_conditions(wanted, now))
    )
    return session.scalar(counted) or 0


def open_by_priority(session: Session) -> dict[int, int]:
    """Return how many open breaks there are of each priority that has any."""
    found = select(Break.priority, func.count()).where(Break.resolved_at.is_(None)).group_by(Break.priority)
    return dict(session.execute(found).all())


def item_of(session: Session, break_id: UUID, now: datetime, *, partner_id: UUID | None = None) -> Item:
    """Return one break; with `partner_id`, only if it is that partner's. Raises NotFound."""
    query = _query().where(Break.id == break_id)
    if partner_id is not None:
        query = query.where(Break.partner_id == partner_id)
    rows = session.execute(query).all()
    if not rows:
        raise NotFound("Cet écart n’existe pas : revenez à la liste.")
    return _items(session, rows, now)[0]


def settlements_of(session: Session, break_id: UUID) -> Sequence[Settlement]:
    """Return the bookings proposed for a break, oldest first."""
    of = select(Settlement).where(Settlement.break_id == break_id)
    return session.scalars(of.order_by(Settlement.proposed_at, Settlement.id)).all()


_ORDER: dict[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.PRIORITY: (Break.priority.asc(), Break.found_at.asc()),
    Sort.AGE: (Break.found_at.asc(),),
    Sort.VALUE: (func.abs(Break.quantity).desc(),),
}


def _query() -> Select[Any, Any, Any, Any, Any]:
    return (
        select(Break, StatementLine, Order, Statement.file_name, BreakOwner.owner)
        .join(StatementLine, StatementLine.id == Break.line_id, isouter=True)
        .join(Order, Order.id == Break.order_id, isouter=True)
        .join(Statement, Statement.id == Break.statement_id, isouter=True)
        .join(BreakOwner, BreakOwner.break_id == Break.id, isouter=True)
    )


def _conditions(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.partner_id is not None:
        found.append(Break.partner_id == wanted.partner_id)
    if wanted.kind is not None:
        found.append(Break.kind == wanted.kind.value)
    if wanted.priority is not None:
        found.append(Break.priority == wanted.priority)
    if wanted.owner is not None:
        found.append(BreakOwner.owner.is_(None) if wanted.owner == "nobody" else BreakOwner.owner == wanted.owner)
    if wanted.open is not None:
        found.append(Break.resolved_at.is_(None) if wanted.open else Break.resolved_at.is_not(None))
    if wanted.age is not None:
        found.append(found_within(wanted.age, now))
    return found


def found_within(age: Age, now: datetime) -> ColumnElement[bool]:
    """Return the condition "found so many days ago": whole days of the branches, of 23 to 25 hours."""
    first, last = DAYS[age]
    today = local_day(now)
    _, until = instants(today - timedelta(days=first), today - timedelta(days=first))
    if last is None:
        return Break.found_at < until
    since, _ = instants(today - timedelta(days=last), today)
    return and_(Break.found_at >= since, Break.found_at < until)


def _items(session: Session, rows: Sequence[Any], now: datetime) -> list[Item]:
    ids = [row[0].id for row in rows]
    pending = set(
        session.scalars(
            select(Settlement.break_id).where(Settlement.break_id.in_(ids), Settlement.decided_at.is_(None))
        )
    )
    statements = {row[0].statement_id for row in rows} - {None}
    last_runs: dict[UUID, datetime] = dict(
        session.execute(
            select(Comparison.statement_id, func.max(Comparison.at))
            .where(Comparison.statement_id.in_(statements))
            .group_by(Comparison.statement_id)
        ).all()
    )
    told = abouts(session, [row[0] for row in rows])
    pairing, words = _pairing(session, rows), _last_words(session, ids)
    return [
        _item(
            row, now, last_runs.get(row[0].statement_id), told.get(row[0].id),
            pending=row[0].id in pending, pairing=row[0].id in pairing, last_word=words.get(row[0].id),
        )
        for row in rows
    ]  # fmt: skip


def _pairing(session: Session, rows: Sequence[Any]) -> set[UUID]:
    """Return the breaks of whose line, or whose order alone, a match by hand waits for another person."""
    lines = {row[0].line_id: row[0].id for row in rows if row[0].line_id is not None}
    orders = {row[0].order_id: row[0].id for row in rows if row[0].line_id is None and row[0].order_id is not None}
    which = or_(Pairing.line_id.in_(lines), Pairing.order_id.in_(orders))
    waiting = session.execute(select(Pairing.line_id, Pairing.order_id).where(Pairing.decided_at.is_(None), which))
    return {found for line, order in waiting for found in (lines.get(line), orders.get(order)) if found is not None}


def _last_words(session: Session, ids: Sequence[UUID]) -> dict[UUID, Side]:
    notes = (
        select(BreakEvent.break_id, BreakEvent.side)
        .where(BreakEvent.break_id.in_(ids), BreakEvent.step == Step.NOTE.value)
        .order_by(BreakEvent.at, BreakEvent.id)
    )
    return {one: Side(side) for one, side in session.execute(notes)}  # the later replaces the earlier


def _item(
    row: Any, now: datetime, last_run: datetime | None, about: About | None,
    *, pending: bool, pairing: bool, last_word: Side | None,
) -> Item:  # fmt: skip
    found, line, order, file_name, owner = row
    until = found.resolved_at or now
    days = (local_day(until) - local_day(found.found_at)).days
    is_new = last_run is None or found.found_at >= last_run
    life = Life.RESOLVED if found.resolved_at is not None else Life.NEW if is_new else Life.PERSISTING
    return Item(
        difference_of(found, line, order, about),
        found.partner_id,
        found.statement_id,
        file_name,
        owner,
        days,
        life,
        pending,
        pairing,
        last_word,
    )
