"""What partners say is left of each gift, and how small a difference may be to be booked by itself. Written once."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class DeclaredBalance(Base):
    """What is left of a gift at the end of a day of the partner's zone, as the partner says; quantities of `unit`.

    `until_at` is the instant that day ended. A correction is a later `edition`, which alone counts; it comes with a
    reason, or in a statement (`statement_id`, `line`). The movements are those since the first of the month.
    """

    __tablename__ = "declared_balance"
    __table_args__ = (
        UniqueConstraint("allocation_id", "as_of", "edition"),
        CheckConstraint("edition >= 1", name="edition"),
        CheckConstraint("edition = 1 OR statement_id IS NOT NULL OR COALESCE(length(reason), 0) >= 3", name="reason"),
        CheckConstraint("(statement_id IS NULL) = (line IS NULL)", name="line"),
        CheckConstraint(
            "COALESCE(granted, 0) >= 0 AND COALESCE(delivered, 0) >= 0 AND COALESCE(reversed, 0) >= 0 "
            "AND COALESCE(expired, 0) >= 0 AND COALESCE(returned, 0) >= 0",
            name="movements",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), index=True)
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    unit: Mapped[str] = mapped_column(String(16))
    as_of: Mapped[date]
    until_at: Mapped[datetime]
    edition: Mapped[int] = mapped_column(Integer)
    closing: Mapped[int] = mapped_column(BigInteger)
    opening: Mapped[int | None] = mapped_column(BigInteger)
    granted: Mapped[int | None] = mapped_column(BigInteger)
    delivered: Mapped[int | None] = mapped_column(BigInteger)
    reversed: Mapped[int | None] = mapped_column(BigInteger)
    expired: Mapped[int | None] = mapped_column(BigInteger)
    returned: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(400))
    statement_id: Mapped[UUID | None] = mapped_column(ForeignKey("statement.id"), index=True)
    line: Mapped[int | None] = mapped_column(Integer)
    declared_by: Mapped[str] = mapped_column(String(60))
    declared_at: Mapped[datetime]


class Tolerance(Base):
    """From a day on, a difference of at most `each` is booked by itself; all of a statement together at most `most`."""

    __tablename__ = "tolerance"
    __table_args__ = (CheckConstraint("each >= 0 AND most >= each", name="range"),)

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(16), primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    each: Mapped[int] = mapped_column(BigInteger)
    most: Mapped[int] = mapped_column(BigInteger)
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]
