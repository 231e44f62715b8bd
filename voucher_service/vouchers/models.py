"""Signing keys, batches and vouchers."""

from __future__ import annotations

from datetime import date, datetime
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


class VoucherState(StrEnum):
    """issued → redeemed (and back, when the operator refuses) | cancelled | replaced | expired."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    EXPIRED = "expired"


class BatchState(StrEnum):
    """pending → ready → issued; or pending → declined."""

    PENDING = "pending"  # waits for a second person
    READY = "ready"
    ISSUED = "issued"
    DECLINED = "declined"


class SigningKey(Base):
    """A key of the ring. `next_serial` counts the vouchers signed with it."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("key_id BETWEEN 0 AND 255", name="key_id"),
        CheckConstraint("status <> 'active' OR private_sealed IS NOT NULL", name="active_signs"),
        Index(
            "uq_signing_key_active",
            "organisation",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    organisation: Mapped[int] = mapped_column(Integer, primary_key=True)
    key_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(16))
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    private_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(8))
    next_serial: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]
    status_at: Mapped[datetime]


class Batch(Base):
    """Vouchers issued together, to bearer or to named people."""

    __tablename__ = "batch"
    __table_args__ = (
        CheckConstraint("quantity BETWEEN 1 AND 1000000", name="quantity"),
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="two_people"),
        CheckConstraint(
            "state NOT IN ('ready', 'issued') OR needs_second_person = 0 OR approved_by IS NOT NULL",
            name="approved",
        ),
        CheckConstraint("(state = 'declined') = (declined_by IS NOT NULL)", name="declined"),
        CheckConstraint("issued_count BETWEEN 0 AND quantity", name="issued_count"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(120))
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"))
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    quantity: Mapped[int] = mapped_column(Integer)
    issued_count: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(8))
    needs_second_person: Mapped[int] = mapped_column(SmallInteger)
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_at: Mapped[datetime | None]
    declined_by: Mapped[str | None] = mapped_column(String(60))
    declined_at: Mapped[datetime | None]
    stopped_because: Mapped[str | None] = mapped_column(String(300))  # why issuing paused; empty when it goes on


class Voucher(Base):
    """A promise of one quantity of one unit, held as a reservation in its allocation's book.

    Neither the signed code nor the typed code is stored: both are made again from the key ring when a
    voucher is shown or printed, so a copy of this table cannot be spent. `reservation_id` is the transfer
    that holds the value now; `redeemed_key` is the scan that won.
    """

    __tablename__ = "voucher"
    __table_args__ = (
        UniqueConstraint("organisation", "key_id", "serial"),
        CheckConstraint("quantity BETWEEN 1 AND 16777215", name="quantity"),
        CheckConstraint("(state = 'redeemed') = (redeemed_key IS NOT NULL)", name="redeemed"),
        Index(
            "ix_voucher_live_last_day",
            "last_day",
            sqlite_where=text("state = 'issued'"),
            postgresql_where=text("state = 'issued'"),
        ),
        Index(
            "ix_voucher_person_id",
            "person_id",
            sqlite_where=text("person_id IS NOT NULL"),
            postgresql_where=text("person_id IS NOT NULL"),
        ),
        Index(
            "ix_voucher_batch_id",
            "batch_id",
            sqlite_where=text("batch_id IS NOT NULL"),
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation: Mapped[int] = mapped_column(Integer)
    key_id: Mapped[int] = mapped_column(SmallInteger)
    serial: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[int] = mapped_column(BigInteger)
    typed_lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"))
    offer_code: Mapped[int] = mapped_column(Integer)
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batch.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    unit: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(Integer)
    face_value_cents: Mapped[int] = mapped_column(Integer)
    price_cents: Mapped[int] = mapped_column(Integer)
    last_day: Mapped[date]
    state: Mapped[str] = mapped_column(String(9))
    reservation_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"))
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("voucher.id"), unique=True)
    issued_by: Mapped[str] = mapped_column(String(60))
    issued_at: Mapped[datetime]
    redeemed_key: Mapped[UUID | None]
    redeemed_at: Mapped[datetime | None]
    redeemed_branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(60))
    ended_reason: Mapped[str | None] = mapped_column(String(200))
