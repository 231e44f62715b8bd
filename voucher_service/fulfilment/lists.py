"""What screens list of stock and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.articles.models import ArticleLot
from voucher_service.fulfilment.custody_models import StockAct
from voucher_service.fulfilment.decide import PAUSED, REVERSED_CODE
from voucher_service.fulfilment.models import ItemState, Lot, Order, OrderState, StockItem
from voucher_service.fulfilment.waiting import STOCK_EMPTY
from voucher_service.partners.models import Offer, Partner, Route

LOW_STOCK = 50
"""Below this many codes of a product a coordinator is told: about a busy day of one branch."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The codes of one product that can be given out now; `earliest` is the first last day of sale among them."""

    partner_id: UUID
    partner: str
    product_code: str
    in_stock: int
    earliest: date | None

    @property
    def is_low(self) -> bool:
        """Say whether it is time to ask for more."""
        return self.in_stock < LOW_STOCK


def lots_query(*, partner_id: UUID | None = None) -> Select[Lot]:
    """Return the query for lots of codes."""
    query = select(Lot).where(Lot.id.not_in(select(ArticleLot.lot_id)))
    return query if partner_id is None else query.where(Lot.partner_id == partner_id)


def acts_query() -> Select[StockAct]:
    """Return the query for what left stock other than to a person."""
    return select(StockAct)


def codes_by_state(session: Session, lot_ids: Sequence[int]) -> dict[int, dict[ItemState, int]]:
    """Return how many codes of each lot are in each state."""
    found: dict[int, dict[ItemState, int]] = {lot: {} for lot in lot_ids}
    rows = (
        select(StockItem.lot_id, StockItem.state, func.count())
        .where(StockItem.lot_id.in_(lot_ids))
        .group_by(StockItem.lot_id, StockItem.state)
    )
    for lot, state, count in session.execute(rows):
        found[lot][ItemState(state)] = count
    return found


def shelves(session: Session, day: date) -> list[Shelf]:
    """Return every product that an offer takes out of stock, with what is left of it on `day`."""
    rows = select(StockItem.partner_id, StockItem.product_code, func.count(), func.min(StockItem.sell_by)).where(
        StockItem.state == ItemState.IN_STOCK.value, StockItem.sell_by >= day
    )
    left = {
        (partner, product): (count, earliest)
        for partner, product, count, earliest in session.execute(
            rows.group_by(StockItem.partner_id, StockItem.product_code)
        )
    }
    offered = session.execute(
        select(Partner.id, Partner.name, Offer.product_code)
        .join(Offer, Offer.partner_id == Partner.id)
        .where(Offer.route == Route.CODE_STOCK.value)
        .distinct()
        .order_by(Partner.name, Offer.product_code)
    )
    return [
        Shelf(partner, name, product, *left.get((partner, product), (0, None))) for partner, name, product in offered
    ]


def attention() -> ColumnElement[bool]:
    """Return which orders need a person, or may soon: manual, taken back, unknown, or waiting without a code."""
    waits = (Order.state == OrderState.WAITING.value) & Order.outcome_code.in_([STOCK_EMPTY, PAUSED])
    taken_back = (Order.state == OrderState.REVERSED.value) & (Order.outcome_code == REVERSED_CODE)
    open_still = Order.state.in_([OrderState.MANUAL.value, OrderState.UNKNOWN.value, OrderState.REVERSING.value])
    return or_(open_still, taken_back, waits)


def orders_query(*, state: OrderState | None = None, branch_id: int | None = None) -> Select[Order]:
    """Return the query for orders: of one state, or those that need attention."""
    query = select(Order).where(attention() if state is None else Order.state == state.value)
    return query if branch_id is None else query.where(Order.branch_id == branch_id)
