"""What a partner says is left of a gift, against the books: a residual is a break until it is explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session, aliased

from voucher_service.errors import N_
from voucher_service.reconciliation.balances.books import position
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.balances.tolerance import use_on_balance
from voucher_service.reconciliation.breaks import gone
from voucher_service.reconciliation.closing.models import is_closed, touches
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, BreakSubject
from voucher_service.reconciliation.subjects import open_about
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Step
from voucher_service.units import Unit

AGREES = N_("Le solde de l’opérateur et nos livres sont d’accord.")
CORRECTED = N_("L’opérateur a corrigé ce solde.")


def current(
    session: Session, partner_id: UUID, first_day: date | None = None, last_day: date | None = None
) -> Sequence[DeclaredBalance]:
    """Return the balances that count: the newest edition of each, those of replaced statements left out."""
    newer = aliased(DeclaredBalance)
    replaced = exists().where(StatementReading.replaces_id == DeclaredBalance.statement_id)
    newer_replaced = exists().where(StatementReading.replaces_id == newer.statement_id)
    has_newer = exists().where(
        newer.allocation_id == DeclaredBalance.allocation_id, newer.as_of == DeclaredBalance.as_of,
        newer.edition > DeclaredBalance.edition, ~newer_replaced,
    )  # fmt: skip
    found = select(DeclaredBalance).where(DeclaredBalance.partner_id == partner_id, ~replaced, ~has_newer)
    if first_day is not None:
        found = found.where(DeclaredBalance.as_of >= first_day)
    if last_day is not None:
        found = found.where(DeclaredBalance.as_of <= last_day)
    return session.scalars(found.order_by(DeclaredBalance.as_of, DeclaredBalance.allocation_id)).all()


def residual(session: Session, balance: DeclaredBalance, *, size: int | None = None) -> int:
    """Return theirs minus ours, in the gift's unit: anything but zero must be explained."""
    return balance.closing - position(session, balance.allocation_id, balance.until_at, size=size).closing


def refresh(session: Session, balance: DeclaredBalance, now: datetime) -> int:
    """Bring the balance's break to what holds now and return the residual, less what the tolerance covers.

    In a closed month nothing moves.
    """
    left = residual(session, balance)
    if is_closed(session, balance.partner_id, touches(balance.as_of, balance.as_of)):
        return left
    found = session.scalar(
        select(Break)
        .join(BreakSubject, BreakSubject.break_id == Break.id)
        .where(BreakSubject.balance_id == balance.id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        if left:
            open_about(
                session, BreakClass.BALANCE_DIFFERS, partner_id=balance.partner_id, statement_id=balance.statement_id,
                now=now, quantity=left, unit=Unit(balance.unit), balance_id=balance.id,
            )  # fmt: skip
    elif not left:
        gone(session, Break.id == found.id, true(), now, note=AGREES)
    elif found.resolved_at is not None or found.quantity != left:
        _stands(session, found, left, now)
    return 0 if left and use_on_balance(session, balance, now) else left


def _stands(session: Session, found: Break, left: int, now: datetime) -> None:
    """Open the break (again) at the residual there is; what was booked for it stays booked."""
    step = Step.RETURNED if found.resolved_at is not None else Step.CLASS
    found.quantity, found.resolved_at, found.resolved_by = left, None, None
    session.flush()
    write_events(session, [event_row(found.id, step, now, was=found.kind, became=found.kind)])


def refresh_partner(session: Session, partner_id: UUID, now: datetime) -> None:
    """Hold every balance of the partner that no closed month covers against the books again."""
    counting = current(session, partner_id)
    for balance in counting:
        if not is_closed(session, partner_id, touches(balance.as_of, balance.as_of)):
            refresh(session, balance, now)
    # Where a booking was undone whose balance was corrected meanwhile, its break must not come back.
    still_open = session.scalars(
        select(BreakSubject.balance_id)
        .join(Break, Break.id == BreakSubject.break_id)
        .where(Break.partner_id == partner_id, Break.resolved_at.is_(None), BreakSubject.balance_id.is_not(None))
    )
    past = set(still_open) - {balance.id for balance in counting}
    let_go(session, [one for one in past if one is not None], now)


def follow_balances(session: Session, now: datetime) -> None:
    """Do so for every partner. Run by the clock; idempotent."""
    for partner_id in session.scalars(select(DeclaredBalance.partner_id).distinct()).all():
        refresh_partner(session, partner_id, now)


def let_go(session: Session, balance_ids: Sequence[UUID], now: datetime, note: str = CORRECTED) -> None:
    """Close the breaks of balances that no longer count."""
    of = select(BreakSubject.break_id).where(BreakSubject.balance_id.in_(balance_ids))
    gone(session, Break.id.in_(of), true(), now, note=note)


def balance_of(session: Session, break_id: UUID) -> DeclaredBalance | None:
    """Return the balance that a break is about."""
    return session.scalar(
        select(DeclaredBalance)
        .join(BreakSubject, BreakSubject.balance_id == DeclaredBalance.id)
        .where(BreakSubject.break_id == break_id)
    )
