"""What our books say is left of a gift at an instant of the partner's day. From the transfers alone, read only.

The instant is that of the world: a delivery counts when it happened, whenever we wrote it. Three things are counted
where they belong, else no month would ever come out even:

    a booking that settles a difference     with the line, the order or the balance it settles
    what corrects a late delivery           with that delivery
    a delivery on both sides of midnight    with the partner's line that claims it (`around_midnight`)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from voucher_service.fulfilment.models import Order
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.seal.models import Leaf
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.models import Break, BreakSubject, LineClaim, StatementLine
from voucher_service.reconciliation.work.models import Settlement


@dataclass(frozen=True, slots=True)
class Position:
    """A gift up to an instant, in its unit.

    closing = granted - delivered + reversed - expired - returned - unexplained

    `expired` is what was written off. `around_midnight`: how much the partner's lines moved over the instant.
    """

    granted: int = 0
    delivered: int = 0
    reversed: int = 0
    expired: int = 0
    returned: int = 0
    unexplained: int = 0
    around_midnight: int = 0

    @property
    def closing(self) -> int:
        """Return what is left."""
        gone = self.delivered - self.reversed + self.expired + self.returned + self.unexplained
        return self.granted - gone


def position(session: Session, gift_id: int, until: datetime, *, size: int | None = None) -> Position:
    """Return the gift as it stood at `until`; with `size`, by the first so many leaves of the sealed log only."""
    sums: dict[tuple[int, int], int] = {}
    for query in (_plain(gift_id, until), _corrections(gift_id, until)):
        for source, destination, quantity in session.execute(_sealed(query, size)):
            way = (source % 100, destination % 100)
            sums[way] = sums.get(way, 0) + int(quantity or 0)
    moved = int(session.scalar(_sealed(_straddling(gift_id, until), size)) or 0)
    return _position(sums, moved)


def _position(sums: dict[tuple[int, int], int], moved: int) -> Position:
    def into(kind: AccountKind) -> int:
        return sum(quantity for (_, to), quantity in sums.items() if to == kind)

    def out_of(kind: AccountKind) -> int:
        return sum(quantity for (source, _), quantity in sums.items() if source == kind)

    return Position(
        granted=out_of(AccountKind.DONOR) - into(AccountKind.DONOR),
        delivered=into(AccountKind.DELIVERED) + moved,
        reversed=out_of(AccountKind.DELIVERED),
        expired=into(AccountKind.WRITTEN_OFF) - out_of(AccountKind.WRITTEN_OFF),
        returned=into(AccountKind.RETURNED_TO_DONOR) - out_of(AccountKind.RETURNED_TO_DONOR),
        unexplained=into(AccountKind.VARIANCE) - out_of(AccountKind.VARIANCE),
        around_midnight=moved,
    )


def _sealed(query: Select[Any], size: int | None) -> Select[Any]:
    if size is None:
        return query
    return query.join(Leaf, Leaf.transfer_id == Transfer.id).where(Leaf.number < size)


def _of_gift(gift_id: int) -> ColumnElement[bool]:
    return Transfer.source_id.between(gift_id * 100, gift_id * 100 + 99)


def _grouped(columns: Iterable[ColumnElement[Any]] = ()) -> Select[Any]:
    ends = (Transfer.source_id, Transfer.destination_id)
    return select(*ends, func.sum(Transfer.quantity), *columns).select_from(Transfer).group_by(*ends)


def _is_correction() -> ColumnElement[bool]:
    return or_(Transfer.object_kind == "break", Transfer.reason == Reason.CORRECTED.value)


def _plain(gift_id: int, until: datetime) -> Select[Any]:
    return _grouped().where(_of_gift(gift_id), Transfer.occurred_at < until, ~_is_correction())


def _corrections(gift_id: int, until: datetime) -> Select[Any]:
    late = aliased(Transfer)
    of_late = (
        select(func.min(late.occurred_at))
        .where(late.object_id == Transfer.object_id, late.reason == Reason.LATE_DELIVERY.value)
        .correlate(Transfer)
        .scalar_subquery()
    )
    belongs = func.coalesce(StatementLine.event_at, Order.final_at, Break.found_at, of_late, Transfer.occurred_at)
    counts = case((DeclaredBalance.id.is_not(None), DeclaredBalance.until_at <= until), else_=belongs < until)
    return (
        _grouped()
        .join(Settlement, Settlement.transfer_id == Transfer.id, isouter=True)
        .join(Break, Break.id == Settlement.break_id, isouter=True)
        .join(StatementLine, StatementLine.id == Break.line_id, isouter=True)
        .join(Order, and_(Order.id == Break.order_id, Break.line_id.is_(None)), isouter=True)
        .join(BreakSubject, BreakSubject.break_id == Break.id, isouter=True)
        .join(DeclaredBalance, DeclaredBalance.id == BreakSubject.balance_id, isouter=True)
        .where(_of_gift(gift_id), _is_correction(), counts)
    )


def _straddling(gift_id: int, until: datetime) -> Select[Any]:
    """The sum of deliveries that the partner's lines date before the instant and we after it, less the others."""
    ours, theirs = Transfer.occurred_at < until, StatementLine.event_at < until
    return (
        select(func.sum(case((theirs, Transfer.quantity), else_=-Transfer.quantity)))
        .select_from(Transfer)
        .join(Order, Order.hold_id == Transfer.resolves_id)
        .join(LineClaim, LineClaim.order_id == Order.id)
        .join(StatementLine, StatementLine.id == func.coalesce(LineClaim.summed_by, LineClaim.line_id))
        .where(
            Transfer.source_id == gift_id * 100 + int(AccountKind.IN_DELIVERY),
            Transfer.destination_id == gift_id * 100 + int(AccountKind.DELIVERED),
            StatementLine.status == "delivered",
            or_(and_(ours, ~theirs), and_(theirs, ~ours)),
        )
    )
