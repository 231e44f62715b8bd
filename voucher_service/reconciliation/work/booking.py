"""The bookings themselves: what a settlement does to the break, the gift's book, the order and the code."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict
from voucher_service.fulfilment.around import Ending
from voucher_service.fulfilment.closing import close_late
from voucher_service.fulfilment.models import ItemState, Order, OrderState, StockItem
from voucher_service.fulfilment.settle import STATEMENT, confirm, found_delivered, move
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.models import GiftNote
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, StatementLine
from voucher_service.reconciliation.work.models import Settlement, Side, Way
from voucher_service.reconciliation.work.ways import Facts, Movement, ends_order, movement, ways_of
from voucher_service.units import Unit

SETTLED = "settled_with_partner"
"""The outcome code of an order that a settlement took back: the partner never delivered it, or took it back."""
FINAL = frozenset(
    {
        BreakClass.REFUSED_HERE_DELIVERED_THERE.value,
        BreakClass.LATE_DELIVERY.value,
        BreakClass.CODE_USED_BEFORE_REVEAL.value,
    }
)
"""Classes whose booking has no counter-booking: the order was decided on, or the code is spent."""


def closed_by(settlement_id: UUID) -> str:
    """Return what a break closed by this settlement says of who resolved it."""
    return f"settlement:{settlement_id}"


def book(session: Session, made: Settlement, facts: Facts, *, actor: str, now: datetime) -> UUID | None:
    """Do what the settlement says, the break first; return the movement in the gift's book.

    Raises:
        Conflict: `break_moved_on`: the break, or what it is about, is no longer as it was proposed.
            `allocation_exhausted`.
    """
    if made.way == Way.UNDO.value:
        return _undo(session, made, facts, actor=actor, now=now)
    _take(session, made, now)
    way = Way(made.way)
    # `facts.found` was read before it was closed here.
    if way not in ways_of(facts, Side.PARTNER if facts.kind is BreakClass.STATEMENT_MISSING else Side.PROGRAMME):
        raise moved_on()
    if way is Way.NO_VALUE:
        return None
    moves = movement(facts, way)
    if moves is None:
        return _late(session, facts, actor=actor, now=now)
    _order(session, facts, actor=actor, now=now)
    if facts.item is not None:
        _spend(session, made, facts.item, actor=actor, now=now)
    return _post(session, made, moves, actor=actor, now=now)


def moved_on() -> Conflict:
    """Return the refusal of a booking that no longer fits."""
    return Conflict("Cet écart a changé depuis la proposition : rechargez la page.", code="break_moved_on")


def _take(session: Session, made: Settlement, now: datetime) -> None:
    """Close the break, if it is still open and just as it was proposed."""
    done = session.scalar(
        update(Break)
        .where(Break.id == made.break_id, Break.resolved_at.is_(None), Break.kind == made.kind)
        .where(Break.quantity == made.quantity, Break.unit == made.unit)
        .values(resolved_at=now, resolved_by=closed_by(made.id), note=made.note)
        .returning(Break.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise moved_on()


def _post(session: Session, made: Settlement, moves: Movement, *, actor: str, now: datetime) -> UUID:
    assert made.allocation_id is not None, "a booking names its gift"
    entry = Entry(
        key=f"break:{made.id}",
        book_id=made.allocation_id,
        source=moves.source,
        destination=moves.destination,
        unit=Unit(made.unit),
        quantity=moves.quantity,
        reason=moves.reason,
        object_kind="break",
        object_id=str(made.break_id),
    )
    try:
        (transfer_id,) = post(session, [entry], actor=actor, occurred_at=now, now=now)
    except Conflict as error:
        if error.code != "allocation_exhausted":
            raise
        raise Conflict(
            "La dotation qui devrait payer n’a plus assez de disponible : l’écart attend que l’opérateur corrige.",
            code="allocation_exhausted",
        ) from error
    session.add(GiftNote(transfer_id=transfer_id, reason=made.note[:200]))
    session.flush()
    return transfer_id


def _order(session: Session, facts: Facts, *, actor: str, now: datetime) -> None:
    """Bring the order to what was agreed: delivered at last, or no longer delivered."""
    order = facts.order
    if order is None:
        return
    at = (Order.id == order.id) & (Order.state == order.state)
    if facts.kind in {BreakClass.AMOUNT_DIFFERS, BreakClass.PRODUCT_DIFFERS} and not facts.hold_ended:
        if not confirm(session, at, partner_ref=None, code=STATEMENT, actor=actor, occurred_at=now, now=now):
            raise moved_on()
    elif (
        ends_order(facts)
        and _is_its_line(session, facts)
        and move(session, at, state=OrderState.REVERSED, outcome_code=SETTLED) is None
    ):
        raise moved_on()


def _is_its_line(session: Session, facts: Facts) -> bool:
    """Say whether no other line still tells that the order was delivered."""
    claim = LineClaim.order_id == facts.found.order_id
    other = claim if facts.found.line_id is None else claim & (LineClaim.line_id != facts.found.line_id)
    return not session.scalar(select(exists().where(other)))


def _late(session: Session, facts: Facts, *, actor: str, now: datetime) -> UUID:
    """Book the delivery as it happened, late, and let the gift pay it."""
    order = facts.order
    assert order is not None, "a late delivery has an order"
    line = None if facts.found.line_id is None else session.get(StatementLine, facts.found.line_id)
    at = now if line is None else line.event_at
    if order.state != OrderState.MANUAL.value:
        ref = None if line is None else line.partner_ref
        found_delivered(session, order.id, partner_ref=ref, actor=actor, occurred_at=at, now=now)
        session.refresh(order)
    here = (Order.id == order.id) & (Order.state == OrderState.MANUAL.value)
    if not close_late(session, order, here, Ending.DELIVERED, actor=actor, now=now):
        raise moved_on()
    return session.scalars(select(Transfer.id).where(Transfer.key == f"late:{order.id}")).one()


def _spend(session: Session, made: Settlement, item: StockItem, *, actor: str, now: datetime) -> None:
    """Take the code that somebody has used out of stock, so that nobody else is given it."""
    was_there = session.scalar(
        update(StockItem)
        .where(StockItem.id == item.id, StockItem.state == ItemState.IN_STOCK.value)
        .values(state=ItemState.LOST.value)
        .returning(StockItem.id)
        .execution_options(synchronize_session=False)
    )
    if was_there is None:
        if item.state == ItemState.IN_STOCK.value:
            raise moved_on()  # given to a person just now
        return  # it has left the stock already
    entry = Entry(
        key=f"break-code:{made.id}",
        book_id=item.lot_id,
        source=AccountKind.AVAILABLE,
        destination=AccountKind.WRITTEN_OFF,
        unit=Unit.PIECE,
        quantity=1,
        reason=Reason.WRITTEN_OFF,
        object_kind="lot",
        object_id=str(item.lot_id),
    )
    post(session, [entry], actor=actor, occurred_at=now, now=now)


def _undo(session: Session, made: Settlement, facts: Facts, *, actor: str, now: datetime) -> UUID:
    settled = session.get_one(Settlement, made.undoes_id)
    assert settled.transfer_id is not None, "what is undone had a movement"
    reopened = session.scalar(
        update(Break)
        .where(Break.id == made.break_id, Break.resolved_by == closed_by(settled.id))
        .values(resolved_at=None, resolved_by=None)
        .returning(Break.id)
        .execution_options(synchronize_session=False)
    )
    if reopened is None:
        raise moved_on()
    order = facts.order
    if order is not None and order.state == OrderState.REVERSED.value and order.outcome_code == SETTLED:
        at = (Order.id == order.id) & (Order.state == order.state) & (Order.outcome_code == SETTLED)
        if move(session, at, state=OrderState.DELIVERED, outcome_code=None) is None:
            raise moved_on()
    first = session.get_one(Transfer, settled.transfer_id)
    entry = Entry(
        key=f"break:{made.id}",
        book_id=first.source_id // 100,
        source=AccountKind(first.destination_id % 100),
        destination=AccountKind(first.source_id % 100),
        unit=Unit(first.unit),
        quantity=first.quantity,
        reason=Reason.CORRECTED,
        object_kind="break",
        object_id=str(made.break_id),
        corrects=first.id,
    )
    (transfer_id,) = post(session, [entry], actor=actor, occurred_at=now, now=now)
    return transfer_id
