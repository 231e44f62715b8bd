"""Giving value back to the donor, or writing it off: one person proposes, another agrees, always."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, NotFound, SecondPersonNeeded
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.ending.models import GiftLeaving, LeaveWay
from voucher_service.partners.endings import check_open, return_to_donor, write_off
from voucher_service.partners.gifts import fresh
from voucher_service.partners.policies import check_range
from voucher_service.partners.two_people import decide
from voucher_service.texts import clean_text
from voucher_service.units import MAX_QUANTITY


def propose(
    session: Session,
    allocation_id: int,
    quantity: int,
    *,
    way: LeaveWay,
    actor: str,
    reason: str,
    leaving_id: UUID,
    now: datetime,
) -> GiftLeaving:
    """Propose that `quantity`, in the gift's unit, leaves it; the same `leaving_id` again gets the first answer.

    Raises:
        BadInput: the quantity or the reason. NotFound. Conflict: `allocation_not_open`, `leaving_pending`,
            `allocation_exhausted`.
    """
    known = session.get(GiftLeaving, leaving_id)
    if known is not None:
        return known
    check_open(fresh(session, allocation_id))
    check_range("quantity", quantity, 1, MAX_QUANTITY)
    words = clean_text(reason, field="reason", least=3, most=200)
    # Of two at once the database refuses one, which then runs again and finds the other here.
    if pending_of(session, allocation_id) is not None:
        raise Conflict("Une proposition attend déjà pour cette dotation.", code="leaving_pending")
    if balances(session, allocation_id).get(AccountKind.AVAILABLE, 0) < quantity:
        raise Conflict("Il ne reste pas autant sur cette dotation.", code="allocation_exhausted")
    made = GiftLeaving(
        id=leaving_id, allocation_id=allocation_id, way=way.value, quantity=quantity, reason=words, proposed_by=actor,
        proposed_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def agree(session: Session, leaving_id: UUID, *, actor: str, now: datetime) -> GiftLeaving:
    """Agree, and book. The same person agreeing again gets the same answer.

    Raises:
        NotFound. SecondPersonNeeded. Conflict: `leaving_decided`; `allocation_exhausted`; `allocation_not_open`.
    """
    made = _fresh(session, leaving_id)
    if made.agreed == 1 and made.decided_by == actor:
        return made
    if made.proposed_by == actor:
        raise SecondPersonNeeded("Vous l’avez proposé : une autre personne doit donner son accord.")
    if made.decided_at is not None:
        raise _decided()
    book = return_to_donor if made.way == LeaveWay.RETURN.value else write_off
    transfer_id = book(
        session, made.allocation_id, made.quantity, actor=actor, reason=made.reason, key=str(made.id), now=now
    )
    if not decide(session, made, agreed=1, actor=actor, now=now, transfer_id=transfer_id):
        raise _decided()
    return made


def withdraw(session: Session, leaving_id: UUID, *, actor: str, now: datetime) -> GiftLeaving:
    """Take a proposal back, one's own or another's. Raises NotFound, Conflict: `leaving_decided`."""
    made = _fresh(session, leaving_id)
    if not decide(session, made, agreed=0, actor=actor, now=now):
        raise _decided()
    return made


def leavings(session: Session, allocation_id: int) -> Sequence[GiftLeaving]:
    """Return what was proposed for a gift, oldest first."""
    of = select(GiftLeaving).where(GiftLeaving.allocation_id == allocation_id)
    return session.scalars(of.order_by(GiftLeaving.proposed_at, GiftLeaving.id)).all()


def pending_of(session: Session, allocation_id: int) -> GiftLeaving | None:
    """Return the proposal that waits for a second person."""
    return session.scalar(
        select(GiftLeaving).where(GiftLeaving.allocation_id == allocation_id, GiftLeaving.decided_at.is_(None))
    )


def _fresh(session: Session, leaving_id: UUID) -> GiftLeaving:
    made = session.get(GiftLeaving, leaving_id, populate_existing=True)
    if made is None:
        raise NotFound("Cette proposition n’existe pas : revenez à la liste.")
    return made


def _decided() -> Conflict:
    return Conflict("Cette proposition est déjà décidée : rechargez la page.", code="leaving_decided")
