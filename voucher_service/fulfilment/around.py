"""Tables around the orders: pauses of a route, closings by two people, callbacks, our accounts there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class RoutePause(Base):
    """A route whose partner refuses us: since when, why, and when it is tried again. No row: it is open."""

    __tablename__ = "route_pause"

    route: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    since: Mapped[datetime]
    until: Mapped[datetime]


class Ending(StrEnum):
    """How two people close an order: the person has it, the value goes back, or it is written off."""

    DELIVERED = "delivered"
    GIVEN_BACK = "given_back"
    LOST = "lost"


class Closing(Base):
    """One person proposes how an order ends and why; another agrees, or either takes it back. One at a time."""

    __tablename__ = "order_closing"
    __table_args__ = (
        CheckConstraint("length(note) >= 3", name="note"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (agreed IS NULL)", name="answered"),
        CheckConstraint("agreed IS NULL OR agreed = 0 OR decided_by <> proposed_by", name="two_people"),
        Index(
            "uq_order_closing_open",
            "order_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_order_closing_order_id", "order_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("top_up_order.id"))
    ending: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(400))
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed: Mapped[int | None] = mapped_column(SmallInteger)  # 1 agreed, 0 taken back
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]


class Callback(Base):
    """A partner's call, kept once: what it says is never acted on, it makes us ask.

    The body itself is not kept, as it may hold a number; its SHA-256 tells a repetition. `order_id` is empty
    when the reference is none of ours.
    """

    __tablename__ = "callback"
    __table_args__ = (UniqueConstraint("route", "body_sha256"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(String(40))
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("top_up_order.id"), index=True)
    their_ref: Mapped[str | None] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(60))
    verified: Mapped[bool]
    received_at: Mapped[datetime]


class PartnerBalance(Base):
    """What a partner said is left of our account there, when last asked; `code` says why it did not answer."""

    __tablename__ = "partner_balance"

    route: Mapped[str] = mapped_column(String(40), primary_key=True)
    hundredths: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    as_of: Mapped[datetime | None]
    asked_at: Mapped[datetime]
    code: Mapped[str | None] = mapped_column(String(60))


class CallbackTurn(Base):
    """How often a route's address for callbacks was changed, and when last. No row: never."""

    __tablename__ = "callback_turn"
    __table_args__ = (CheckConstraint("turn > 0", name="turn"),)

    route: Mapped[str] = mapped_column(String(40), primary_key=True)
    turn: Mapped[int] = mapped_column(Integer)
    turned_at: Mapped[datetime]
