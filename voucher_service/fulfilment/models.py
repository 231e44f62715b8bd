"""Orders (the outbox), attempts, callbacks and stock."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class OrderState(StrEnum):
    """waiting → sending → accepted | delivered | given_back | unknown; delivered may become reversed.

    `held` is a recharge code set aside for the person and not yet shown; showing it makes it `delivered`.
    `given_back` is a refusal whose value went back to the voucher. `reversing`: proved absent at a partner that
    may pay a reference twice; it is asked to take back what may be there, until it says it did, and the order
    is then sent anew under a new reference. `reversed`: delivered, and taken back by the partner afterwards.
    `manual` waits for two people; its value is still in delivery, unless its reason is `late_delivery`: then it
    was delivered after the value had gone back. `lost`: two people wrote its value off.
    """

    WAITING = "waiting"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REVERSING = "reversing"
    HELD = "held"
    DELIVERED = "delivered"
    GIVEN_BACK = "given_back"
    REVERSED = "reversed"
    MANUAL = "manual"
    LOST = "lost"


OPEN_STATES = (
    OrderState.WAITING,
    OrderState.SENDING,
    OrderState.ACCEPTED,
    OrderState.UNKNOWN,
    OrderState.REVERSING,
    OrderState.MANUAL,
    OrderState.HELD,
)


class Order(Base):
    """The instruction to deliver one top-up; the row is the outbox, a message is only a hint.

    Its id is our reference at the partner, until that is reversed (see `decide.reference`). `reservation_id`
    is unique: one promise is ordered once.
    `hold_id` is the transfer that put the value in delivery; delivery or refusal resolves it, once.
    """

    __tablename__ = "top_up_order"
    __table_args__ = (
        Index(
            "ix_top_up_order_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        # For reconciliation. All are partial, so that a redemption, whose order has none of it yet, pays nothing.
        Index(
            "ix_top_up_order_partner_ref",
            "partner_ref",
            sqlite_where=text("partner_ref IS NOT NULL"),
            postgresql_where=text("partner_ref IS NOT NULL"),
        ),
        Index(
            "ix_top_up_order_final",
            "allocation_id",
            "final_at",
            sqlite_where=text("final_at IS NOT NULL"),
            postgresql_where=text("final_at IS NOT NULL"),
        ),
        Index(
            "ix_top_up_order_number",
            "number_lookup",
            sqlite_where=text("final_at IS NOT NULL AND number_lookup IS NOT NULL"),
            postgresql_where=text("final_at IS NOT NULL AND number_lookup IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    voucher_id: Mapped[UUID] = mapped_column(ForeignKey("voucher.id"), index=True)
    reservation_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), unique=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), unique=True)
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    unit: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(Integer)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    number_lookup: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    number_tail: Mapped[str | None] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer)
    queries: Mapped[int] = mapped_column(Integer)
    partner_ref: Mapped[str | None] = mapped_column(String(80))
    outcome_code: Mapped[str | None] = mapped_column(String(60))
    final_at: Mapped[datetime | None]


class AttemptKind(StrEnum):
    """What an attempt does: send the order, confirm it, ask what became of it, or ask for it to be taken back."""

    SUBMIT = "submit"
    CONFIRM = "confirm"
    QUERY = "query"
    REVERSE = "reverse"


class AttemptOutcome(StrEnum):
    """What came back. `lost` and `internal` are faults of ours, the others answers of the partner."""

    DELIVERED = "delivered"
    HELD = "held"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"
    ABSENT = "absent"  # not found, late enough to count as a proof
    REVERSED = "reversed"
    NEVER_HAPPENED = "never_happened"  # asked to take back: there is nothing, now or later
    TOO_LATE = "too_late"  # asked to take back: it was delivered and stays so
    STOCK_EMPTY = "stock_empty"
    INTERNAL = "internal"  # we failed before the socket opened
    LOST = "lost"  # the worker never came back with an answer


class Attempt(Base):
    """One call to a partner: written before the socket opens, completed by what came back.

    At most one attempt of an order is in flight: the database refuses a second one.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
        Index(
            "uq_attempt_in_flight",
            "order_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("top_up_order.id"))
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(8))
    our_ref: Mapped[str] = mapped_column(String(40))
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    started_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(60))
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ItemState(StrEnum):
    """in_stock → held (set aside for an order) → revealed; or in_stock → expired | returned | lost."""

    IN_STOCK = "in_stock"
    HELD = "held"
    REVEALED = "revealed"
    EXPIRED = "expired"
    RETURNED = "returned"
    LOST = "lost"


class Lot(Base):
    """A donor's file of recharge codes. Its number is the number of its book (unit: pieces)."""

    __tablename__ = "lot"
    __table_args__ = (CheckConstraint("quantity > 0", name="positive"),)

    id: Mapped[int] = mapped_column(ForeignKey("book.id"), primary_key=True, autoincrement=False)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    name: Mapped[str] = mapped_column(String(120))
    file_name: Mapped[str] = mapped_column(String(200))
    file_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    quantity: Mapped[int] = mapped_column(Integer)
    imported_by: Mapped[str] = mapped_column(String(60))
    imported_at: Mapped[datetime]


class StockItem(Base):
    """One recharge code. The serial is public; the PIN opens only with the lot's key, bound to this row."""

    __tablename__ = "stock_item"
    __table_args__ = (
        UniqueConstraint("partner_id", "serial"),
        CheckConstraint("(order_id IS NOT NULL) = (state IN ('held', 'revealed'))", name="order"),
        Index(
            "ix_stock_item_next",
            "partner_id",
            "product_code",
            "sell_by",
            "id",
            sqlite_where=text("state = 'in_stock'"),
            postgresql_where=text("state = 'in_stock'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    product_code: Mapped[str] = mapped_column(String(40))
    serial: Mapped[str] = mapped_column(String(30))
    pin_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    face_value_cents: Mapped[int] = mapped_column(Integer)
    sell_by: Mapped[date]
    state: Mapped[str] = mapped_column(String(8))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("top_up_order.id"), unique=True)
    held_at: Mapped[datetime | None]
    revealed_at: Mapped[datetime | None]


class Reveal(Base):
    """Each time a recharge code was shown: by whom, and why when it was not the first time."""

    __tablename__ = "reveal"
    __table_args__ = (
        UniqueConstraint("item_id", "number"),
        CheckConstraint("number = 1 OR length(reason) >= 3", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("stock_item.id"))
    number: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(String(200))
    shown_at: Mapped[datetime]
