"""What the partner's pages show: statements, lines, and differences. Read only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.reconciliation.explain import About, Difference, Ours, Theirs
from voucher_service.reconciliation.intake.models import ReaderProfile
from voucher_service.reconciliation.intake.sequence import reading_of, replaced_by
from voucher_service.reconciliation.models import Break, BreakClass, Statement, StatementLine, lines_of
from voucher_service.reconciliation.run import Figures, breaks_of, figures
from voucher_service.reconciliation.subjects import abouts
from voucher_service.units import Unit

PAGE = 50


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement without its bytes, and its figures as the tables stand: none that count once it is replaced.

    `number` is the partner's own, `edition` above 1 says that it replaces one; `version` is that of its profile.
    """

    id: UUID
    file_name: str
    first_day: date
    last_day: date
    uploaded_by: str
    uploaded_at: datetime
    figures: Figures
    number: int | None
    edition: int
    version: int | None
    replaced_by: UUID | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a statement with the order it claimed or the class of its break."""

    line: int
    our_ref: str | None
    partner_ref: str | None
    serial: str | None
    unit: Unit
    quantity: int
    status: str
    event_at: datetime
    order_id: UUID | None
    matched_by: str | None
    kind: BreakClass | None
    resolved: bool
    sums_up: int | None


def statement_of(session: Session, partner_id: UUID, statement_id: UUID) -> Statement:
    """Return the partner's statement. Raises NotFound when it is another's, or does not exist."""
    found = session.scalar(select(Statement).where(Statement.id == statement_id, Statement.partner_id == partner_id))
    if found is None:
        raise NotFound("Ce relevé n’existe pas : revenez à la liste.")
    return found


def statements(session: Session, partner_id: UUID, *, page: int = 1) -> tuple[list[StatementRow], int]:
    """Return one page of the partner's statements, newest first, and how many there are."""
    mine = Statement.partner_id == partner_id
    total = session.scalar(select(func.count()).select_from(Statement).where(mine)) or 0
    rows = session.scalars(
        select(Statement)
        .where(mine)
        .order_by(Statement.uploaded_at.desc(), Statement.id.desc())
        .limit(PAGE)
        .offset((max(page, 1) - 1) * PAGE)
    )
    return [row_of(session, statement) for statement in rows], total


def row_of(session: Session, s: Statement) -> StatementRow:
    """Return a statement with its figures as the tables stand."""
    newer, reading = replaced_by(session, s.id), reading_of(session, s.id)
    profile = session.get(ReaderProfile, reading.profile_id) if reading and reading.profile_id else None
    return StatementRow(
        id=s.id,
        file_name=s.file_name,
        first_day=s.first_day,
        last_day=s.last_day,
        uploaded_by=s.uploaded_by,
        uploaded_at=s.uploaded_at,
        figures=figures(session, s) if newer is None else Figures(s.line_count, 0, 0, {}, 0, 0, {}, {}),
        number=reading.series_no if reading else None,
        edition=reading.edition if reading else 1,
        version=profile.version if profile else None,
        replaced_by=newer,
    )


def lines(
    session: Session, statement: Statement, *, kind: BreakClass | None = None, page: int = 1
) -> tuple[list[LineRow], int]:
    """Return one page of lines in the file's order, all or those of one class, and how many there are."""
    found = (
        select(StatementLine, Break.kind, Break.resolved_at.is_not(None))
        .join(Break, Break.line_id == StatementLine.id, isouter=True)
        .where(lines_of(statement.number))
    )
    if kind is not None:
        found = found.where(Break.kind == kind.value)
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    page_of = found.order_by(StatementLine.id).limit(PAGE).offset((max(page, 1) - 1) * PAGE)
    return [
        LineRow(
            line.line, line.our_ref, line.partner_ref, line.serial, Unit(line.unit), line.quantity,
            line.status, line.event_at, line.order_id, line.matched_by,
            BreakClass(name) if name else None, bool(resolved), line.sums_up,
        )
        for line, name, resolved in session.execute(page_of)
    ], total  # fmt: skip


def differences(
    session: Session,
    statement: Statement,
    *,
    kind: BreakClass | None = None,
    resolved: bool | None = None,
    page: int = 1,
) -> tuple[list[Difference], int]:
    """Return one page of differences, most urgent first, and how many there are."""
    found = _differences(statement, kind=kind, resolved=resolved)
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    return list(_read(session, found.limit(PAGE).offset((max(page, 1) - 1) * PAGE))), total


def all_differences(session: Session, statement: Statement) -> Iterator[Difference]:
    """Yield every difference of the statement, for the export."""
    return _read(session, _differences(statement))


def _differences(
    statement: Statement, *, kind: BreakClass | None = None, resolved: bool | None = None
) -> Select[Break, StatementLine, Order]:
    found = (
        select(Break, StatementLine, Order)
        .join(StatementLine, StatementLine.id == Break.line_id, isouter=True)
        .join(Order, Order.id == Break.order_id, isouter=True)
        .where(breaks_of(statement))
        .order_by(Break.priority, StatementLine.id, Break.id)
    )
    if kind is not None:
        found = found.where(Break.kind == kind.value)
    if resolved is not None:
        found = found.where(Break.resolved_at.is_not(None) if resolved else Break.resolved_at.is_(None))
    return found


def _read(session: Session, found: Select[Break, StatementLine, Order]) -> Iterator[Difference]:
    for rows in session.execute(found).partitions(500):
        about = abouts(session, [item for item, _, _ in rows])
        for item, line, order in rows:
            yield difference_of(item, line, order, about.get(item.id))


def difference_of(
    item: Break, line: StatementLine | None, order: Order | None, about: About | None = None
) -> Difference:
    """Return the break with both sides."""
    return Difference(
        id=item.id,
        kind=BreakClass(item.kind),
        priority=item.priority,
        quantity=item.quantity,
        unit=Unit(item.unit),
        found_at=item.found_at,
        resolved_at=item.resolved_at,
        resolved_by=item.resolved_by,
        note=item.note,
        theirs=None if line is None else _theirs(line),
        ours=None if order is None else _ours(order),
        about=about,
    )


def _theirs(line: StatementLine) -> Theirs:
    return Theirs(
        line=line.line,
        our_ref=line.our_ref,
        partner_ref=line.partner_ref,
        serial=line.serial,
        status=line.status,
        quantity=line.quantity,
        unit=Unit(line.unit),
        at=line.event_at,
        product=line.product,
        ordered=line.ordered,
        sums_up=line.sums_up,
        tail=line.tail,
        cost=line.cost,
    )


def _ours(order: Order) -> Ours:
    return Ours(
        order_id=order.id,
        partner_ref=order.partner_ref,
        state=order.state,
        quantity=order.quantity,
        unit=Unit(order.unit),
        at=order.final_at or order.created_at,
    )
