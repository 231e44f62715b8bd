"""Reader profiles, how each statement was read, and how long its successors are waited for. Rows are written once."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class ReaderProfile(Base):
    """One version of how a partner's files are read; the highest is in force. `settings` is `Profile.to_json`."""

    __tablename__ = "reader_profile"
    __table_args__ = (UniqueConstraint("partner_id", "version"), CheckConstraint("version >= 1", name="version"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    version: Mapped[int] = mapped_column(Integer)
    settings: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime]


class StatedCost(Base):
    """What the operator counts for a line, in cents. Written once, with its line; most files say nothing of it."""

    __tablename__ = "stated_cost"
    __table_args__ = (CheckConstraint("cost >= 0", name="cost"),)

    line_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    cost: Mapped[int] = mapped_column(BigInteger)


class StatementReading(Base):
    """How a statement was read, its number, and the one it replaces.

    A number stands once for each edition, an edition after the first replaces another, and no statement is replaced
    twice. Without a profile the file was read by the names everybody uses.
    """

    __tablename__ = "statement_reading"
    __table_args__ = (
        UniqueConstraint("partner_id", "series_no", "edition"),
        UniqueConstraint("replaces_id"),
        CheckConstraint("(replaces_id IS NULL) = (edition = 1)", name="edition"),
        CheckConstraint("series_no >= 1", name="series_no"),
        CheckConstraint("replaces_id <> statement_id", name="itself"),
    )

    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    profile_id: Mapped[UUID | None] = mapped_column(ForeignKey("reader_profile.id"))
    series_no: Mapped[int | None] = mapped_column(Integer)
    edition: Mapped[int] = mapped_column(Integer)
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("statement.id"))


class GracePeriod(Base):
    """From a day on, how long a delivery that no line carries is waited for in the partner's later statements.

    `days` of the partner's zone after its own that statements must speak for before it is missing; `most_days` how
    many days of the calendar it is waited for at most, when no such statement comes.
    """

    __tablename__ = "grace_period"
    __table_args__ = (CheckConstraint("days BETWEEN 0 AND 31 AND most_days BETWEEN days AND 92", name="range"),)

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(SmallInteger)
    most_days: Mapped[int] = mapped_column(SmallInteger)
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]
