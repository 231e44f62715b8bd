"""The months closed with partners. Triggers keep an agreed row, and all it covers, as it is."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class PeriodClose(Base):
    """One partner's month, proposed by a coordinator and agreed to by the partner.

    `first_day` to `last_day` are days at the branches, `from_at` and `until_at` (excluded) their instants.
    `manifest` says what was agreed, `size` which checkpoint of the sealed log it was read from.
    """

    __tablename__ = "period_close"
    __table_args__ = (
        UniqueConstraint("partner_id", "first_day"),
        CheckConstraint("last_day > first_day AND until_at > from_at", name="period"),
        CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> proposed_by", name="two_people"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(BigInteger)
    manifest: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed_by: Mapped[str | None] = mapped_column(String(60))
    agreed_at: Mapped[datetime | None]
