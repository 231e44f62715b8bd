"""Messages (an outbox), their parts, receipts, templates, gateways, and who wants none."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class MessageState(StrEnum):
    """waiting → sending → sent → delivered | failed; `unknown` is never sent again by itself.

    `blocked`: the person wants no messages. `failed` covers a refusal, a dead number and a voucher that was
    spent before the message could leave; the outcome code says which.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"
    BLOCKED = "blocked"


class MessageGateway(Base):
    """A way to send, its settings sealed. One is active for each channel; a change is a new row."""

    __tablename__ = "message_gateway"
    __table_args__ = (
        Index(
            "uq_message_gateway_active",
            "channel",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(8))
    settings_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Message(Base):
    """One message to one person; the row is the outbox. Its id is made by whoever asked.

    Number and text open with the message's own key; erasing a person destroys it. `tail` is enough to ask
    "the number that ends in 12?".
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('waiting', 'sending'))", name="due"),
        CheckConstraint("parts BETWEEN 1 AND 8", name="parts"),
        Index(
            "ix_message_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(8))
    template: Mapped[str] = mapped_column(String(30))
    language: Mapped[str] = mapped_column(String(5))
    voucher_id: Mapped[UUID | None] = mapped_column(ForeignKey("voucher.id"), index=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    recipient_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    recipient_lookup: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    tail: Mapped[str | None] = mapped_column(String(2))
    alphabet: Mapped[int] = mapped_column(SmallInteger)
    parts: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None]
    outcome_code: Mapped[str | None] = mapped_column(String(60))
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    final_at: Mapped[datetime | None]


class MessagePart(Base):
    """One part as the gateway knows it."""

    __tablename__ = "message_part"
    __table_args__ = (UniqueConstraint("gateway_id", "gateway_ref"),)

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    gateway_id: Mapped[UUID] = mapped_column(ForeignKey("message_gateway.id"))
    gateway_ref: Mapped[str] = mapped_column(String(80))


class MessageReceipt(Base):
    """What the network said of a part: kept as it came, also when it came before we knew the part's name."""

    __tablename__ = "message_receipt"

    gateway_id: Mapped[UUID] = mapped_column(ForeignKey("message_gateway.id"), primary_key=True)
    gateway_ref: Mapped[str] = mapped_column(String(80), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(String(30))
    received_at: Mapped[datetime]


class MessageTemplate(Base):
    """The text of one kind of message in one language, where a team changed the one we ship."""

    __tablename__ = "message_template"

    key: Mapped[str] = mapped_column(String(30), primary_key=True)
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    language: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(String(600))
    changed_by: Mapped[str] = mapped_column(String(60))
    changed_at: Mapped[datetime]


class OptOut(Base):
    """A number or address that wants no messages: a keyed hash, so that the list names nobody."""

    __tablename__ = "message_opt_out"

    recipient_lookup: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    source: Mapped[str] = mapped_column(String(10))  # "stop" (they answered) or "desk" (they told us)
    noted_by: Mapped[str] = mapped_column(String(60))
    noted_at: Mapped[datetime]
