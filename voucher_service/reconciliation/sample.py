"""A sample statement, as the sandbox partner would print it. For the demonstration and for tests only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order, OrderState, StockItem
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.match import own_order
from voucher_service.units import Unit

HEADER = (
    "Ligne", "Référence client", "Identifiant transaction", "Numéro de série", "Quantité", "Unité", "Statut",
    "Date",
)  # fmt: skip
UNIT_WORDS = {
    Unit.EUR_CENT: "EUR", Unit.MEGABYTE: "Mo", Unit.MINUTE: "min", Unit.SMS: "SMS", Unit.PIECE: "pièce",
}  # fmt: skip
STATE_WORDS = {
    OrderState.DELIVERED: "Livré",
    OrderState.UNKNOWN: "Livré",
    OrderState.ACCEPTED: "Livré",
    OrderState.GIVEN_BACK: "Refusé",
    OrderState.REVERSED: "Remboursé",
}


def make_statement_csv(session: Session, partner_id: UUID, first_day: date, last_day: date) -> bytes:
    """Return a faultless CSV statement of the partner's orders on those days (Europe/Paris).

    Orders still unknown or accepted here are printed as delivered on the day they were made: the sandbox
    partner did deliver them, its answer was lost.
    """
    text = io.StringIO(newline="")
    write = csv.writer(text, delimiter=";", lineterminator="\r\n")
    write.writerow(HEADER)
    count = 0
    sums: dict[Unit, int] = {}
    for row in _rows(session, partner_id, first_day, last_day):
        count += 1
        order_id, ref, serial, quantity, unit, state, at = row
        sums[unit] = sums.get(unit, 0) + quantity
        told = STATE_WORDS[state], at.astimezone(PROGRAMME_ZONE).isoformat(sep=" ", timespec="seconds")
        write.writerow((count, order_id, ref or "", serial or "", amount(quantity, unit), UNIT_WORDS[unit], *told))
    total = "".join(amount(quantity, unit) for unit, quantity in sums.items()) if len(sums) == 1 else ""
    write.writerow(("TOTAL", count, total))
    return text.getvalue().encode("utf-8-sig")


def amount(quantity: int, unit: Unit) -> str:
    """Return the quantity as a French partner prints it: euros with a comma, other units whole."""
    return f"{quantity // 100},{quantity % 100:02d}" if unit is Unit.EUR_CENT else str(quantity)


_Row = tuple[UUID, str | None, str | None, int, Unit, OrderState, datetime]


def _rows(session: Session, partner_id: UUID, first_day: date, last_day: date) -> Iterator[_Row]:
    start, end = instants(first_day, last_day)
    at = func.coalesce(Order.final_at, Order.created_at, type_=Order.created_at.type).label("at")
    final = and_(Order.final_at >= start, Order.final_at < end)
    open_ = and_(Order.final_at.is_(None), Order.created_at >= start, Order.created_at < end)
    found = (
        select(Order.id, Order.partner_ref, StockItem.serial, Order.quantity, Order.unit, Order.state, at)
        .join(StockItem, StockItem.order_id == Order.id, isouter=True)
        .where(own_order(partner_id), or_(final, open_), Order.state.in_([s.value for s in STATE_WORDS]))
        .order_by(at, Order.id)
    )
    for order_id, ref, serial, quantity, unit, state, when in session.execute(found):
        yield order_id, ref, serial, quantity, Unit(unit), OrderState(state), when
