"""Scans and visits: the redemption is the record of the person's follow-up."""

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
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class VisitKind(StrEnum):
    """A visit with a redemption, or without a voucher."""

    REDEMPTION = "redemption"
    FOLLOW_UP = "follow_up"


class Scan(Base):
    """One presentation of a code, with what was answered. The phone makes the id; a replay gets this row."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint("(outcome = 'accepted') = (order_id IS NOT NULL)", name="accepted"),
        Index("ix_scan_staff_id_received_at", "staff_id", "received_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    voucher_id: Mapped[UUID | None] = mapped_column(ForeignKey("voucher.id"), index=True)
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("top_up_order.id"), unique=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    scanned_at: Mapped[datetime]
    received_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class Visit(Base):
    """A person was received. With `scan_id` it is the record of a redemption.

    The note is sealed under the visit's own key; the answers are codes of the form, without names.
    """

    __tablename__ = "visit"
    __table_args__ = (
        CheckConstraint("(kind = 'redemption') = (scan_id IS NOT NULL)", name="scan"),
        CheckConstraint("paid_cents >= 0", name="paid"),
        Index("ix_visit_branch_id_occurred_at", "branch_id", "occurred_at"),
        Index(
            "ix_visit_person_id",
            "person_id",
            sqlite_where=text("person_id IS NOT NULL"),
            postgresql_where=text("person_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    scan_id: Mapped[UUID | None] = mapped_column(ForeignKey("scan.id"), unique=True)
    voucher_id: Mapped[UUID | None] = mapped_column(ForeignKey("voucher.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    next_visit_on: Mapped[date | None]
    paid_cents: Mapped[int] = mapped_column(Integer)


class VisitUndo(Base):
    """A redemption that was taken back minutes later, before anything had left. The visit itself stays as it was.

    `refund_id` is the transfer that gave the price back; none when nothing was paid. The reason is in a person's
    own words, so erasing the beneficiary empties it.
    """

    __tablename__ = "visit_undo"
    __table_args__ = (CheckConstraint("length(reason) >= 3", name="reason"),)

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("top_up_order.id"), unique=True)
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"), unique=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(200))


class Receipt(Base):
    """The price paid at a visit, as it was given on paper: its number, and how often it was printed.

    Void when the visit was undone. It holds nothing of the person.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("branch_id", "year", "number"),
        CheckConstraint("number > 0 AND amount_cents > 0 AND copies > 0", name="counts"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), unique=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), unique=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    year: Mapped[int] = mapped_column(SmallInteger)
    number: Mapped[int] = mapped_column(Integer)
    amount_cents: Mapped[int] = mapped_column(Integer)
    printed_at: Mapped[datetime]
    copies: Mapped[int] = mapped_column(Integer)
