"""Where each gift stands around its last day, and what comes next. Days are those of the branches, never 24 hours.

J-30 warned · J-15 the last day of issuing (or another, by a dated rule) · J-7 counted by one person, signed by another
· J+1 ended · J+30 what is left only goes back or is written off · J+37 the agreed statement is due
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput
from voucher_service.ids import local_day
from voucher_service.partners.ending.models import USUAL_STOP, EndCalendar, EndStep, GiftSignOff, GiftStep
from voucher_service.partners.models import Agreement, Allocation, AllocationState
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell

CLOCK = "clock"
_FIRST = date(1, 1, 1)


def usual() -> EndCalendar:
    """Return the calendar where no rule was set."""
    return EndCalendar(
        effective_from=_FIRST, warn_days=30, stop_days=USUAL_STOP, remind_days=7, tolerance_days=30, statement_days=37
    )


def calendar_on(session: Session, day: date) -> EndCalendar:
    """Return the calendar in force on `day`."""
    found = session.scalar(
        select(EndCalendar)
        .where(EndCalendar.effective_from <= day)
        .order_by(EndCalendar.effective_from.desc())
        .limit(1)
    )
    return found or usual()


def set_stop(session: Session, *, stop_days: int, effective_from: date, today: date) -> EndCalendar:
    """Say from a day on how many days before its end nothing is issued from a gift any more; the rest stays.

    Raises:
        BadInput: the number is out of its range, or the day is past.
    """
    held = calendar_on(session, effective_from)
    if not 0 <= stop_days <= held.warn_days:
        raise BadInput("Entre 0 et {most} jours avant la fin.", field="stop_days", most=held.warn_days)
    if effective_from <= today:
        raise BadInput("Une règle de fin s’applique à partir de demain au plus tôt.", field="effective_from")
    row = EndCalendar(
        effective_from=effective_from, warn_days=held.warn_days, stop_days=stop_days, remind_days=held.remind_days,
        tolerance_days=held.tolerance_days, statement_days=held.statement_days,
    )  # fmt: skip
    kept = session.merge(row)
    session.flush()
    return kept


def due_days(last: date, rule: EndCalendar) -> dict[EndStep, date]:
    """Return the first day of each step of a gift whose last day is `last`."""
    after = {
        EndStep.WARNED: -rule.warn_days,
        EndStep.STOPPED: 1 - rule.stop_days,
        EndStep.REMINDED: -rule.remind_days,
        EndStep.ENDED: 1,
        EndStep.TOLERATED: rule.tolerance_days,
        EndStep.STATEMENT_DUE: rule.statement_days,
    }
    return {step: last + timedelta(days=days) for step, days in after.items()}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a gift stands: the steps reached, the last of them, and the next with its day."""

    allocation: Allocation
    days: dict[EndStep, date]
    reached: frozenset[EndStep]
    sign_off: GiftSignOff | None
    next_step: EndStep | None

    @property
    def last_reached(self) -> EndStep | None:
        """Return the latest step of the clock that was reached."""
        done = [step for step in self.days if step in self.reached]
        return max(done, key=lambda step: self.days[step]) if done else None


def standings(session: Session, day: date, *, within: int = 45) -> list[Standing]:
    """Return the open gifts that are over or end within so many days, the soonest first."""
    rule = calendar_on(session, day)
    until = day + timedelta(days=within)
    gifts = session.scalars(
        select(Allocation)
        .where(Allocation.state == AllocationState.OPEN.value, Allocation.valid_until <= until)
        .order_by(Allocation.valid_until, Allocation.id)
    ).all()
    counted = session.scalars(select(GiftSignOff).where(GiftSignOff.allocation_id.in_([gift.id for gift in gifts])))
    signed = {row.allocation_id: row for row in counted}
    return [_standing(gift, rule, day, signed.get(gift.id)) for gift in gifts]


def _standing(gift: Allocation, rule: EndCalendar, day: date, signed: GiftSignOff | None) -> Standing:
    days = due_days(gift.valid_until, rule)
    reached = frozenset(step for step, first in days.items() if first <= day)
    ahead = [step for step in days if step not in reached]
    return Standing(gift, days, reached, signed, min(ahead, key=lambda step: days[step]) if ahead else None)


def turn(session: Session, now: datetime) -> list[tuple[int, EndStep]]:
    """Note each step that has fallen due, once, and tell the partner; return what was noted. Run by the clock.

    When several fell due since the last turn, all are noted and the partner is told once.

    Raises:
        IntegrityError: another worker noted it just now: `Database.run` asks again.
    """
    day = local_day(now)
    noted: list[tuple[int, EndStep]] = []
    for one in standings(session, day, within=366):
        known = set(session.scalars(select(GiftStep.step).where(GiftStep.allocation_id == one.allocation.id)))
        due = [step for step in one.days if step in one.reached and step.value not in known]
        due.sort(key=lambda step: one.days[step])
        session.add_all(
            GiftStep(allocation_id=one.allocation.id, step=step.value, due_on=one.days[step], noted_at=now, actor=CLOCK)
            for step in due
        )
        session.flush()
        if due:
            _tell(session, one.allocation, now)
        noted += [(one.allocation.id, step) for step in due]
    return noted


def _tell(session: Session, gift: Allocation, now: datetime) -> None:
    partner_id = session.scalars(select(Agreement.partner_id).where(Agreement.id == gift.agreement_id)).one()
    tell(session, partner_id, Event.ALLOCATION_ENDING, {"allocation_id": gift.id}, now=now)


def steps_of(session: Session, allocation_id: int) -> Sequence[GiftStep]:
    """Return the steps that were noted, in order."""
    return session.scalars(
        select(GiftStep).where(GiftStep.allocation_id == allocation_id).order_by(GiftStep.noted_at, GiftStep.due_on)
    ).all()
