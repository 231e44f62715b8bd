"""The count of what is left of a gift that ends: one person counts, another signs. The database wants two."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, SecondPersonNeeded
from voucher_service.ids import local_day
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.ending.calendar import calendar_on, due_days
from voucher_service.partners.ending.models import EndStep, GiftSignOff, GiftStep
from voucher_service.partners.gifts import fresh
from voucher_service.partners.models import Allocation, AllocationState


def count(session: Session, allocation_id: int, *, actor: str, now: datetime) -> GiftSignOff:
    """Note that a person has counted what is left and told the partner, with what the books say. Idempotent.

    Raises:
        NotFound. Conflict: `gift_not_ending`: it does not end soon, or is not open.
    """
    gift = fresh(session, allocation_id)
    known = session.get(GiftSignOff, allocation_id)
    if known is not None:
        return known
    _check_ending(session, gift, now)
    held = balances(session, allocation_id)
    row = GiftSignOff(
        allocation_id=allocation_id, available=held.get(AccountKind.AVAILABLE, 0),
        reserved=held.get(AccountKind.RESERVED, 0), in_delivery=held.get(AccountKind.IN_DELIVERY, 0),
        counted_by=actor, counted_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def sign(session: Session, allocation_id: int, *, actor: str, now: datetime) -> GiftSignOff:
    """Sign what another person has counted. Idempotent.

    Raises:
        NotFound. SecondPersonNeeded: who counted cannot sign. Conflict: `gift_not_counted`.
    """
    gift = fresh(session, allocation_id)
    row = session.get(GiftSignOff, allocation_id, populate_existing=True)
    if row is None:
        raise Conflict("Personne n’a encore compté ce qui reste : comptez d’abord.", code="gift_not_counted")
    if row.signed_at is not None:
        return row
    if row.counted_by == actor:
        raise SecondPersonNeeded("Vous avez compté : une autre personne doit signer.")
    session.execute(
        update(GiftSignOff)
        .where(GiftSignOff.allocation_id == allocation_id, GiftSignOff.signed_at.is_(None))
        .values(signed_by=actor, signed_at=now)
        .execution_options(synchronize_session=False)
    )
    if session.get(GiftStep, (allocation_id, EndStep.SIGNED_OFF.value)) is None:
        due = due_days(gift.valid_until, calendar_on(session, local_day(now)))[EndStep.REMINDED]
        session.add(
            GiftStep(allocation_id=allocation_id, step=EndStep.SIGNED_OFF.value, due_on=due, noted_at=now, actor=actor)
        )
    session.flush()
    session.refresh(row)
    return row


def _check_ending(session: Session, gift: Allocation, now: datetime) -> None:
    day = local_day(now)
    days = due_days(gift.valid_until, calendar_on(session, day))
    if gift.state != AllocationState.OPEN.value or day < days[EndStep.WARNED]:
        raise Conflict("Cette dotation ne finit pas bientôt, ou n’est pas ouverte.", code="gift_not_ending")
