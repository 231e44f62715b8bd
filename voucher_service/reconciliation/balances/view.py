"""What the pages and the API show of balances: each gift at the end of a day, as both sides see it. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voucher_service.partners.models import Agreement, Allocation, AllocationState
from voucher_service.reconciliation.balances.books import Position, position
from voucher_service.reconciliation.balances.compare import current
from voucher_service.reconciliation.balances.declare import zone_of
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.days import instants
from voucher_service.units import Unit


@dataclass(frozen=True, slots=True)
class Side:
    """What happened to a gift since the first of the month, and what is left, as one side sees it; None: not said."""

    opening: int | None
    granted: int | None
    delivered: int | None
    reversed: int | None
    expired: int | None
    returned: int | None
    closing: int


@dataclass(frozen=True, slots=True)
class Row:
    """A gift at the end of `as_of`. `unexplained` is what our books hold as such, `said` the partner's side."""

    gift: int
    label: str
    unit: Unit
    as_of: date
    ours: Side
    unexplained: int
    around_midnight: int
    said: Side | None
    edition: int
    in_statement: bool

    @property
    def residual(self) -> int | None:
        """Return theirs minus ours; None where the partner says nothing."""
        return None if self.said is None else self.said.closing - self.ours.closing


def rows(session: Session, partner_id: UUID, as_of: date, chosen: Sequence[Allocation] | None = None) -> list[Row]:
    """Return the partner's gifts, or those chosen, that had begun by the end of that day of its zone, oldest first."""
    zone = zone_of(session, partner_id)
    start, _ = instants(as_of.replace(day=1), as_of, zone)
    said = {one.allocation_id: one for one in current(session, partner_id, as_of, as_of)}
    found = []
    for gift in gifts(session, partner_id) if chosen is None else chosen:
        declared = said.get(gift.id)
        until = declared.until_at if declared else instants(as_of, as_of, zone)[1]
        after = position(session, gift.id, until)
        if after.granted or declared:
            found.append(_row(gift, as_of, position(session, gift.id, start), after, declared))
    return found


def gifts(session: Session, partner_id: UUID) -> Sequence[Allocation]:
    """Return the partner's gifts that were ever open, oldest first."""
    return session.scalars(_gifts(partner_id)).all()


def gifts_page(session: Session, partner_id: UUID, page: int, size: int) -> tuple[Sequence[Allocation], bool]:
    """Return one page of those gifts, counted from 1, and whether there are more."""
    found = session.scalars(_gifts(partner_id).limit(size + 1).offset((page - 1) * size)).all()
    return found[:size], len(found) > size


def _gifts(partner_id: UUID) -> Select[Allocation]:
    return (
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Agreement.partner_id == partner_id)
        .where(Allocation.state.in_([AllocationState.OPEN.value, AllocationState.CLOSED.value]))
        .order_by(Allocation.valid_from, Allocation.id)
    )


def last_month_end(today: date) -> date:
    """Return the last day of the month before."""
    return today.replace(day=1) - timedelta(days=1)


def _row(gift: Allocation, as_of: date, before: Position, after: Position, said: DeclaredBalance | None) -> Row:
    ours = Side(
        before.closing, after.granted - before.granted, after.delivered - before.delivered,
        after.reversed - before.reversed, after.expired - before.expired, after.returned - before.returned,
        after.closing,
    )  # fmt: skip
    theirs = None
    if said is not None:
        theirs = Side(
            said.opening, said.granted, said.delivered, said.reversed, said.expired, said.returned, said.closing
        )
    return Row(
        gift.id, gift.label, Unit(gift.unit), as_of, ours, after.unexplained - before.unexplained,
        after.around_midnight, theirs, said.edition if said else 0, said is not None and said.line is not None,
    )  # fmt: skip
