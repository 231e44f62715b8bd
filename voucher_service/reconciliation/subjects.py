"""Breaks that belong to no line and no order: a balance that differs, numbers that no statement has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.ids import new_id
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.classify import PRIORITIES
from voucher_service.reconciliation.explain import About
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, BreakSubject
from voucher_service.units import Unit


def open_about(
    session: Session,
    kind: BreakClass,
    *,
    partner_id: UUID,
    statement_id: UUID | None,
    now: datetime,
    quantity: int = 0,
    unit: Unit = Unit.PIECE,
    balance_id: UUID | None = None,
    gap_before: int | None = None,
) -> UUID:
    """Open a break about one of the two and return its id. Raises IntegrityError where one is there already."""
    found = Break(
        id=new_id(), partner_id=partner_id, statement_id=statement_id, kind=kind.value, priority=PRIORITIES[kind],
        quantity=quantity, unit=unit.value, found_at=now,
    )  # fmt: skip
    session.add(found)
    session.flush()
    about = BreakSubject(break_id=found.id, partner_id=partner_id, balance_id=balance_id, gap_before=gap_before)
    session.add(about)
    session.flush()
    return found.id


def abouts(session: Session, breaks: Iterable[Break]) -> dict[UUID, About]:
    """Return what each break without line and order is about, in words and figures."""
    bare = {one.id: one for one in breaks if one.line_id is None and one.order_id is None}
    if not bare:
        return {}
    rows: Sequence[Any] = session.execute(
        select(BreakSubject, DeclaredBalance, Allocation.label)
        .join(DeclaredBalance, DeclaredBalance.id == BreakSubject.balance_id, isouter=True)
        .join(Allocation, Allocation.id == DeclaredBalance.allocation_id, isouter=True)
        .where(BreakSubject.break_id.in_(bare))
    ).all()
    found = {}
    for subject, balance, label in rows:
        if balance is None:
            found[subject.break_id] = About(numbers=_numbers(session, subject))
        else:
            ours = balance.closing - bare[subject.break_id].quantity
            found[subject.break_id] = About(gift=label, as_of=balance.as_of, declared=balance.closing, ours=ours)
    return found


def _numbers(session: Session, subject: BreakSubject) -> str:
    """Return the numbers that lack before one that is there, as 12 or 12 – 14."""
    assert subject.gap_before is not None, "it is about a gap"
    before = session.scalar(
        select(func.max(StatementReading.series_no)).where(
            StatementReading.partner_id == subject.partner_id, StatementReading.series_no < subject.gap_before
        )
    )
    first, last = (before or 0) + 1, subject.gap_before - 1
    # What came since fills the gap; the break then is closed, and tells of the last number that it was about.
    return f"{min(first, last)}" if first >= last else f"{first} – {last}"
