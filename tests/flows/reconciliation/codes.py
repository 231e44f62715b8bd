"""A lot of one recharge code, with what the books say of it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import NOON, World
from voucher_service.fulfilment.models import ItemState, Lot, StockItem
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind, BookKind, Reason
from voucher_service.ledger.post import Entry, open_book, post
from voucher_service.units import Unit


def add_code(session: Session, world: World, serial: str, state: ItemState, order_id: UUID | None = None) -> None:
    """Make a lot of one recharge code."""
    book = open_book(session, kind=BookKind.LOT, unit=Unit.PIECE, now=NOON)
    lot = Lot(
        id=book,
        partner_id=world.partner_id,
        name=f"Lot {serial}",
        file_name="lot.csv",
        file_sha256=new_id().bytes * 2,
        wrapped_key=b"x",
        quantity=1,
        imported_by="anne",
        imported_at=NOON,
    )
    session.add(lot)
    session.flush()
    item = StockItem(
        id=new_id(),
        lot_id=book,
        partner_id=world.partner_id,
        product_code="R10",
        serial=serial,
        pin_sealed=b"x",
        face_value_cents=1000,
        sell_by=date(2027, 1, 1),
        state=state.value,
        order_id=order_id,
        held_at=NOON if order_id else None,
        revealed_at=NOON if state is ItemState.REVEALED else None,
    )
    session.add(item)
    moves = [(Reason.RECEIVED, AccountKind.DONOR, AccountKind.AVAILABLE)]
    if state in {ItemState.HELD, ItemState.REVEALED}:  # a held code has left what is available
        moves.append((Reason.DELIVERED, AccountKind.AVAILABLE, AccountKind.DELIVERED))
    entries = [
        Entry(
            key=f"{reason}:{serial}",
            book_id=book,
            source=source,
            destination=destination,
            unit=Unit.PIECE,
            quantity=1,
            reason=reason,
            object_kind="lot",
            object_id=str(book),
        )
        for reason, source, destination in moves
    ]
    post(session, entries, actor="anne", occurred_at=NOON, now=NOON)
    session.flush()
