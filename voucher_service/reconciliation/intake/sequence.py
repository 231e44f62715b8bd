"""The numbers of a partner's statements, and statements that replace others."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, true, update
from sqlalchemy.orm import Session, aliased

from voucher_service.errors import BadInput, Conflict
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.breaks import SYSTEM, gone
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, BreakSubject, LineClaim, Statement
from voucher_service.reconciliation.subjects import open_about
from voucher_service.reconciliation.work.models import Pairing

REPLACED = "Le relevé qui portait cette ligne est remplacé par un relevé corrigé."
FILLED = "Le relevé qui manquait est arrivé."
_MOST_SHOWN = 50


def reading_of(session: Session, statement_id: UUID) -> StatementReading | None:
    """Return how a statement was read; None for those of before this was kept."""
    return session.get(StatementReading, statement_id)


def replaced_by(session: Session, statement_id: UUID) -> UUID | None:
    """Return the statement that replaces this one."""
    return session.scalar(select(StatementReading.statement_id).where(StatementReading.replaces_id == statement_id))


def missing_numbers(session: Session, partner_id: UUID) -> list[int]:
    """Return the numbers between the first statement and the last that no statement has, at most fifty."""
    held = select(StatementReading.series_no).where(
        StatementReading.partner_id == partner_id, StatementReading.series_no.is_not(None)
    )
    numbers = sorted({number for number in session.scalars(held) if number is not None})
    gaps: list[int] = []
    for before, after in pairwise(numbers):
        gaps.extend(range(before + 1, min(after, before + 1 + _MOST_SHOWN - len(gaps))))
    return gaps


def follow_gaps(session: Session, statement: Statement, now: datetime) -> None:
    """Open a break for each gap in the numbers that the statement left, and close those that it filled.

    A gap is known by the number that stands after it. Once it was decided on, it is not opened again.
    """
    partner_id = statement.partner_id
    held = select(StatementReading.series_no).where(
        StatementReading.partner_id == partner_id, StatementReading.series_no.is_not(None)
    )
    numbers = sorted({number for number in session.scalars(held) if number is not None})
    gaps = {after for before, after in pairwise(numbers) if after > before + 1}
    rows = select(BreakSubject.gap_before, BreakSubject.break_id).where(
        BreakSubject.partner_id == partner_id, BreakSubject.gap_before.is_not(None)
    )
    known = {after: break_id for after, break_id in session.execute(rows) if after is not None}
    filled = [break_id for after, break_id in known.items() if after not in gaps]
    if filled:
        gone(session, Break.id.in_(filled), true(), now, note=FILLED)
    for after in sorted(gaps - known.keys()):
        open_about(
            session, BreakClass.STATEMENT_MISSING, partner_id=partner_id, statement_id=statement.id, now=now,
            gap_before=after,
        )  # fmt: skip


def gaps_of(session: Session, partner_id: UUID, first_day: date, last_day: date) -> int:
    """Return how many open gaps may hide a statement of these days: they lie between what stands on both sides."""
    before, after = aliased(Statement), aliased(Statement)
    near, far = aliased(StatementReading), aliased(StatementReading)
    last_before = (
        select(func.max(StatementReading.series_no))
        .where(StatementReading.partner_id == partner_id, StatementReading.series_no < BreakSubject.gap_before)
        .correlate(BreakSubject)
        .scalar_subquery()
    )
    found = (
        select(func.count(BreakSubject.break_id.distinct()))
        .join(Break, Break.id == BreakSubject.break_id)
        .join(far, and_(far.partner_id == partner_id, far.series_no == BreakSubject.gap_before))
        .join(after, after.id == far.statement_id)
        .join(near, and_(near.partner_id == partner_id, near.series_no == last_before))
        .join(before, before.id == near.statement_id)
        .where(BreakSubject.partner_id == partner_id, Break.resolved_at.is_(None))
        .where(before.last_day < last_day, after.first_day >= first_day)
    )
    return session.scalar(found) or 0


def replaceable(session: Session, partner_id: UUID) -> list[Statement]:
    """Return the statements a new one may replace, newest first: not replaced yet, in no closed month."""
    newer = exists().where(StatementReading.replaces_id == Statement.id)
    found = (
        select(Statement)
        .where(Statement.partner_id == partner_id, ~newer, ~_closed())
        .order_by(Statement.uploaded_at.desc(), Statement.id.desc())
        .limit(_MOST_SHOWN)
    )
    return list(session.scalars(found))


def _closed() -> ColumnElement[bool]:
    return exists().where(
        and_(
            PeriodClose.partner_id == Statement.partner_id,
            PeriodClose.agreed_at.is_not(None),
            PeriodClose.first_day <= Statement.last_day,
            PeriodClose.last_day >= Statement.first_day,
        )
    )


def edition_of(
    session: Session, *, partner_id: UUID, number: int | None, replaces: UUID | None
) -> tuple[int | None, int, Statement | None]:
    """Return number and edition of a statement to come, and the statement it replaces.

    Raises:
        Conflict: `statement_number_taken`: the number stands already, and this replaces nothing.
            `statement_replaced`: what it would replace is replaced. `period_closed`: it lies in a closed month.
        BadInput: it replaces a statement of another number, or one that does not exist.
    """
    if number is not None and not 1 <= number <= 999_999_999:
        raise BadInput("Écrivez un numéro de relevé, à partir de 1.", field="number")
    if replaces is None:
        taken = select(StatementReading.statement_id).where(
            StatementReading.partner_id == partner_id, StatementReading.series_no == number
        )
        if number is not None and session.scalar(taken.limit(1)) is not None:
            raise Conflict(
                "Le relevé n° {number} existe déjà : si celui-ci le corrige, dites qu’il le remplace.",
                code="statement_number_taken",
                number=number,
            )
        return number, 1, None
    old = session.get(Statement, replaces)
    if old is None or old.partner_id != partner_id:
        raise BadInput("Choisissez dans la liste le relevé que celui-ci remplace.", field="replaces")
    if replaced_by(session, replaces) is not None:
        raise Conflict("Ce relevé est déjà remplacé : choisissez le plus récent.", code="statement_replaced")
    if session.scalar(select(Statement.id).where(Statement.id == replaces, _closed())) is not None:
        raise Conflict("Le mois de ce relevé est clos : rien n’y bouge plus.", code="period_closed")
    reading = reading_of(session, replaces)
    before = reading.series_no if reading else None
    if number is not None and before is not None and number != before:
        raise BadInput("Il remplace le relevé n° {before} : il porte le même numéro.", field="number", before=before)
    return before or number, (reading.edition if reading else 1) + 1, old


def release(session: Session, old: Statement, now: datetime) -> None:
    """Let go of what the lines of a replaced statement claimed, and close their differences; the file stays."""
    first = old.number << 32
    lines = (first, first + 2**32 - 1)
    session.execute(delete(LineClaim).where(LineClaim.line_id.between(*lines)))
    session.execute(
        update(Pairing)
        .where(Pairing.line_id.between(*lines), Pairing.agreed == 1, Pairing.undone_at.is_(None))
        .values(undone_at=now, undone_by=SYSTEM, undone_note=REPLACED)
        .execution_options(synchronize_session=False)
    )
    gone(session, Break.line_id.between(*lines), true(), now, note=REPLACED)
    declared = select(BreakSubject.break_id).join(DeclaredBalance, DeclaredBalance.id == BreakSubject.balance_id)
    gone(session, Break.id.in_(declared.where(DeclaredBalance.statement_id == old.id)), true(), now, note=REPLACED)


def last_number(session: Session, partner_id: UUID) -> int | None:
    """Return the highest number a statement of the partner has."""
    return session.scalar(select(func.max(StatementReading.series_no)).where(StatementReading.partner_id == partner_id))
