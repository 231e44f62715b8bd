"""Sending what waits: claim in one transaction, speak to the gateway in none, book the answer in another.

The same discipline as for top-ups. A message that was being handed over when its worker died is `unknown`:
perhaps the person has it, so it is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import SealBroken, Vault
from voucher_service.errors import Erased
from voucher_service.messages.encoding import Alphabet, encode, payloads
from voucher_service.messages.gateways import Channel, NotSent, Outcome, Outgoing, Refused, Sent, Unknown
from voucher_service.messages.models import Message, MessageGateway, MessagePart, MessageState, OptOut
from voucher_service.messages.outbox import active_gateway, opened
from voucher_service.messages.receipts import settle
from voucher_service.vouchers.models import Voucher, VoucherState

LEASE = timedelta(minutes=3)  # above the time a gateway may take for eight parts
MAX_TRIES = 8

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Claim:
    """One message in one worker's hands. (state, tries) is its fencing token."""

    message: Message
    gateway: MessageGateway
    tries: int


def claim(session: Session, now: datetime) -> Claim | None:
    """Claim one due message; None when nothing is due. What must not be sent is set aside on the way."""
    while (message := session.scalar(_due(now))) is not None:
        aside = _set_aside(session, message, now)
        if aside is not None:
            _move(session, message.id, (message.state, message.tries), **aside)
            continue
        gateway = active_gateway(session, Channel(message.channel))
        if gateway is None:
            _move(session, message.id, (message.state, message.tries), due_at=now + pause(5), outcome_code="no_gateway")
            continue
        tries = message.tries + 1
        if _move(session, message.id, (message.state, message.tries), state="sending", tries=tries, due_at=now + LEASE):
            session.refresh(message)
            return Claim(message, gateway, tries)
    return None


def _due(now: datetime) -> Select[Message]:
    return (
        select(Message)
        .where(Message.due_at <= now)
        .order_by(Message.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _set_aside(session: Session, message: Message, now: datetime) -> dict[str, object] | None:
    if message.state == MessageState.SENDING.value:
        # Past its lease: the worker never came back. Perhaps it was sent.
        return {"state": MessageState.UNKNOWN.value, "due_at": None, "outcome_code": "lease_passed", "final_at": now}
    lookup = message.recipient_lookup
    if lookup is not None and session.get(OptOut, lookup) is not None:
        return {"state": MessageState.BLOCKED.value, "due_at": None, "outcome_code": "opted_out", "final_at": now}
    if message.voucher_id is not None:
        state = session.scalar(select(Voucher.state).where(Voucher.id == message.voucher_id))
        if state != VoucherState.ISSUED.value:
            return {"state": "failed", "due_at": None, "outcome_code": "voucher_not_live", "final_at": now}
    return None


def _move(session: Session, message_id: UUID, at: tuple[str, int], /, **values: object) -> bool:
    moved = session.scalar(
        update(Message)
        .where(Message.id == message_id, Message.state == at[0], Message.tries == at[1])
        .values(**values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def pause(tries: int) -> timedelta:
    """Return how long to wait after `tries` tries that never left: 15 s, 30 s, … an hour at most."""
    return min(timedelta(seconds=15 * 2 ** min(tries, 10)), timedelta(hours=1))


def outgoing(vault: Vault, claimed: Claim, *, ucs2_only: bool) -> Outgoing | NotSent:
    """Return what is handed to the gateway. NotSent: what was sealed cannot be opened."""
    message = claimed.message
    try:
        recipient, text = opened(vault, message)
    except (Erased, SealBroken):
        return NotSent("unreadable")
    parts: tuple[bytes, ...] = ()
    alphabet = Alphabet.UCS2
    if message.channel == Channel.SMS.value:
        encoded = encode(text.body, ucs2_only=ucs2_only)
        alphabet, parts = encoded.alphabet, tuple(payloads(encoded, reference=message.id.int & 0xFF))
    return Outgoing(message.id, recipient, text.subject, text.body, alphabet, parts)


def book(session: Session, claimed: Claim, outcome: Outcome, *, now: datetime) -> None:
    """Write what came of a try next to the message, if it is still in this worker's hands.

    A message that was handed over is a fact and keeps its parts' names even when the worker comes too late.
    """
    message_id, at = claimed.message.id, (MessageState.SENDING.value, claimed.tries)
    if isinstance(outcome, Sent | Unknown):
        _keep_parts(session, claimed, outcome.refs)
    match outcome:
        case Sent():
            state = MessageState.SENT.value
            late = (MessageState.UNKNOWN.value, claimed.tries)
            sent = {"state": state, "due_at": None, "outcome_code": None, "final_at": None}
            if not _move(session, message_id, at, **sent):
                _move(session, message_id, late, **sent)
        case Refused():
            _move(session, message_id, at, state="failed", due_at=None, outcome_code=outcome.code[:60], final_at=now)
        case Unknown():
            _move(session, message_id, at, state="unknown", due_at=None, outcome_code=outcome.code[:60], final_at=now)
        case NotSent() if claimed.tries >= MAX_TRIES:
            _move(session, message_id, at, state="failed", due_at=None, outcome_code=outcome.code[:60], final_at=now)
        case NotSent():
            due_at = now + pause(claimed.tries)
            _move(session, message_id, at, state="waiting", due_at=due_at, outcome_code=outcome.code[:60])
        case _:
            assert_never(outcome)
    settle(session, message_id, now=now)  # a receipt may have come before we knew the parts' names


def _keep_parts(session: Session, claimed: Claim, refs: tuple[str, ...]) -> None:
    known = set(session.scalars(select(MessagePart.number).where(MessagePart.message_id == claimed.message.id)))
    session.add_all(
        MessagePart(message_id=claimed.message.id, number=number, gateway_id=claimed.gateway.id, gateway_ref=ref[:80])
        for number, ref in enumerate(refs, 1)
        if number not in known
    )
    session.flush()
