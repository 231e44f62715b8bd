"""Devices of the counter, the invitations they are enrolled by, the shifts worked at them and their leases.

What each row means on the wire stands in docs/offline.md.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Device(Base):
    """A telephone or tablet of one branch, known by its public key (a P-256 point, 65 bytes).

    `caught_up_on` is the last day on which it told us everything it had accepted, `lease_until_on` the last day of
    its last lease: what the sweep that expires vouchers needs to know. `forked_at`: it, or a copy, told two stories.
    """

    __tablename__ = "device"
    __table_args__ = (
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        CheckConstraint("revoked_reason IS NULL OR revoked_at IS NOT NULL", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(65), unique=True)
    enrolled_by: Mapped[str] = mapped_column(String(60))
    enrolled_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    caught_up_on: Mapped[date | None]
    lease_until_on: Mapped[date | None]
    forked_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(60))
    revoked_reason: Mapped[str | None] = mapped_column(String(200))


class DeviceInvitation(Base):
    """A coordinator's leave to enrol one device, good once. The code is kept as a keyed hash only."""

    __tablename__ = "device_invitation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code_lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    made_by: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("device.id"), unique=True)


class Shift(Base):
    """Someone stands at a device, for twelve hours at most. One is open on a device at a time."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("ends_at > opened_at", name="ends"),
        Index(
            "uq_shift_open",
            "device_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Lease(Base):
    """What a device may accept without us: entries up to a number, until an instant. Later leases reach further."""

    __tablename__ = "device_lease"
    __table_args__ = (CheckConstraint("valid_until > granted_at", name="ends"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"), index=True)
    granted_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    up_to_seq: Mapped[int] = mapped_column(Integer)


class LeaseValue(Base):
    """How far a lease reaches in one unit: the sum of values since the device's first entry."""

    __tablename__ = "device_lease_value"
    __table_args__ = (CheckConstraint("up_to >= 0", name="up_to"),)

    lease_id: Mapped[UUID] = mapped_column(ForeignKey("device_lease.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(16), primary_key=True)
    up_to: Mapped[int] = mapped_column(BigInteger)


class StaffPin(Base):
    """The short secret by which someone opens a shift at an enrolled device; it opens nothing elsewhere."""

    __tablename__ = "staff_pin"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    pin_hash: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]
