"""Passkeys of staff, and the challenges they answer, each good once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class StaffPasskey(Base):
    """A passkey of an account: the public half (COSE); the private half never leaves the authenticator.

    `sign_count` is the last count the authenticator told, 0 when it does not count.
    """

    __tablename__ = "staff_passkey"
    __table_args__ = (
        CheckConstraint("sign_count >= 0", name="sign_count"),
        CheckConstraint("length(name) BETWEEN 1 AND 60", name="name"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """A challenge that waits for its answer, by its SHA-256. `staff_id`: who adds a passkey; None: someone signs in."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (CheckConstraint("ends_at > made_at", name="ends"),)

    challenge_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
