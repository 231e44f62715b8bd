"""What an answer means for an order: the ambiguous-outcome rule, whole, as pure functions.

No database, no clock, no partner: a standing and an answer go in, a verdict comes out. The worker's second
transaction enacts verdicts on rows; the simulation enacts the same verdicts in memory, a million times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from voucher_service.fulfilment.abilities import NeverHappened, TooLate, Undone
from voucher_service.fulfilment.history import History
from voucher_service.fulfilment.models import AttemptKind, AttemptOutcome, OrderState
from voucher_service.fulfilment.providers import (
    Accepted,
    Answer,
    Capabilities,
    Delivered,
    ErrorClass,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Unknown,
)
from voucher_service.fulfilment.schedule import (
    MAX_SUBMITS,
    MAX_UNCLEAR_RECHECKS,
    PROOFS_NEEDED,
    QUERY_LATER,
    ROUTE_PAUSE,
    until_query,
    until_send,
)

PAUSED = "partner_precondition"
"""The outcome code of orders that wait because the partner refuses *us*."""
AMOUNT_DIFFERS = "amount_differs"
LATE_DELIVERY = "late_delivery"
CUT_OFF_CODE = "cut_off"
TO_CONFIRM = "to_confirm"
"""The outcome code of an order that the partner delivers only once we confirm it."""
REVERSED_CODE = "reversed"
UNDONE = "undone_at_counter"
"""The outcome code of an order that never left: who had scanned took the redemption back."""
INTERNAL_FAILURES = "internal_failures"
TRIED_AGAIN = "tried_again"
"""A person has given an order with internal failures back to the workers: it gets one more try."""

WAITING_FOR_ANSWER = (OrderState.SENDING, OrderState.ACCEPTED, OrderState.UNKNOWN, OrderState.REVERSING)
SETTLED = (OrderState.DELIVERED, OrderState.GIVEN_BACK, OrderState.REVERSED, OrderState.MANUAL, OrderState.LOST)
"""States a worker does not act on; asked about again only because a callback says there is news."""
ASKABLE = (OrderState.ACCEPTED, OrderState.UNKNOWN, *SETTLED)
"""States in which a callback makes us ask at once. Before that the answer to our sending is still to come."""
ALWAYS_OPEN = (OrderState.WAITING, OrderState.HELD, *WAITING_FOR_ANSWER)

Reply = Answer | Undone


class Booking(StrEnum):
    """The step in the books that goes with a verdict."""

    NONE = "none"
    SET_ASIDE = "set_aside"  # a code was bought: it stays in delivery until it is shown to the person
    DELIVER = "deliver"  # in delivery → delivered
    GIVE_BACK = "give_back"  # in delivery → reserved: the voucher lives again
    LATE = "late"  # variance → delivered: the hold has ended long since


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an order stands when an answer comes back to the worker that holds it."""

    state: OrderState
    kind: AttemptKind
    tries: int
    queries: int
    quantity: int
    history: History
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done: the state to take, the step in the books, when to go on (None: not by itself).

    `anew` starts counting the questions afresh; `keep` leaves reason and reference as they are.
    """

    state: OrderState
    booking: Booking = Booking.NONE
    code: str | None = None
    due_at: datetime | None = None
    partner_ref: str | None = None
    anew: bool = False
    keep: bool = False
    pause: bool = False


def reference(order_id: UUID, generation: int) -> UUID:
    """Return our reference at the partner: the order's id; after a reversal, with its 13th digit raised.

    The id is a UUIDv7, so that digit is 7 and the references of one order are 7, 8, 9, … up to f: no other
    order can have them, and whoever reads one finds the order by putting the 7 back.
    """
    assert 0 <= generation <= 8, "an order is renewed a few times at most"
    return UUID(int=order_id.int + (generation << 76))


def order_of(ours: UUID) -> UUID:
    """Return the id of the order that goes by this reference."""
    generation = (ours.int >> 76 & 0xF) - 7
    return UUID(int=ours.int - (generation << 76)) if 0 < generation <= 8 else ours


def next_step(state: OrderState, code: str | None = None) -> tuple[AttemptKind, OrderState]:
    """Return what to do with a due order, and the state it takes meanwhile.

    SENDING past its lease is Unknown, never "not started": it is asked about, not sent again.
    """
    if state is OrderState.WAITING:
        return AttemptKind.SUBMIT, OrderState.SENDING
    if state is OrderState.REVERSING:
        return AttemptKind.REVERSE, state
    if state is OrderState.ACCEPTED and code == TO_CONFIRM:
        return AttemptKind.CONFIRM, state
    return AttemptKind.QUERY, OrderState.UNKNOWN if state is OrderState.SENDING else state


def outcome_of(at: Standing, answer: Reply, can: Capabilities) -> AttemptOutcome:
    """Return what is written next to the attempt."""
    if isinstance(answer, NotFound):
        # Counted from the deadline: until then a slow worker may still have been sending.
        sent_until = at.history.sent_until
        proof = sent_until is not None and answer.as_of > sent_until + 2 * can.sync_limit
        return AttemptOutcome.ABSENT if proof else AttemptOutcome.NOT_FOUND
    return _OUTCOMES[type(answer)]


_OUTCOMES: dict[type, AttemptOutcome] = {
    Delivered: AttemptOutcome.DELIVERED,
    Accepted: AttemptOutcome.ACCEPTED,
    Refused: AttemptOutcome.REFUSED,
    NotSent: AttemptOutcome.NOT_SENT,
    Unknown: AttemptOutcome.UNKNOWN,
    Reversed: AttemptOutcome.REVERSED,
    NeverHappened: AttemptOutcome.NEVER_HAPPENED,
    TooLate: AttemptOutcome.TOO_LATE,
}


def decide(at: Standing, answer: Reply, can: Capabilities, now: datetime) -> Verdict:
    """Return what the answer means for the order that is still in the hands of whoever brings it."""
    if at.state in SETTLED:
        return _news(at, answer, now)
    if at.kind is AttemptKind.REVERSE and isinstance(answer, Reversed | NeverHappened):
        return _anew(at, now)
    if isinstance(answer, Delivered | Reversed):
        return _known(at, answer)
    return _unfinished(at, answer, can, now)


def _unfinished(
    at: Standing,
    answer: Accepted | NotSent | Unknown | NotFound | Refused | TooLate | NeverHappened,
    can: Capabilities,
    now: datetime,
) -> Verdict:
    match answer:
        case Accepted():
            verdict = replace(_accepted(at, answer, can, now), partner_ref=answer.partner_ref)
        case NotSent():
            verdict = Verdict(state=OrderState.WAITING, code=answer.code, due_at=now + until_send(at.tries))
        case NotFound():
            verdict = _not_found(at, answer, can, now)
        case Refused():
            verdict = _refused(at, answer, can, now)
        case Unknown() if at.kind is AttemptKind.REVERSE:
            verdict = _wait(at, OrderState.REVERSING, answer.code, can, now)
        case Unknown() | TooLate() | NeverHappened():
            verdict = _wait(at, OrderState.UNKNOWN, answer.code, can, now)
        case _:
            assert_never(answer)
    return verdict


def _accepted(at: Standing, answer: Accepted, can: Capabilities, now: datetime) -> Verdict:
    if not answer.to_confirm:
        return _wait(at, OrderState.ACCEPTED, None, can, now)
    verdict = _wait(at, OrderState.ACCEPTED, TO_CONFIRM, can, now)
    # Confirmed once, and still waiting for it: not at once again. Confirming twice moves nothing twice.
    tried = at.history.confirmed or at.kind is AttemptKind.CONFIRM or at.code == TO_CONFIRM
    return verdict if tried or verdict.due_at is None else replace(verdict, due_at=now)


def _known(at: Standing, answer: Delivered | Reversed) -> Verdict:
    verdict = fact(at.state, at.code, answer, quantity=at.quantity)
    assert verdict is not None, "an open order takes every fact"
    return verdict


def fact(state: OrderState, code: str | None, answer: Reply, *, quantity: int | None = None) -> Verdict | None:
    """Return what a fact (it was delivered; it was delivered and taken back) does to an order, wherever it is.

    None: nothing, or the answer is no fact. A delivery found after the value went back is booked and goes to
    people as `late_delivery`; it is never dropped.
    """
    if not isinstance(answer, Delivered | Reversed):
        return None
    back = isinstance(answer, Reversed)
    is_open = state in ALWAYS_OPEN or (state is OrderState.MANUAL and code != LATE_DELIVERY)
    if isinstance(answer, Delivered) and answer.pin is not None and is_open:
        # Nobody has it yet: it is the person's when it has been shown. Told again, it changes nothing.
        bought = Verdict(state=OrderState.HELD, booking=Booking.SET_ASIDE, partner_ref=answer.partner_ref)
        return bought if state is not OrderState.HELD else None
    if is_open:
        differs = not back and answer.quantity is not None and answer.quantity != quantity  # type: ignore[union-attr]
        return Verdict(
            state=OrderState.REVERSED if back else OrderState.DELIVERED,
            booking=Booking.DELIVER,
            code=REVERSED_CODE if back else AMOUNT_DIFFERS if differs and quantity is not None else None,
            partner_ref=answer.partner_ref,
        )
    # One closed as a late delivery has no hold that ended there: for it the statement tells of a reversal.
    if back and state is OrderState.DELIVERED and code != LATE_DELIVERY:
        return Verdict(state=OrderState.REVERSED, code=REVERSED_CODE, partner_ref=answer.partner_ref)
    if not back and state in {OrderState.GIVEN_BACK, OrderState.LOST}:
        return Verdict(
            state=OrderState.MANUAL, booking=Booking.LATE, code=LATE_DELIVERY, partner_ref=answer.partner_ref
        )
    return None


def _news(at: Standing, answer: Reply, now: datetime) -> Verdict:
    """A settled order was asked about again, because a callback spoke of it."""
    if (verdict := fact(at.state, at.code, answer, quantity=at.quantity)) is not None:
        return verdict
    unclear = isinstance(answer, Unknown | Accepted) and at.history.unclear < MAX_UNCLEAR_RECHECKS
    return Verdict(state=at.state, keep=True, due_at=now + QUERY_LATER if unclear else None)


def _wait(at: Standing, state: OrderState, code: str | None, can: Capabilities, now: datetime) -> Verdict:
    """Ask again later, at the latest at the cut-off; past it the day's statement decides, or two people."""
    cut_off = at.history.sent_at + can.cut_off if at.history.sent_at is not None else None
    if cut_off is not None and now >= cut_off:
        return Verdict(state=OrderState.MANUAL, code=CUT_OFF_CODE)
    asked = at.history.reversals if at.kind is AttemptKind.REVERSE else at.queries
    later = now + until_query(asked)
    if cut_off is not None:
        later = min(later, cut_off) if can.can_be_asked else cut_off
    return Verdict(state=state, code=code, due_at=later)


def _anew(at: Standing, now: datetime) -> Verdict:
    if at.tries >= MAX_SUBMITS:
        return Verdict(state=OrderState.MANUAL, code="absent")
    return Verdict(state=OrderState.WAITING, code="reversed_first", due_at=now, anew=True)


def _not_found(at: Standing, answer: NotFound, can: Capabilities, now: datetime) -> Verdict:
    proofs = at.history.proofs + (outcome_of(at, answer, can) is AttemptOutcome.ABSENT)
    if proofs < PROOFS_NEEDED:
        return _wait(at, OrderState.UNKNOWN, "not_found", can, now)
    if at.tries >= MAX_SUBMITS:
        return Verdict(state=OrderState.MANUAL, code="absent")
    if can.idempotent or (can.confirms_later and not at.history.confirmed):
        # What is sent again is refused; or moves nothing, as only one of the two will be confirmed.
        return Verdict(state=OrderState.WAITING, code="absent", due_at=now, anew=True)
    if can.reversal and not at.history.too_late:
        # Sending the same reference might pay twice here: what may be there is taken back first.
        return Verdict(state=OrderState.REVERSING, code="absent", due_at=now)
    return Verdict(state=OrderState.MANUAL, code="contradiction" if at.history.too_late else "absent")


_CONFIRM_LATER = (ErrorClass.PARTNER_PRECONDITION, ErrorClass.TRANSIENT_BEFORE_SEND)


def _refused(at: Standing, answer: Refused, can: Capabilities, now: datetime) -> Verdict:
    asked = at.kind is not AttemptKind.SUBMIT
    if at.kind is AttemptKind.CONFIRM and answer.error_class in _CONFIRM_LATER:
        # It stands there unconfirmed and will be confirmed when they serve us again, before the cut-off.
        held = _wait(at, OrderState.ACCEPTED, TO_CONFIRM, can, now)
        refuses_us = answer.error_class is ErrorClass.PARTNER_PRECONDITION and held.due_at is not None
        return replace(held, due_at=now + ROUTE_PAUSE, pause=True) if refuses_us else held
    match answer.error_class:
        case ErrorClass.DUPLICATE | ErrorClass.UNKNOWN:
            return _wait(at, OrderState.UNKNOWN, answer.code, can, now)
        case ErrorClass.PARTNER_PRECONDITION if asked:
            # The partner has used up our reference on it: the same order cannot be sent again.
            return Verdict(state=OrderState.MANUAL, code=answer.code, pause=True)
        case ErrorClass.PARTNER_PRECONDITION:
            return Verdict(state=OrderState.WAITING, code=PAUSED, due_at=now + ROUTE_PAUSE, pause=True)
        case ErrorClass.TRANSIENT_BEFORE_SEND if not asked:
            return Verdict(state=OrderState.WAITING, code=answer.code, due_at=now + until_send(at.tries))
        case _:
            return Verdict(state=OrderState.GIVEN_BACK, booking=Booking.GIVE_BACK, code=answer.code)
