"""Our side of a line that sums up a day: how many top-ups of ours it stands for, and what they come to. Read only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order
from voucher_service.reconciliation.match import claimed, own_order
from voucher_service.reconciliation.models import Break, LineClaim, StatedSum
from voucher_service.reconciliation.sums import stands_for
from voucher_service.reconciliation.work.worklist import Item


@dataclass(frozen=True, slots=True)
class Together:
    """Top-ups of ours: how many, and the sum of their pieces."""

    number: int
    quantity: int


def together(session: Session, item: Item) -> Together | None:
    """Return our side of the line: what it claimed, and what no line has claimed. None for a line of one top-up."""
    theirs = item.difference.theirs
    if theirs is None or theirs.sums_up is None:
        return None
    line_id = select(Break.line_id).where(Break.id == item.difference.id).scalar_subquery()
    its_own = select(LineClaim.order_id).where(LineClaim.summed_by == line_id)
    free = and_(own_order(item.partner_id), ~claimed())
    count, quantity = session.execute(
        select(func.count(), func.coalesce(func.sum(Order.quantity), 0))
        .select_from(StatedSum)
        .join(Order, stands_for())
        .where(StatedSum.line_id == line_id, or_(free, Order.id.in_(its_own)))
    ).one()
    return Together(count, int(quantity))
