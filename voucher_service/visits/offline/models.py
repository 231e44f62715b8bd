"""Entries of devices' queues, with the answer each was given."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
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


class OfflineEntry(Base):
    """One acceptance that a device signed. Its answer never changes; `closed_*` is what a person made of it.

    `placed` is 1 when it stands in the device's chain: one for each number. Of two stories with one number, or of one
    that does not follow from its neighbour, the later to arrive has no place. `lease_id` and `shift_id` are the
    device's word, so they refer to nothing; for what is confirmed the audit sees that they are the device's own.
    `content_sealed` is what the device sealed, sealed again under the entry's own key until a person has closed it.
    """

    __tablename__ = "offline_entry"
    __table_args__ = (
        UniqueConstraint("device_id", "entry_hash"),
        Index(
            "uq_offline_entry_place",
            "device_id",
            "seq",
            unique=True,
            sqlite_where=text("placed = 1"),
            postgresql_where=text("placed = 1"),
        ),
        Index(
            "uq_offline_entry_confirmed",
            "scan_id",
            unique=True,
            sqlite_where=text("status = 'confirmed'"),
            postgresql_where=text("status = 'confirmed'"),
        ),
        Index(
            "ix_offline_entry_open",
            "received_at",
            sqlite_where=text("status <> 'confirmed' AND closed_at IS NULL"),
            postgresql_where=text("status <> 'confirmed' AND closed_at IS NULL"),
        ),
        CheckConstraint("status IN ('confirmed', 'conflict', 'refused')", name="status"),
        CheckConstraint("(status = 'confirmed') = (reason IS NULL)", name="reason"),
        CheckConstraint("status <> 'confirmed' OR (voucher_id IS NOT NULL AND placed = 1)", name="confirmed"),
        CheckConstraint("status <> 'conflict' OR placed = 1", name="conflict"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_by"),
        CheckConstraint("(closed_at IS NULL) = (decision IS NULL)", name="decision"),
        CheckConstraint("closed_at IS NULL OR status <> 'confirmed'", name="closed"),
        CheckConstraint("seq > 0 AND value > 0 AND total >= value", name="counts"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    seq: Mapped[int] = mapped_column(Integer)
    scan_id: Mapped[UUID] = mapped_column(index=True)
    entry_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    placed: Mapped[int] = mapped_column(SmallInteger)
    organisation: Mapped[int] = mapped_column(Integer)
    key_id: Mapped[int] = mapped_column(SmallInteger)
    serial: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(16))
    value: Mapped[int] = mapped_column(Integer)
    total: Mapped[int] = mapped_column(BigInteger)
    accepted_at: Mapped[datetime]
    age_ms: Mapped[int] = mapped_column(BigInteger)
    lease_id: Mapped[UUID]
    shift_id: Mapped[UUID]
    received_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(9))
    reason: Mapped[str | None] = mapped_column(String(20))
    voucher_id: Mapped[UUID | None] = mapped_column(ForeignKey("voucher.id"), index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(60))
    decision: Mapped[str | None] = mapped_column(String(16))
    closing_note: Mapped[str | None] = mapped_column(String(400))
