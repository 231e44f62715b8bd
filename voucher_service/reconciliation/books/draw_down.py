"""Which gift paid for which vouchers, forward and back, and whether earmarks were respected. Read only.

A partner reads counts, quantities, and each top-up under the names it knows: our reference, its serial. The
numbers printed on vouchers are for the coordination only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order, StockItem
from voucher_service.ids import local_day
from voucher_service.partners.earmarks import earmarks_of
from voucher_service.partners.models import Agreement, Allocation, Earmark, EarmarkKind
from voucher_service.reconciliation.export import csv_line
from voucher_service.staff.models import Branch
from voucher_service.units import Unit
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher, VoucherState

VOUCHERS = ("dotation", "nom", "bon", "etat", "quantite", "unite", "emis_le", "dernier_jour", "utilise_le", "ville")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOP_UPS = ("dotation", "nom", "reference", "serie", "etat", "quantite", "unite", "date")


@dataclass(frozen=True, slots=True)
class Share:
    """The vouchers of one gift in one state: how many, and what they add up to in the gift's unit."""

    state: VoucherState
    count: int
    quantity: int


@dataclass(frozen=True, slots=True)
class DrawDown:
    """What one gift paid for. `outside` are its vouchers issued elsewhere than its earmarks allow: none should be."""

    allocation: Allocation
    unit: Unit
    marks: list[tuple[EarmarkKind, str]]
    shares: list[Share]
    outside: int

    @property
    def count(self) -> int:
        """Return how many vouchers the gift paid for."""
        return sum(share.count for share in self.shares)


@dataclass(frozen=True, slots=True)
class Given:
    """One top-up that the gift paid for, as the partner knows it: our reference, and the serial of its code."""

    reference: UUID
    serial: str | None
    state: str
    quantity: int
    on: date


def gift_of(session: Session, partner_id: UUID, allocation_id: int) -> Allocation:
    """Return the partner's gift. Raises NotFound when it is another's, or does not exist."""
    found = session.scalar(
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Allocation.id == allocation_id, Agreement.partner_id == partner_id)
    )
    if found is None:
        raise NotFound("Cette dotation n’existe pas, ou n’est pas la vôtre.")
    return found


def draw_down(session: Session, allocation: Allocation) -> DrawDown:
    """Return what the gift paid for, from the vouchers themselves."""
    rows = session.execute(
        select(Voucher.state, func.count(), func.sum(Voucher.quantity))
        .where(Voucher.allocation_id == allocation.id)
        .group_by(Voucher.state)
    ).all()
    counted = {VoucherState(state): (count, int(quantity)) for state, count, quantity in rows}
    return DrawDown(
        allocation,
        Unit(allocation.unit),
        earmarks_of(session, allocation.id),
        [Share(state, *counted[state]) for state in VoucherState if state in counted],
        session.scalar(select(func.count()).select_from(outside_earmarks(allocation.id).subquery())) or 0,
    )


def outside_earmarks(allocation_id: int | None = None) -> Select[UUID, int]:
    """Return the query for vouchers that an earmarked gift paid for although their branch is not named by it."""
    fits = or_(
        and_(Earmark.kind == EarmarkKind.BRANCH.value, Earmark.value == cast(Voucher.branch_id, String(20))),
        and_(Earmark.kind == EarmarkKind.CITY.value, Earmark.value == Branch.city),
    )
    mine = Earmark.allocation_id == Voucher.allocation_id
    query = (
        select(Voucher.id, Voucher.allocation_id)
        .join(Branch, Branch.id == Voucher.branch_id, isouter=True)
        .where(exists().where(mine), ~exists().where(mine, fits))
    )
    return query if allocation_id is None else query.where(Voucher.allocation_id == allocation_id)


def orders_query(allocation_id: int) -> Select[Order]:
    """Return the query for the top-ups that the gift paid for."""
    return select(Order).where(Order.allocation_id == allocation_id)


def given(session: Session, orders: Sequence[Order]) -> list[Given]:
    """Return what a partner may read of each top-up."""
    ids = [one.id for one in orders]
    found = session.execute(select(StockItem.order_id, StockItem.serial).where(StockItem.order_id.in_(ids)))
    serials = {order: serial for order, serial in found if order is not None}
    return [
        Given(one.id, serials.get(one.id), one.state, one.quantity, local_day(one.final_at or one.created_at))
        for one in orders
    ]


def giver_of(session: Session, partner_id: UUID, reference: str) -> tuple[Allocation, Given]:
    """Return the partner's gift that paid for the top-up with this reference of ours or this serial of theirs.

    Raises:
        NotFound: there is no such top-up, or another partner paid for it.
    """
    wanted = reference.strip()
    which = Order.id == UUID(wanted) if _UUID.fullmatch(wanted.lower()) else StockItem.serial == wanted
    order = session.scalar(
        select(Order)
        .join(StockItem, StockItem.order_id == Order.id, isouter=True)
        .join(Allocation, Allocation.id == Order.allocation_id)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(which, Agreement.partner_id == partner_id)
        .limit(1)
    )
    if order is None:
        raise NotFound("Aucune recharge payée par vos dotations ne porte cette référence.")
    return session.get_one(Allocation, order.allocation_id), given(session, [order])[0]


def vouchers_csv(session: Session, allocation: Allocation) -> Iterator[str]:
    """Yield the gift's vouchers as CSV lines, for the coordination: `;`, UTF-8 with byte-order mark."""
    cities = {branch.id: branch.city for branch in session.scalars(select(Branch))}
    yield "\ufeff" + csv_line(VOUCHERS)
    query = select(Voucher).where(Voucher.allocation_id == allocation.id).order_by(Voucher.id)
    for part in session.scalars(query).partitions(500):
        for one in part:
            yield csv_line(
                (allocation.id, allocation.label, reference_of(one), one.state, one.quantity, one.unit,
                 local_day(one.issued_at).isoformat(), one.last_day.isoformat(),
                 one.redeemed_at and local_day(one.redeemed_at).isoformat(),
                 cities.get(one.redeemed_branch_id or one.branch_id or 0, ""))
            )  # fmt: skip


def top_ups_csv(session: Session, allocation: Allocation) -> Iterator[str]:
    """Yield the gift's top-ups as CSV lines, for the partner; quantities in whole numbers of the smallest piece."""
    yield "\ufeff" + csv_line(TOP_UPS)
    for part in session.scalars(orders_query(allocation.id).order_by(Order.id)).partitions(500):
        for one in given(session, part):
            yield csv_line(
                (allocation.id, allocation.label, one.reference, one.serial, one.state, one.quantity,
                 allocation.unit, one.on.isoformat())
            )  # fmt: skip
