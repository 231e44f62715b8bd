"""What became of each gift of a partner, from the transfers alone. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.ledger.balances import balances_of
from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.units import Unit


@dataclass(frozen=True, slots=True)
class AllocationReport:
    """What became of one gift, in its unit. All but `received` are balances of its book."""

    id: int
    label: str
    unit: Unit
    valid_from: date
    valid_until: date
    state: str
    received: int
    available: int
    reserved: int
    in_delivery: int
    delivered: int
    returned: int
    written_off: int
    variance: int

    settled: int
    """The part of `variance` that was agreed on: a tolerance used, the partner's balance taken."""

    @property
    def holds(self) -> bool:
        """Say whether received = available + reserved + in delivery + delivered + returned + written off + settled.

        What else lies in variance is a late delivery that nobody has decided on yet.
        """
        left = self.available + self.reserved + self.in_delivery
        gone = self.delivered + self.returned + self.written_off + self.settled
        return self.variance == self.settled and self.received == left + gone


def allocation_report(session: Session, partner_id: UUID) -> list[AllocationReport]:
    """Return what became of each gift of the partner, oldest first, from the transfers alone."""
    return reports(session, session.scalars(_of(partner_id)).all())


def allocation_page(session: Session, partner_id: UUID, page: int, size: int) -> tuple[list[AllocationReport], int]:
    """Return one page of that report, counted from 1, and how many gifts there are."""
    total = session.scalar(select(func.count()).select_from(_of(partner_id).order_by(None).subquery())) or 0
    found = session.scalars(_of(partner_id).limit(size).offset((page - 1) * size)).all()
    return reports(session, found), total


def _of(partner_id: UUID) -> Select[Allocation]:
    return (
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Agreement.partner_id == partner_id)
        .order_by(Allocation.valid_from, Allocation.id)
    )


def reports(session: Session, gifts: Sequence[Allocation]) -> list[AllocationReport]:
    """Return what became of these gifts, in their order."""
    ids = [gift.id for gift in gifts]
    held, settled = balances_of(session, ids), _settled(session, ids)
    result = []
    for gift in gifts:
        book = held.get(gift.id, {})
        result.append(
            AllocationReport(
                id=gift.id,
                label=gift.label,
                unit=Unit(gift.unit),
                valid_from=gift.valid_from,
                valid_until=gift.valid_until,
                state=gift.state,
                received=-book.get(AccountKind.DONOR, 0),
                available=book.get(AccountKind.AVAILABLE, 0),
                reserved=book.get(AccountKind.RESERVED, 0),
                in_delivery=book.get(AccountKind.IN_DELIVERY, 0),
                delivered=book.get(AccountKind.DELIVERED, 0),
                returned=book.get(AccountKind.RETURNED_TO_DONOR, 0),
                written_off=book.get(AccountKind.WRITTEN_OFF, 0),
                variance=book.get(AccountKind.VARIANCE, 0),
                settled=settled.get(gift.id, 0),
            )
        )
    return result


def _settled(session: Session, gifts: list[int]) -> dict[int, int]:
    """Return what settlements of differences have put into the variance account of each gift, and not taken out."""
    accounts = {gift * 100 + int(AccountKind.VARIANCE): gift for gift in gifts}
    found = dict.fromkeys(gifts, 0)
    for side, sign in ((Transfer.destination_id, 1), (Transfer.source_id, -1)):
        moved = (
            select(side, func.sum(Transfer.quantity))
            .where(side.in_(accounts), Transfer.object_kind == "break")
            .group_by(side)
        )
        for account, quantity in session.execute(moved):
            found[accounts[account]] += sign * int(quantity)
    return found
