"""How long a delivery that no line carries is waited for: a dated policy of each partner, counted in days of its zone.

Midnight lies between two clocks, and partners book late, so what we delivered on the last day of a statement often
stands in the next one. Until the statements have spoken for `days` more days it is awaited, not missing; when they
never come, for `most_days` of the calendar. Both are counted from the day of the delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.partners.models import Partner
from voucher_service.partners.policies import check_range
from voucher_service.reconciliation import days as of_days
from voucher_service.reconciliation.classify import PRIORITIES
from voucher_service.reconciliation.days import zone_of
from voucher_service.reconciliation.intake.models import GracePeriod, StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Comparison, Step
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell

USUAL_DAYS, USUAL_MOST = 1, 35
"""Where nothing was agreed on: the next statement, a month's with the days it takes to come at the latest."""
MOST_DAYS, MOST_WAIT = 31, 92
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def grace_on(session: Session, partner_id: UUID, day: date) -> tuple[int, int]:
    """Return `days` and `most_days` in force on `day`."""
    held = session.scalar(
        select(GracePeriod)
        .where(GracePeriod.partner_id == partner_id, GracePeriod.effective_from <= day)
        .order_by(GracePeriod.effective_from.desc())
        .limit(1)
    )
    return (held.days, held.most_days) if held else (USUAL_DAYS, USUAL_MOST)


def graces(session: Session, partner_id: UUID) -> Sequence[GracePeriod]:
    """Return what was agreed on, newest first."""
    of = select(GracePeriod).where(GracePeriod.partner_id == partner_id)
    return session.scalars(of.order_by(GracePeriod.effective_from.desc())).all()


def set_grace(
    session: Session, *, partner_id: UUID, days: int, most_days: int, effective_from: date, actor: str, today: date,
    now: datetime,
) -> GracePeriod:  # fmt: skip
    """Say, for statements that end on `effective_from` or later, how long what they do not carry is waited for.

    It is never edited: another counts from another day. A longer one begins tomorrow at the earliest, so that it cannot
    be made for a difference that somebody sees today.

    Raises:
        NotFound. BadInput: `days`, `most_days`, `effective_from`.
        Conflict: `already_in_force`: one was set for that day.
    """
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    check_range("days", days, 0, MOST_DAYS)
    check_range("most_days", most_days, days, MOST_WAIT)
    held = grace_on(session, partner_id, today)
    is_longer = days > held[0] or most_days > held[1]
    if effective_from < today or (effective_from == today and is_longer):
        raise BadInput(
            "Un délai plus long ne vaut qu’à partir de demain, et aucun ne vaut pour le passé.", field="effective_from"
        )
    if session.get(GracePeriod, (partner_id, effective_from)) is not None:
        raise Conflict(
            "Un délai est déjà fixé pour ce jour : il ne se corrige pas, choisissez un autre jour.",
            code="already_in_force",
        )
    row = GracePeriod(
        partner_id=partner_id, effective_from=effective_from, days=days, most_days=most_days, set_by=actor, set_at=now
    )
    session.add(row)
    session.flush()
    return row


def awaited_since(session: Session, statement: Statement, now: datetime) -> datetime:
    """Return the instant from which on a delivery of the statement's days is awaited; before it, it is missing."""
    days, most_days = grace_on(session, statement.partner_id, statement.last_day)
    if not days:
        return _NEVER
    zone = zone_of(statement)
    spoken = _spoken_until(session, statement, days) - timedelta(days=days - 1)
    first = max(spoken, now.astimezone(zone).date() - timedelta(days=most_days))
    return of_days.instants(first, first, zone)[0]


def _spoken_until(session: Session, statement: Statement, days: int) -> date:
    """Return the last day up to which, from this statement on, compared statements speak for every day."""
    last = statement.last_day
    followers = session.execute(
        select(Statement.first_day, Statement.last_day)
        .where(Statement.partner_id == statement.partner_id, Statement.last_day > last)
        .where(Statement.first_day <= last + timedelta(days=days))
        .where(~exists().where(StatementReading.replaces_id == Statement.id))
        .where(exists().where(Comparison.statement_id == Statement.id))
        .order_by(Statement.first_day)
    )
    for first_day, last_day in followers:
        if first_day <= last + timedelta(days=1):
            last = max(last, last_day)
    return last


def rise(session: Session, partner_id: UUID, now: datetime) -> list[UUID]:
    """Make what was awaited long enough missing, under the same id; return those breaks."""
    awaited = (
        Break.partner_id == partner_id,
        Break.kind == BreakClass.AWAITED_AT_PARTNER.value,
        Break.resolved_at.is_(None),
    )
    risen: list[UUID] = []
    for statement_id in session.scalars(select(Break.statement_id).where(*awaited).distinct()).all():
        since = awaited_since(session, session.get_one(Statement, statement_id), now)
        kind = BreakClass.MISSING_AT_PARTNER
        risen += session.scalars(
            update(Break)
            .where(*awaited, Break.statement_id == statement_id)
            .where(exists().where(Order.id == Break.order_id, Order.final_at < since))
            .values(kind=kind.value, priority=PRIORITIES[kind])
            .returning(Break.id)
            .execution_options(synchronize_session=False)
        )
    was, became = BreakClass.AWAITED_AT_PARTNER.value, BreakClass.MISSING_AT_PARTNER.value
    write_events(session, [event_row(one, Step.CLASS, now, was=was, became=became) for one in risen])
    return risen


def follow_awaited(session: Session, now: datetime) -> int:
    """Do so for every partner, when no statement comes; return how many rose. Run by the clock; idempotent."""
    waiting = select(Break.partner_id).where(
        Break.kind == BreakClass.AWAITED_AT_PARTNER.value, Break.resolved_at.is_(None)
    )
    count = 0
    for partner_id in session.scalars(waiting.distinct()).all():
        risen = rise(session, partner_id, now)
        if risen:
            statement_id = session.scalars(select(Break.statement_id).where(Break.id == risen[0])).one()
            assert statement_id is not None, "it was found by a statement"
            tell(session, partner_id, Event.DIFFERENCES_CHANGED, {"statement_id": statement_id}, now=now)
        count += len(risen)
    return count
