"""What screens list of messages."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.messages.models import Message, MessageState


def messages_query(*, state: MessageState | None = None, voucher_id: UUID | None = None) -> Select[Message]:
    """Return the query for messages; their rows open nothing."""
    query = select(Message)
    if state is not None:
        query = query.where(Message.state == state.value)
    return query if voucher_id is None else query.where(Message.voucher_id == voucher_id)


def of_voucher(session: Session, voucher_id: UUID) -> Sequence[Message]:
    """Return what was sent for the voucher, the newest first, twenty at most."""
    return session.scalars(messages_query(voucher_id=voucher_id).order_by(Message.id.desc()).limit(20)).all()


def counts(session: Session) -> dict[MessageState, int]:
    """Return how many messages stand in each state that has any."""
    rows = session.execute(select(Message.state, func.count()).group_by(Message.state))
    return {MessageState(state): count for state, count in rows}
