"""Keys of partners' programs, and the answers their requests were given."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class ApiKey(Base):
    """A key of one partner's programs. Only its hash is kept; `tail` lets people tell keys apart.

    `scopes` are words with one space between. A key ends at `ends_at`, or at once when it is revoked.
    """

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    tail: Mapped[str] = mapped_column(String(4))
    scopes: Mapped[str] = mapped_column(String(120))
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(60))
    last_used_on: Mapped[date | None]


class ApiAnswer(Base):
    """What a request with an idempotency key was answered; without a status it is still being worked on."""

    __tablename__ = "api_answer"
    __table_args__ = (CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered"),)

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    claimed_at: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(Integer)
    body: Mapped[str | None] = mapped_column(Text)
