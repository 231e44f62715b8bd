"""Codes and articles out of stock: set aside for an order, first expiring first; a code is shown once.

Holding a code moves one piece in its lot's book, and so the lot's kept balance: one short transaction of a
delivery worker after another for the same lot. No redemption waits for it, because the redemption has
committed before the worker starts; and the floor keeps a lot from giving more codes than it received.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, unseal
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles.holding import pick, unpick
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.claim import Claim
from voucher_service.fulfilment.models import (
    AttemptOutcome,
    ItemState,
    Lot,
    Order,
    OrderState,
    Reveal,
    StockItem,
)
from voucher_service.fulfilment.outcome import end_attempt
from voucher_service.fulfilment.schedule import STOCK_WAIT
from voucher_service.fulfilment.settle import confirm, move
from voucher_service.fulfilment.waiting import STOCK_EMPTY
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.models import Route
from voucher_service.units import Unit


class Revealed(NamedTuple):
    """A code to show now, and only now. `again` says that someone has seen it before; `how` is how to use it."""

    pin: str
    serial: str
    again: bool
    how: str = ""

    def __repr__(self) -> str:
        """Keep the secret out of logs and tracebacks."""
        return f"Revealed(serial={self.serial!r}, again={self.again})"


def hold(session: Session, claim: Claim, *, now: datetime) -> None:
    """Set a code, or an article of the order's branch, aside; without stock the order waits as `stock_empty`."""
    taken = move(session, claim.held(), state=OrderState.HELD, outcome_code=None, due_at=None, lease_until=None)
    if taken is None:  # another worker took over when the lease had passed
        end_attempt(session, claim, outcome=AttemptOutcome.LOST, code="lease_passed", now=now)
        return
    item: StockItem | Article | None
    if claim.route == Route.CODE_STOCK.value:
        item = _pick(session, claim, now)
    else:
        item = pick(session, claim, taken.branch_id, now)
    if item is None:
        end_attempt(session, claim, outcome=AttemptOutcome.STOCK_EMPTY, code=STOCK_EMPTY, now=now)
        at = Order.id == claim.order_id
        move(session, at, state=OrderState.WAITING, outcome_code=STOCK_EMPTY, due_at=now + STOCK_WAIT)
        return
    taken.partner_ref = item.serial
    end_attempt(session, claim, outcome=AttemptOutcome.HELD, evidence={"serial": item.serial}, now=now)
    session.flush()
    entry = Entry(
        key=f"code:{claim.order_id}",
        book_id=item.lot_id,
        source=AccountKind.AVAILABLE,
        destination=AccountKind.DELIVERED,
        unit=Unit.PIECE,
        quantity=1,
        reason=Reason.DELIVERED,
        object_kind="order",
        object_id=str(claim.order_id),
    )
    post(session, [entry], actor="deliverer", occurred_at=now, now=now)


def _pick(session: Session, claim: Claim, now: datetime) -> StockItem | None:
    fits = (
        StockItem.partner_id == claim.partner_id,
        StockItem.product_code == claim.product_code,
        StockItem.state == ItemState.IN_STOCK.value,
        StockItem.sell_by >= local_day(now),
    )
    # A code of another face value would not be what was promised and booked.
    face = (StockItem.face_value_cents == claim.quantity,) if claim.unit is Unit.EUR_CENT else ()
    first = (
        select(StockItem.id)
        .where(*fits, *face)
        .order_by(StockItem.sell_by, StockItem.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalar(
        update(StockItem)
        .where(StockItem.id == session.scalar(first), StockItem.state == ItemState.IN_STOCK.value)
        .values(state=ItemState.HELD.value, order_id=claim.order_id, held_at=now)
        .returning(StockItem)
        .execution_options(synchronize_session=False)
    )


def reveal(session: Session, vault: Vault, *, order_id: UUID, actor: str, reason: str, now: datetime) -> Revealed:
    """Show the order's code. The first time settles the delivery; each further time needs a reason.

    Raises:
        NotFound: no code is set aside for this order (yet).
        BadInput: `reason`: a second look without one, or with one too long.
        Conflict: `order_moved_on`: the order is no longer one whose code may be shown.
    """
    item = session.scalar(select(StockItem).where(StockItem.order_id == order_id))
    if item is None:
        raise _no_code()
    first = session.scalar(
        update(StockItem)
        .where(_held_for(order_id))
        .values(state=ItemState.REVEALED.value, revealed_at=now)
        .returning(StockItem.id)
        .execution_options(synchronize_session=False)
    )
    reason = reason.strip()
    if first is None:
        session.refresh(item)
        if item.order_id != order_id:  # put back into stock between our two looks
            raise _no_code()
        check_reason(reason)
    else:
        at = (Order.id == order_id) & (Order.state == OrderState.HELD.value)
        if not confirm(session, at, partner_ref=item.serial, actor=actor, occurred_at=now, now=now):
            raise moved_on()
    seen = session.scalar(select(func.max(Reveal.number)).where(Reveal.item_id == item.id)) or 0
    session.add(Reveal(id=new_id(), item_id=item.id, number=seen + 1, actor=actor, reason=reason[:200], shown_at=now))
    session.flush()
    return Revealed(_open(session, vault, item), item.serial, again=first is None)


def put_back(session: Session, *, order_id: UUID, actor: str, now: datetime) -> bool:
    """Put the order's code, which nobody has seen, or article, not handed over, back into stock; False: there is none.

    Takes the code before the order, as `reveal` does. The order forgets the serial: another will get that one.
    """
    lot_id = session.scalar(
        update(StockItem)
        .where(_held_for(order_id))
        .values(state=ItemState.IN_STOCK.value, order_id=None, held_at=None)
        .returning(StockItem.lot_id)
        .execution_options(synchronize_session=False)
    )
    lot_id = lot_id or unpick(session, order_id)
    if lot_id is None:
        return False
    move(session, Order.id == order_id, partner_ref=None)
    entry = Entry(
        key=f"uncode:{order_id}",
        book_id=lot_id,
        source=AccountKind.DELIVERED,
        destination=AccountKind.AVAILABLE,
        unit=Unit.PIECE,
        quantity=1,
        reason=Reason.UNDONE,
        object_kind="order",
        object_id=str(order_id),
        corrects=session.scalars(select(Transfer.id).where(Transfer.key == f"code:{order_id}")).one(),
    )
    post(session, [entry], actor=actor, occurred_at=now, now=now)
    return True


def _held_for(order_id: UUID) -> ColumnElement[bool]:
    return (StockItem.order_id == order_id) & (StockItem.state == ItemState.HELD.value)


def moved_on() -> Conflict:
    """Return what is said when the order is no longer one whose code may be shown."""
    return Conflict(
        "Cette recharge n’attend plus son code : consultez la coordination avant de le remettre.",
        code="order_moved_on",
    )


def _no_code() -> NotFound:
    return NotFound("Aucun code n’est prêt pour cette recharge : vérifiez son état dans un instant.")


def check_reason(reason: str) -> None:
    """Check why a code is looked at again. Raises BadInput."""
    if not 3 <= len(reason) <= 200:
        raise BadInput(
            "Ce code a déjà été montré : dites pourquoi il faut le revoir (3 à 200 caractères).",
            field="reason",
            code="reason_needed",
        )


def _open(session: Session, vault: Vault, item: StockItem) -> str:
    lot = session.get_one(Lot, item.lot_id)
    key = vault.open_key(Place("lot", "wrapped_key", lot.file_sha256.hex()), lot.wrapped_key)
    return unseal(key, Place("stock_item", "pin", str(item.id)), item.pin_sealed).decode()
