"""Where partners want to be told, and the outbox: one row for each thing told to each place."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Event(StrEnum):
    """What can be told. The names are part of the interface: they stay."""

    ALLOCATION_OPENED = "allocation.opened"
    ALLOCATION_ENDING = "allocation.ending"
    STATEMENT_RECONCILED = "statement.reconciled"
    DIFFERENCES_CHANGED = "statement.differences_changed"
    PERIOD_PROPOSED = "period.proposed"
    PERIOD_AGREED = "period.agreed"
    BOOKS_CHECKPOINT = "books.checkpoint"


TRIAL = "webhook.trial"
"""The type of what a person sends to see whether it arrives."""


class DeliveryState(StrEnum):
    """waiting → sending → delivered | waiting … | given_up; `dropped`: the endpoint was switched off."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


class WebhookEndpoint(Base):
    """One address of a partner. `events` are words with one space between; secrets are sealed.

    After a rotation the previous secret signs too, until `previous_until`.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint("(off_at IS NULL) = (off_by IS NULL)", name="off"),
        CheckConstraint("(previous_sealed IS NULL) = (previous_until IS NULL)", name="previous"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), index=True)
    address: Mapped[str] = mapped_column(String(300))
    events: Mapped[str] = mapped_column(String(200))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    previous_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    off_at: Mapped[datetime | None]
    off_by: Mapped[str | None] = mapped_column(String(60))


class WebhookDelivery(Base):
    """One thing to tell one endpoint: its id is the `webhook-id`, `body` is sent byte for byte at every try."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('waiting', 'sending'))", name="due"),
        Index(
            "ix_webhook_delivery_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None]
    outcome_code: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    final_at: Mapped[datetime | None]


class WebhookTry(Base):
    """One try of a delivery: written before the socket opens. `code` is empty while it is under way."""

    __tablename__ = "webhook_try"
    __table_args__ = (CheckConstraint("(ended_at IS NULL) = (code IS NULL)", name="ended"),)

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_delivery.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(60))
