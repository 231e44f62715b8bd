"""What comes back: delivery receipts, stored once, and people who answer STOP."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadInput
from voucher_service.messages.gateways import Channel, Inbound, Receipt, ReceiptState
from voucher_service.messages.models import Message, MessagePart, MessageReceipt, MessageState
from voucher_service.messages.outbox import lookup_of, opt_out
from voucher_service.people.phones import read_mobile

_STOP = re.compile(r"\W*(stop|arret|arrêt|unsubscribe)\b", re.IGNORECASE)
_FINAL = (ReceiptState.DELIVERED.value, ReceiptState.FAILED.value)


def keep(session: Session, vault: Vault, gateway_id: UUID, came: Receipt | Inbound, *, now: datetime) -> None:
    """Store what came in and act on it. The same receipt again changes nothing."""
    if isinstance(came, Receipt):
        _keep_receipt(session, gateway_id, came, now)
    elif _STOP.match(came.text):
        _stop(session, vault, came.sender, now)


def _keep_receipt(session: Session, gateway_id: UUID, receipt: Receipt, now: datetime) -> None:
    ref = receipt.ref[:80]
    known = session.get(MessageReceipt, (gateway_id, ref))
    if known is None:
        row = MessageReceipt(
            gateway_id=gateway_id,
            gateway_ref=ref,
            state=receipt.state.value,
            code=receipt.code[:30],
            received_at=now,
        )
        session.add(row)
    elif known.state not in _FINAL:  # "under way" is followed by the end; an end is final
        known.state, known.code, known.received_at = receipt.state.value, receipt.code[:30], now
    session.flush()
    message_id = session.scalar(
        select(MessagePart.message_id).where(MessagePart.gateway_id == gateway_id, MessagePart.gateway_ref == ref)
    )
    if message_id is not None:
        settle(session, message_id, now=now)


def settle(session: Session, message_id: UUID, *, now: datetime) -> None:
    """Give the message the state its parts' receipts say: delivered when all are, failed when one is."""
    message = session.scalars(
        select(Message).where(Message.id == message_id).execution_options(populate_existing=True)
    ).one()
    if message.state not in {MessageState.SENT.value, MessageState.UNKNOWN.value}:
        return
    found = session.execute(
        select(MessageReceipt.state, MessageReceipt.code)
        .join(
            MessagePart,
            (MessagePart.gateway_id == MessageReceipt.gateway_id)
            & (MessagePart.gateway_ref == MessageReceipt.gateway_ref),
        )
        .where(MessagePart.message_id == message_id)
    ).all()
    failed = next((code for state, code in found if state == ReceiptState.FAILED.value), None)
    if failed is not None:
        values = {"state": MessageState.FAILED.value, "outcome_code": failed, "final_at": now}
    elif sum(state == ReceiptState.DELIVERED.value for state, _ in found) == message.parts:
        values = {"state": MessageState.DELIVERED.value, "outcome_code": None, "final_at": now}
    else:
        return
    session.execute(
        update(Message)
        .where(Message.id == message_id, Message.state == message.state)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _stop(session: Session, vault: Vault, sender: str, now: datetime) -> None:
    try:
        number = read_mobile(sender if sender.startswith(("+", "0")) else f"+{sender}")
    except BadInput:
        return  # a short number or a machine: nobody of ours
    opt_out(session, lookup_of(vault, Channel.SMS, number), source="stop", actor="sms", now=now)
