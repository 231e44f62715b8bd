"""Rows for reconciliation: a partner, a gift and orders in any state, the books moved through the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from tests.programme import MASTER
from voucher_service.crypto import Vault
from voucher_service.db import Base
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind, BookKind, Reason
from voucher_service.ledger.post import Entry, open_book, post
from voucher_service.partners.models import Agreement, Allocation, Campaign, Offer, Partner
from voucher_service.reconciliation.grace import USUAL_MOST
from voucher_service.reconciliation.intake.models import GracePeriod
from voucher_service.staff.models import Branch
from voucher_service.units import Unit
from voucher_service.vouchers.models import SigningKey, Voucher

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
LAST = date(2027, 12, 31)
AMPLE = 10**12
VAULT = Vault(MASTER)
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


def make_world(
    session: Session, name: str = "Opérateur A", unit: Unit = Unit.EUR_CENT, *, grace: int | None = 0
) -> World:
    """Make a partner, its agreement, an ample gift of `unit`, an offer, a campaign and a branch.

    `grace`: the partner's delay in days, by a rule of its own; None: what holds where none was set.
    """
    number = len(session.scalars(select(Partner.id)).all()) + 1
    partner = Partner(id=new_id(), name=name, created_at=NOON)
    campaign = Campaign(id=new_id(), name=f"Campagne {name}", starts_on=DAY, ends_on=LAST, paused=False)
    session.add_all([partner, campaign])
    session.flush()
    if grace is not None:
        session.add(
            GracePeriod(
                partner_id=partner.id, effective_from=date(2026, 1, 1), days=grace, most_days=max(grace, USUAL_MOST),
                set_by="anne", set_at=NOON,
            )
        )  # fmt: skip
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
    till = open_book(session, kind=BookKind.TILL, unit=Unit.EUR_CENT, now=NOON)
    branch = Branch(name=f"Antenne {name}", city="Lyon", address="1 rue", hours="9-17", till_book_id=till)
    session.add_all([offer, branch])
    _signing_key(session)
    book = add_gift(session, partner, number, unit)
    return World(partner.id, book, branch.id, campaign.id, offer.id, number, unit)


def add_gift(session: Session, partner: Partner, number: int, unit: Unit) -> int:
    """Give the partner an ample gift of `unit` under an agreement of its own."""
    agreement = Agreement(
        id=new_id(),
        partner_id=partner.id,
        reference=f"C-{number}",
        signed_on=DAY,
        valid_from=DAY,
        valid_until=LAST,
    )
    session.add(agreement)
    session.flush()
    book = open_book(session, kind=BookKind.ALLOCATION, unit=unit, now=NOON)
    allocation = Allocation(
        id=book,
        agreement_id=agreement.id,
        label=f"Don de {partner.name}",
        unit=unit.value,
        quantity=AMPLE,
        valid_from=DAY,
        valid_until=LAST,
        state="open",
        needs_second_person=0,
        created_by="anne",
        created_at=NOON,
    )
    session.add(allocation)
    session.flush()
    given = Entry(
        key=f"gift:{book}",
        book_id=book,
        source=AccountKind.DONOR,
        destination=AccountKind.AVAILABLE,
        unit=unit,
        quantity=AMPLE,
        reason=Reason.RECEIVED,
        object_kind="allocation",
        object_id=str(book),
    )
    post(session, [given], actor="anne", occurred_at=NOON, now=NOON)
    return book


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


@dataclass(frozen=True, slots=True)
class _Move:
    """One step of the value of an order."""

    word: str
    source: AccountKind
    destination: AccountKind
    reason: Reason


_ISSUE = _Move("issue", AccountKind.AVAILABLE, AccountKind.RESERVED, Reason.ISSUED)
_REDEEM = _Move("redeem", AccountKind.RESERVED, AccountKind.IN_DELIVERY, Reason.REDEEMED)
_DELIVER = _Move("deliver", AccountKind.IN_DELIVERY, AccountKind.DELIVERED, Reason.DELIVERED)
_LATE = _Move("late", AccountKind.VARIANCE, AccountKind.DELIVERED, Reason.LATE_DELIVERY)
_LOSE = _Move("lost", AccountKind.IN_DELIVERY, AccountKind.WRITTEN_OFF, Reason.WRITTEN_OFF)
_GIVE_BACK = _Move("giveback", AccountKind.IN_DELIVERY, AccountKind.RESERVED, Reason.GIVEN_BACK)


def add_orders(session: Session, world: World, wanted: Sequence[Wanted]) -> list[UUID]:
    """Make vouchers with their orders, in any state, and the transfers that led there, through the ledger.

    Only the scan and the visit of each redemption are left out: reconciliation never reads them.
    """
    made = {new_id(): want for want in wanted}
    reserved = _post(session, world, _ISSUE, made, {})
    held = _post(session, world, _REDEEM, made, reserved)
    _post(session, world, _DELIVER, {i: want for i, want in made.items() if want.state in PAST_HOLD}, held)
    late = {i: want for i, want in made.items() if want.outcome_code == "late_delivery"}
    _post(session, world, _LATE, late, {})
    released = late | {i: want for i, want in made.items() if want.state is OrderState.GIVEN_BACK}
    back = _post(session, world, _GIVE_BACK, released, held)
    _post(session, world, _LOSE, {i: want for i, want in made.items() if want.state is OrderState.LOST}, held)
    vouchers = {i: _voucher(world, want, reserved[i], back.get(i)) for i, want in made.items()}
    orders = [_order(world, want, i, vouchers[i]["id"], reserved[i], held[i]) for i, want in made.items()]
    for table, rows in ((Voucher, list(vouchers.values())), (Order, orders)):
        for start in range(0, len(rows), 5_000):
            # Through the table: rows with and without empty cells alternate.
            session.execute(insert(Base.metadata.tables[table.__tablename__]), rows[start : start + 5_000])
    return list(made)


def _post(
    session: Session, world: World, move: _Move, made: dict[UUID, Wanted], ends: dict[UUID, UUID]
) -> dict[UUID, UUID]:
    """Post the step for each order and return its transfers, by order."""
    entries = [
        Entry(
            key=f"{move.word}:{order_id}",
            book_id=world.book_id,
            source=move.source,
            destination=move.destination,
            unit=world.unit,
            quantity=want.quantity,
            reason=move.reason,
            object_kind="order",
            object_id=str(order_id),
            resolves=ends.get(order_id),
        )
        for order_id, want in made.items()
    ]
    return dict(zip(made, post(session, entries, actor="anne", occurred_at=NOON, now=NOON), strict=True))


def _voucher(world: World, want: Wanted, reservation: UUID, back: UUID | None) -> dict[str, object]:
    """The voucher: redeemed, or live again when its value went back (`back`)."""
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
        "state": "issued" if back else "redeemed",
        "reservation_id": back or reservation,
        "replaces_id": None,
        "issued_by": "anne",
        "issued_at": want.at,
        "redeemed_key": None if back else voucher,
        "redeemed_at": None if back else want.at,
        "redeemed_branch_id": None if back else world.branch_id,
        "ended_at": None,
    }


def _order(
    world: World, want: Wanted, order_id: UUID, voucher_id: object, reservation: UUID, hold: UUID
) -> dict[str, object]:
    final = want.state in {*PAST_HOLD, OrderState.GIVEN_BACK}
    return {
        "id": order_id,
        "voucher_id": voucher_id,
        "reservation_id": reservation,
        "hold_id": hold,
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


def random_instant(random: Random, day: date = DAY, days: int = 5) -> datetime:
    """Return an instant between 06:00 and 18:00 UTC on one of the days from `day` on."""
    start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    return start + timedelta(days=random.randrange(days), seconds=random.randrange(12 * 3600))
