"""How a gift ends: every unit is delivered, returned to the donor or written off, and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.gifts import fresh
from voucher_service.partners.models import Allocation, AllocationState, GiftNote
from voucher_service.partners.policies import check_range
from voucher_service.texts import clean_text
from voucher_service.units import MAX_QUANTITY, Unit, display

MUST_BE_EMPTY = {
    AccountKind.AVAILABLE: "disponibles",
    AccountKind.RESERVED: "promis par des bons",
    AccountKind.IN_DELIVERY: "en cours de livraison",
}


def return_to_donor(
    session: Session,
    allocation_id: int,
    quantity: int,
    *,
    actor: str,
    reason: str,
    key: str,
    now: datetime,
) -> UUID:
    """Give `quantity`, in the allocation's unit, back to the partner; return the transfer's id.

    `key` (at most 80 characters) makes it happen once; the same call again gets the first answer.

    Raises:
        BadInput: the quantity or the reason. NotFound. KeyReused: the key served for another request.
        Conflict: `allocation_exhausted`: less than that is available; `allocation_not_open`.
    """
    return _leave(
        session,
        _entry(fresh(session, allocation_id), quantity, Reason.RETURNED, f"return:{key}"),
        actor=actor,
        reason=reason,
        now=now,
    )


def write_off(
    session: Session,
    allocation_id: int,
    quantity: int,
    *,
    actor: str,
    reason: str,
    key: str,
    now: datetime,
) -> UUID:
    """Write `quantity` off as lost, in the allocation's unit; return the transfer's id.

    `key` as in `return_to_donor`. Raises: as `return_to_donor`.
    """
    return _leave(
        session,
        _entry(fresh(session, allocation_id), quantity, Reason.WRITTEN_OFF, f"write-off:{key}"),
        actor=actor,
        reason=reason,
        now=now,
    )


def close(session: Session, allocation_id: int, actor: str, now: datetime) -> Allocation:
    """Close an open allocation that holds nothing any more. Idempotent.

    Raises:
        NotFound. Conflict: `allocation_not_open`, or `allocation_not_empty`: says what is left and where.
    """
    allocation = fresh(session, allocation_id)
    if allocation.state == AllocationState.CLOSED.value:
        return allocation
    check_open(allocation)
    # One statement reads all accounts: value that moves between two of them cannot be missed.
    held = balances(session, allocation_id)
    unit = Unit(allocation.unit)
    left = [f"{display(held[kind], unit)} {words}" for kind, words in MUST_BE_EMPTY.items() if held.get(kind)]
    if left:
        raise Conflict(
            "La dotation porte encore {left} : laissez aboutir les bons, puis rendez ou passez en perte le reste.",
            code="allocation_not_empty",
            left=", ".join(left),
        )
    session.execute(
        update(Allocation)
        .where(Allocation.id == allocation_id, Allocation.state == AllocationState.OPEN.value)
        .values(state=AllocationState.CLOSED.value, ended_by=actor, ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return fresh(session, allocation_id)


def _entry(allocation: Allocation, quantity: int, why: Reason, key: str) -> Entry:
    check_range("quantity", quantity, 1, MAX_QUANTITY)
    to = {Reason.RETURNED: AccountKind.RETURNED_TO_DONOR, Reason.WRITTEN_OFF: AccountKind.WRITTEN_OFF}[why]
    return Entry(
        key=key,
        book_id=allocation.id,
        source=AccountKind.AVAILABLE,
        destination=to,
        unit=Unit(allocation.unit),
        quantity=quantity,
        reason=why,
        object_kind="allocation",
        object_id=str(allocation.id),
    )


def _leave(session: Session, entry: Entry, *, actor: str, reason: str, now: datetime) -> UUID:
    words = clean_text(reason, field="reason", least=3, most=200)
    replayed = session.scalar(select(Transfer.id).where(Transfer.key == entry.key)) is not None
    if not replayed:
        check_open(fresh(session, entry.book_id))
    transfer = post(session, [entry], actor=actor, occurred_at=now, now=now)[0]
    if not replayed:
        session.add(GiftNote(transfer_id=transfer, reason=words))
        session.flush()
    return transfer


def check_open(allocation: Allocation) -> None:
    """Raise Conflict (`allocation_not_open`) unless value may leave the allocation."""
    if allocation.state != AllocationState.OPEN.value:
        raise Conflict(
            "Cette dotation n’est pas ouverte : elle attend une approbation, a été refusée ou est close.",
            code="allocation_not_open",
        )
