"""What keeps a gift from being called ended: its count, what is left of it, and the agreed statement of its last month.

Where the partner has no account there is nobody to agree to a statement: then none is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict
from voucher_service.ids import local_day
from voucher_service.ledger.balances import Balances, balances
from voucher_service.partners import endings
from voucher_service.partners.ending.calendar import calendar_on, due_days
from voucher_service.partners.ending.models import EndStep, GiftSignOff
from voucher_service.partners.gifts import fresh
from voucher_service.partners.models import Agreement, Allocation, AllocationState
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.staff.models import Staff


class Held(StrEnum):
    """What is still to be done."""

    COUNT = "count"  # one person counts what is left
    SIGN = "sign"  # another signs
    LEFT = "left"  # deliveries end, the rest goes back or is written off
    PROPOSE = "propose"  # the statement of its last month is proposed
    AGREE = "agree"  # the partner agrees to it


@dataclass(frozen=True, slots=True)
class Hold:
    """One of them: until which day it is to be done, by whom (an actor; None: the partner).

    `close_id` is the statement that waits for the partner, `month` the month it is about.
    """

    what: Held
    due_on: date
    is_overdue: bool
    responsible: str | None
    month: date
    close_id: UUID | None = None


def holds(session: Session, gift: Allocation, day: date) -> list[Hold]:
    """Return what keeps an open gift from being called ended on `day`; nothing before its calendar begins."""
    days = due_days(gift.valid_until, calendar_on(session, day))
    if gift.state != AllocationState.OPEN.value or day < days[EndStep.WARNED]:
        return []
    month, signed = gift.valid_until.replace(day=1), session.get(GiftSignOff, gift.id)
    who = signed.counted_by if signed else gift.created_by
    found: list[Hold] = []

    def hold(what: Held, step: EndStep, responsible: str | None, close_id: UUID | None = None) -> None:
        found.append(Hold(what, days[step], day > days[step], responsible, month, close_id))

    if signed is None or signed.signed_at is None:
        hold(Held.SIGN if signed else Held.COUNT, EndStep.REMINDED, who)
    if day < days[EndStep.ENDED]:
        return found
    if left_of(session, gift.id):
        hold(Held.LEFT, EndStep.TOLERATED, who)
    partner_id = session.scalars(select(Agreement.partner_id).where(Agreement.id == gift.agreement_id)).one()
    close = _close(session, partner_id, month)
    if (close is None or close.agreed_at is None) and has_account(session, partner_id):
        if close is None:
            hold(Held.PROPOSE, EndStep.STATEMENT_DUE, who)
        else:
            hold(Held.AGREE, EndStep.STATEMENT_DUE, None, close.id)
    return found


def left_of(session: Session, allocation_id: int) -> Balances:
    """Return what the gift still holds: available, promised or under way."""
    held = balances(session, allocation_id)
    return {kind: held[kind] for kind in endings.MUST_BE_EMPTY if held.get(kind)}


def has_account(session: Session, partner_id: UUID) -> bool:
    """Say whether somebody of the partner can sign in and agree."""
    return bool(session.scalar(select(exists().where(Staff.partner_id == partner_id, Staff.active))))


def _close(session: Session, partner_id: UUID, month: date) -> PeriodClose | None:
    return session.scalar(
        select(PeriodClose).where(PeriodClose.partner_id == partner_id, PeriodClose.first_day == month)
    )


def is_tolerance_over(session: Session, gift: Allocation, day: date) -> bool:
    """Say whether the month for late lines is over: what is left only goes back to the donor, or is written off."""
    return day > due_days(gift.valid_until, calendar_on(session, day))[EndStep.TOLERATED]


def close(session: Session, allocation_id: int, actor: str, now: datetime) -> Allocation:
    """Call a gift ended. Idempotent.

    Raises:
        NotFound. Conflict: as `endings.close`; `gift_not_signed`: two people have not counted what is left;
            `gift_statement_missing`: the statement of its last month is not agreed to.
    """
    gift = fresh(session, allocation_id)
    found = {one.what for one in holds(session, gift, local_day(now))}
    if found & {Held.COUNT, Held.SIGN}:
        raise Conflict(
            "Une personne compte ce qui reste, une autre signe ; ensuite la dotation peut être close.",
            code="gift_not_signed",
        )
    if Held.LEFT not in found and found & {Held.PROPOSE, Held.AGREE}:
        raise Conflict(
            "L’état de {month:%m/%Y}, le dernier mois de la dotation, n’est pas approuvé par l’opérateur.",
            code="gift_statement_missing",
            month=gift.valid_until,
        )
    return endings.close(session, allocation_id, actor, now)


def holds_of(session: Session, gifts: Sequence[Allocation], day: date) -> dict[int, list[Hold]]:
    """Return the holds of several gifts, by their number."""
    return {gift.id: holds(session, gift, day) for gift in gifts}
