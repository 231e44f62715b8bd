"""Steps of the end of a gift, each once, and value that leaves it other than to a person, by two people."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base

USUAL_STOP = 15
"""Days before a gift's end from which nothing is issued where no rule says: time to use what was issued."""


class EndStep(StrEnum):
    """What happens around the last day of a gift, in order. Only `signed_off` is of people: two."""

    WARNED = "warned"  # a month before
    STOPPED = "stopped"  # nothing is issued from it any more
    REMINDED = "reminded"  # a week before
    SIGNED_OFF = "signed_off"  # one person has counted what is left, another has signed
    ENDED = "ended"  # its last day is over
    TOLERATED = "tolerated"  # the month for late lines is over
    STATEMENT_DUE = "statement_due"  # the agreed statement is due


class EndCalendar(Base):
    """The days of the calendar from a day on, counted from a gift's last day."""

    __tablename__ = "end_calendar"
    __table_args__ = (
        CheckConstraint(
            "warn_days BETWEEN 1 AND 366 AND stop_days BETWEEN 0 AND warn_days AND remind_days BETWEEN 0 AND warn_days",
            name="before",
        ),
        CheckConstraint(
            "tolerance_days BETWEEN 0 AND 366 AND statement_days BETWEEN tolerance_days AND 400", name="after"
        ),
    )

    effective_from: Mapped[date] = mapped_column(primary_key=True)
    warn_days: Mapped[int] = mapped_column(SmallInteger)
    stop_days: Mapped[int] = mapped_column(SmallInteger)
    remind_days: Mapped[int] = mapped_column(SmallInteger)
    tolerance_days: Mapped[int] = mapped_column(SmallInteger)
    statement_days: Mapped[int] = mapped_column(SmallInteger)


class GiftStep(Base):
    """A step of the end of a gift that was reached: `on` the day it fell due, `at` the instant it was noted."""

    __tablename__ = "gift_step"

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"), primary_key=True)
    step: Mapped[str] = mapped_column(String(16), primary_key=True)
    due_on: Mapped[date]
    noted_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(60))


class GiftSignOff(Base):
    """What was left of a gift that ends, as the books said when one person counted it; another person signs.

    Quantities in the gift's unit; none where one person alone had counted, before two were asked for.
    """

    __tablename__ = "gift_sign_off"
    __table_args__ = (
        CheckConstraint("(signed_at IS NULL) = (signed_by IS NULL)", name="signed"),
        CheckConstraint("signed_by IS NULL OR signed_by <> counted_by", name="two_people"),
    )

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"), primary_key=True)
    available: Mapped[int | None] = mapped_column(BigInteger)
    reserved: Mapped[int | None] = mapped_column(BigInteger)
    in_delivery: Mapped[int | None] = mapped_column(BigInteger)
    counted_by: Mapped[str] = mapped_column(String(60))
    counted_at: Mapped[datetime]
    signed_by: Mapped[str | None] = mapped_column(String(60))
    signed_at: Mapped[datetime | None]


class LeaveWay(StrEnum):
    """How value leaves a gift other than to a person."""

    RETURN = "return"
    WRITE_OFF = "write_off"


class GiftLeaving(Base):
    """Value that one person proposes to give back or to write off; another agrees, always. Never edited: withdrawn."""

    __tablename__ = "gift_leaving"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="positive"),
        CheckConstraint("length(reason) >= 3", name="reason"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)", name="decided"
        ),
        CheckConstraint("agreed IS NULL OR agreed = 0 OR decided_by <> proposed_by", name="two_people"),
        CheckConstraint("agreed IS NULL OR agreed = 0 OR transfer_id IS NOT NULL", name="booked"),
        Index(
            "uq_gift_leaving_open",
            "allocation_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_gift_leaving_allocation_id", "allocation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    way: Mapped[str] = mapped_column(String(10))
    quantity: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed: Mapped[int | None] = mapped_column(SmallInteger)  # 1 booked, 0 withdrawn
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    transfer_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))
