"""Closing by two people what no answer and no statement decides: one proposes and says why, another agrees.

    in people's hands, value still in delivery   delivered · given back to the voucher · written off
    `late_delivery` (booked out of variance)     delivered: the gift pays it · given back: the partner took it back
    taken back by the partner                    given back to the gift · written off

The order and the proposal move by compare-and-set in one transaction: of two who decide at once, one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.around import Closing, Ending
from voucher_service.fulfilment.decide import INTERNAL_FAILURES, LATE_DELIVERY, REVERSED_CODE, TRIED_AGAIN
from voucher_service.fulfilment.models import Attempt, AttemptKind, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.settle import confirm, entry_of, give_back, move
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import post
from voucher_service.partners.two_people import decide

NOTE_LENGTH = range(3, 401)
CLOSED = "closed_by_two"
"""The outcome code of what two people closed."""


def endings_of(order: Order) -> tuple[Ending, ...]:
    """Return how this order may be closed; nothing when it is not for people to close."""
    if order.state == OrderState.MANUAL:
        late = order.outcome_code == LATE_DELIVERY
        return (Ending.DELIVERED, Ending.GIVEN_BACK) if late else tuple(Ending)
    if order.state == OrderState.REVERSED and order.outcome_code == REVERSED_CODE:
        return (Ending.GIVEN_BACK, Ending.LOST)
    return ()


def propose(session: Session, order_id: UUID, *, ending: Ending, note: str, actor: str, now: datetime) -> Closing:
    """Propose how the order ends; it counts once another person agrees.

    Raises:
        BadInput: `note`: 3 to 400 characters say why. `ending`: not for this order.
        NotFound: no such order.
        Conflict: `closing_pending`: a proposal waits already.
    """
    note = note.strip()
    if len(note) not in NOTE_LENGTH:
        raise BadInput("Dites en 3 à 400 caractères ce qui est établi, et comment.", field="note")
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound("Cette recharge n’existe pas : revenez à la liste.")
    if ending not in endings_of(order):
        raise BadInput("Cette recharge ne peut pas finir ainsi : rechargez la page.", field="ending")
    # Of two at once the database refuses one, which then runs again and finds the other here.
    if session.scalar(select(Closing.id).where(Closing.order_id == order_id, Closing.decided_at.is_(None))):
        raise Conflict("Une proposition attend déjà : acceptez-la ou retirez-la.", code="closing_pending")
    made = Closing(id=new_id(), order_id=order_id, ending=ending.value, note=note, proposed_by=actor, proposed_at=now)
    session.add(made)
    session.flush()
    return made


def withdraw(session: Session, closing_id: UUID, *, actor: str, now: datetime) -> Closing:
    """Take the proposal back: whoever made it, or another coordinator who does not agree.

    Raises:
        NotFound. Conflict: `closing_decided`: it was decided on already.
    """
    closing = _fresh(session, closing_id)
    if not decide(session, closing, agreed=0, actor=actor, now=now):
        raise _decided()
    return closing


def agree(session: Session, closing_id: UUID, *, actor: str, now: datetime) -> Order:
    """Agree, and close the order as proposed: its row and the books together.

    Raises:
        NotFound: no such proposal.
        Conflict: `second_person_needed`: the same person proposed it. `closing_decided`: it was decided on
            already. `order_moved_on`: the order is no longer where it was. `allocation_exhausted`: the gift
            cannot pay for a late delivery.
    """
    closing = _fresh(session, closing_id)
    if closing.proposed_by == actor:
        raise SecondPersonNeeded("Vous avez proposé cette fin : une autre personne doit donner son accord.")
    if not decide(session, closing, agreed=1, actor=actor, now=now):
        raise _decided()
    order = session.scalars(
        select(Order).where(Order.id == closing.order_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    ending = Ending(closing.ending)
    if ending not in endings_of(order) or not _close(session, order, ending, actor=actor, now=now):
        raise Conflict("Cette recharge a avancé entre-temps : rechargez la page.", code="order_moved_on")
    session.refresh(order)
    return order


def _fresh(session: Session, closing_id: UUID) -> Closing:
    closing = session.get(Closing, closing_id, populate_existing=True)
    if closing is None:
        raise NotFound("Cette proposition n’existe pas : revenez à la liste.")
    return closing


def _decided() -> Conflict:
    return Conflict("Cette proposition est déjà décidée : rechargez la page.", code="closing_decided")


def _close(session: Session, order: Order, ending: Ending, *, actor: str, now: datetime) -> bool:
    at: ColumnElement[bool] = (Order.id == order.id) & (Order.state == order.state)
    if order.state == OrderState.REVERSED:
        back = ending is Ending.GIVEN_BACK
        moved = move(session, at, state=OrderState.REVERSED, outcome_code=CLOSED)
        to = AccountKind.AVAILABLE if back else AccountKind.WRITTEN_OFF
        return moved is not None and _correct(session, order, AccountKind.DELIVERED, to, actor=actor, now=now)
    if order.outcome_code == LATE_DELIVERY:
        return close_late(session, order, at, ending, actor=actor, now=now)
    match ending:
        case Ending.DELIVERED:
            return confirm(session, at, partner_ref=None, code=CLOSED, actor=actor, occurred_at=now, now=now)
        case Ending.GIVEN_BACK:
            return give_back(session, at, code=CLOSED, actor=actor, occurred_at=now, now=now)
        case Ending.LOST:
            if move(session, at, state=OrderState.LOST, outcome_code=CLOSED, final_at=now, due_at=None) is None:
                return False
            entry = entry_of(order, f"lost:{order.id}", AccountKind.WRITTEN_OFF, Reason.WRITTEN_OFF)
            post(session, [entry], actor=actor, occurred_at=now, now=now)
            return True


def close_late(
    session: Session, order: Order, at: ColumnElement[bool], ending: Ending, *, actor: str, now: datetime
) -> bool:
    """Close a late delivery that is `at`: the gift pays it, or the partner took it back. False: it has moved on."""
    state = OrderState.DELIVERED if ending is Ending.DELIVERED else OrderState.GIVEN_BACK
    # The reason stays: it tells that the hold ended elsewhere than the delivery was booked.
    if move(session, at, state=state, final_at=now, due_at=None) is None:
        return False
    if ending is Ending.GIVEN_BACK:
        return _correct(session, order, AccountKind.DELIVERED, AccountKind.VARIANCE, actor=actor, now=now)
    written_off = session.scalar(
        select(exists().where(Transfer.resolves_id == order.hold_id, Transfer.reason == Reason.WRITTEN_OFF.value))
    )
    payer = AccountKind.WRITTEN_OFF if written_off else AccountKind.AVAILABLE
    return _correct(session, order, payer, AccountKind.VARIANCE, actor=actor, now=now)


def _correct(
    session: Session, order: Order, source: AccountKind, to: AccountKind, *, actor: str, now: datetime
) -> bool:
    key = f"close:{order.id}:{source.name.lower()}"
    entry = entry_of(order, key, to, Reason.CORRECTED, source=source)
    post(session, [entry], actor=actor, occurred_at=now, now=now)
    return True


def try_again(session: Session, order_id: UUID, *, now: datetime) -> Order:
    """Give an order that failed five times on our side back to the workers, once the fault is mended.

    What may have left is asked about, never sent again: only an order of which nothing ever left is sent.

    Raises:
        Conflict: `order_moved_on`: it is not (any more) in people's hands for that reason.
    """
    stayed = [AttemptOutcome.INTERNAL.value, AttemptOutcome.NOT_SENT.value]
    left = session.scalar(
        select(
            exists().where(
                Attempt.order_id == order_id,
                Attempt.kind == AttemptKind.SUBMIT.value,
                Attempt.outcome.is_(None) | Attempt.outcome.not_in(stayed),
            )
        )
    )
    at = (Order.id == order_id) & (Order.state == OrderState.MANUAL.value) & (Order.outcome_code == INTERNAL_FAILURES)
    state = OrderState.UNKNOWN if left else OrderState.WAITING
    order = move(session, at, state=state, outcome_code=TRIED_AGAIN, due_at=now, queries=Order.queries + 1)
    if order is None:
        raise Conflict("Cette recharge a avancé entre-temps : rechargez la page.", code="order_moved_on")
    return order


def closings(session: Session, order_ids: Sequence[UUID]) -> dict[UUID, list[Closing]]:
    """Return the proposals of each order, oldest first."""
    found: dict[UUID, list[Closing]] = {order_id: [] for order_id in order_ids}
    rows = select(Closing).where(Closing.order_id.in_(order_ids)).order_by(Closing.proposed_at, Closing.id)
    for row in session.scalars(rows):
        found[row.order_id].append(row)
    return found
