"""Rows for reconciliation: a partner, a gift and orders in any state, with the transfers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from voucher_service.db import Base
from voucher_service.fulfilment.models import ItemState, Lot, Order, OrderState, StockItem
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind, BookKind, Reason, Transfer, account_id
from voucher_service.ledger.post import Entry, open_book, post
from voucher_service.partners.models import Agreement, Allocation, Campaign, Offer, Partner
from voucher_service.staff.models import Branch
from voucher_service.units import Unit
from voucher_service.vouchers.models import SigningKey, Voucher

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
PAST_HOLD = (OrderState.DELIVERED, OrderState.REVERSED)


@dataclass(frozen=True, slots=True)
class World:
    """One partner with one gift."""

    partner_id: UUID
    book_id: int
    branch_id: int
    campaign_id: UUID
    offer_id: UUID
    offer_code: int
    unit: Unit


def make_world(session: Session, name: str = "Opérateur A", unit: Unit = Unit.EUR_CENT) -> World:
    """Make a partner, its agreement, a gift of ten million of `unit`, an offer, a campaign and a branch."""
    number = len(session.scalars(select(Partner.id)).all()) + 1
    partner = Partner(id=new_id(), name=name, created_at=NOON)
    agreement = Agreement(
        id=new_id(),
        partner_id=partner.id,
        reference=f"C-{number}",
        signed_on=DAY,
        valid_from=DAY,
        valid_until=date(2027, 12, 31),
    )
    campaign = Campaign(id=new_id(), name=f"Campagne {name}", starts_on=DAY, ends_on=date(2027, 12, 31), paused=False)
    offer = Offer(
        id=new_id(),
        code=number,
        partner_id=partner.id,
        name_fr="Recharge",
        name_en="Top-up",
        unit=unit.value,
        route="sandbox",
        product_code="R10",
    )
    session.add_all([partner, campaign])
    session.flush()
    session.add_all([agreement, offer])
    session.flush()
    book = open_book(session, kind=BookKind.ALLOCATION, unit=unit, now=NOON)
    till = open_book(session, kind=BookKind.TILL, unit=Unit.EUR_CENT, now=NOON)
    branch = Branch(name=f"Antenne {name}", city="Lyon", address="1 rue", hours="9-17", till_book_id=till)
    allocation = Allocation(
        id=book,
        agreement_id=agreement.id,
        label=f"Don de {name}",
        unit=unit.value,
        quantity=10**12,
        valid_from=DAY,
        valid_until=date(2027, 12, 31),
        state="open",
        needs_second_person=0,
        created_by="anne",
        created_at=NOON,
    )
    session.add_all([branch, allocation])
    _signing_key(session)
    session.flush()
    gift = Entry(
        key=f"gift:{book}",
        book_id=book,
        source=AccountKind.DONOR,
        destination=AccountKind.AVAILABLE,
        unit=unit,
        quantity=10**12,
        reason=Reason.RECEIVED,
        object_kind="allocation",
        object_id=str(book),
    )
    post(session, [gift], actor="anne", occurred_at=NOON, now=NOON)
    return World(partner.id, book, branch.id, campaign.id, offer.id, number, unit)


def _signing_key(session: Session) -> None:
    if session.get(SigningKey, (1, 1)) is None:
        session.add(
            SigningKey(
                organisation=1,
                key_id=1,
                algorithm="ed25519",
                public_key=bytes(32),
                private_sealed=b"x",
                status="active",
                next_serial=0,
                created_at=NOON,
                status_at=NOON,
            )
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to make. `at` is when it became final, or was made while it is open."""

    state: OrderState = OrderState.DELIVERED
    quantity: int = 1000
    at: datetime = NOON
    partner_ref: str | None = None
    outcome_code: str | None = None


def add_orders(session: Session, world: World, wanted: Sequence[Wanted]) -> list[UUID]:
    """Make redeemed vouchers with their orders, in any state, and the transfers that led there."""
    ids = [new_id() for _ in wanted]
    transfers: list[dict[str, object]] = []
    vouchers: list[dict[str, object]] = []
    orders: list[dict[str, object]] = []
    for order_id, want in zip(ids, wanted, strict=True):
        reservation = _transfer(world, want, f"issue:{order_id}", ("AVAILABLE", "RESERVED"))
        hold = _transfer(world, want, f"redeem:{order_id}", ("RESERVED", "IN_DELIVERY"), reservation["id"])
        voucher = _voucher(world, want, reservation["id"])
        transfers += [reservation, hold]
        vouchers.append(voucher)
        orders.append(_order(world, want, order_id, voucher, hold))
        if want.state in PAST_HOLD:
            transfers.append(_transfer(world, want, f"deliver:{order_id}", ("IN_DELIVERY", "DELIVERED"), hold["id"]))
        late = want.state is OrderState.MANUAL and want.outcome_code == "late_delivery"
        if want.state is OrderState.GIVEN_BACK or late:
            transfers.append(_transfer(world, want, f"giveback:{order_id}", ("IN_DELIVERY", "RESERVED"), hold["id"]))
    for table, rows in ((Transfer, transfers), (Voucher, vouchers), (Order, orders)):
        for start in range(0, len(rows), 5_000):
            # Through the table: rows with and without empty cells alternate.
            session.execute(insert(Base.metadata.tables[table.__tablename__]), rows[start : start + 5_000])
    return ids


def _transfer(
    world: World, want: Wanted, key: str, move: tuple[str, str], resolves: object = None
) -> dict[str, object]:
    return {
        "id": new_id(),
        "key": key,
        "request_hash": bytes(32),
        "unit": world.unit.value,
        "quantity": want.quantity,
        "source_id": account_id(world.book_id, AccountKind[move[0]]),
        "destination_id": account_id(world.book_id, AccountKind[move[1]]),
        "reason": "redeemed",
        "object_kind": "order",
        "object_id": key.partition(":")[2],
        "actor": "anne",
        "occurred_at": want.at,
        "recorded_at": want.at,
        "resolves_id": resolves,
        "corrects_id": None,
    }


def _voucher(world: World, want: Wanted, reservation: object) -> dict[str, object]:
    voucher = new_id()
    return {
        "id": voucher,
        "organisation": 1,
        "key_id": 1,
        "serial": voucher.int & (2**62 - 1),
        "nonce": 1,
        "typed_lookup": voucher.bytes * 2,
        "campaign_id": world.campaign_id,
        "offer_id": world.offer_id,
        "offer_code": world.offer_code,
        "allocation_id": world.book_id,
        "batch_id": None,
        "person_id": None,
        "branch_id": world.branch_id,
        "unit": world.unit.value,
        "quantity": want.quantity,
        "face_value_cents": 1000,
        "price_cents": 0,
        "last_day": date(2027, 1, 1),
        "state": "redeemed",
        "reservation_id": reservation,
        "replaces_id": None,
        "issued_by": "anne",
        "issued_at": want.at,
        "redeemed_key": voucher,
        "redeemed_at": want.at,
        "redeemed_branch_id": world.branch_id,
        "ended_at": None,
    }


def _order(
    world: World, want: Wanted, order_id: UUID, voucher: dict[str, object], hold: dict[str, object]
) -> dict[str, object]:
    final = want.state in {*PAST_HOLD, OrderState.GIVEN_BACK}
    return {
        "id": order_id,
        "voucher_id": voucher["id"],
        "reservation_id": voucher["reservation_id"],
        "hold_id": hold["id"],
        "allocation_id": world.book_id,
        "branch_id": world.branch_id,
        "unit": world.unit.value,
        "quantity": want.quantity,
        "state": want.state.value,
        "created_at": want.at - timedelta(minutes=5),
        "due_at": None,
        "tries": 1,
        "queries": 0,
        "partner_ref": want.partner_ref,
        "outcome_code": want.outcome_code,
        "final_at": want.at if final else None,
    }


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
    session.flush()


def random_instant(random: Random, day: date = DAY, days: int = 5) -> datetime:
    """Return an instant between 06:00 and 18:00 UTC on one of the days from `day` on."""
    start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    return start + timedelta(days=random.randrange(days), seconds=random.randrange(12 * 3600))
