"""Stock-takes: what was expected on the shelves of a branch, what was seen, and what became of the difference."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class CountState(StrEnum):
    """open ⇄ submitted → closed (by another person); or dropped, and nothing is booked."""

    OPEN = "open"
    SUBMITTED = "submitted"
    CLOSED = "closed"
    DROPPED = "dropped"


class Finding(StrEnum):
    """What a stock-take says of one article. Only the first three are booked."""

    MISSING = "missing"  # expected, in stock here, not seen: lost
    FOUND = "found"  # lost, and seen: back in stock here
    ELSEWHERE = "elsewhere"  # in stock at another branch, and seen here: moved here
    SET_ASIDE = "set_aside"  # not seen, but set aside for a person: to be looked for
    MISPLACED = "misplaced"  # seen, though given, returned, expired or under way: a person must look
    EXPLAINED = "explained"  # it moved while the count was open
    PRESENT = "present"


class StockCount(Base):
    """A stock-take of one branch. The articles expected are written down when it is opened."""

    __tablename__ = "stock_count"
    __table_args__ = (
        CheckConstraint(
            "state <> 'closed' OR (closed_by IS NOT NULL AND closed_by <> submitted_by)", name="two_people"
        ),
        CheckConstraint("state NOT IN ('submitted', 'closed') OR submitted_by IS NOT NULL", name="submitted"),
        Index(
            "uq_stock_count_under_way",
            "branch_id",
            unique=True,
            sqlite_where=text("state IN ('open', 'submitted')"),
            postgresql_where=text("state IN ('open', 'submitted')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    state: Mapped[str] = mapped_column(String(10))
    opened_by: Mapped[str] = mapped_column(String(60))
    opened_at: Mapped[datetime]
    submitted_by: Mapped[str | None] = mapped_column(String(60))
    submitted_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(60))  # who closed it, or dropped it
    closed_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200))


class CountLine(Base):
    """One article of a stock-take: expected, seen, or both. `finding` is written when it is closed."""

    __tablename__ = "count_line"
    __table_args__ = (
        CheckConstraint("expected = 1 OR seen_by IS NOT NULL", name="why"),
        CheckConstraint("(seen_by IS NULL) = (seen_at IS NULL)", name="seen"),
    )

    count_id: Mapped[UUID] = mapped_column(ForeignKey("stock_count.id"), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"), primary_key=True)
    expected: Mapped[int] = mapped_column(SmallInteger)
    seen_by: Mapped[str | None] = mapped_column(String(60))
    seen_at: Mapped[datetime | None]
    finding: Mapped[str | None] = mapped_column(String(10))


class CountStray(Base):
    """A serial that was seen and that no lot has brought."""

    __tablename__ = "count_stray"

    count_id: Mapped[UUID] = mapped_column(ForeignKey("stock_count.id"), primary_key=True)
    serial: Mapped[str] = mapped_column(String(30), primary_key=True)
    seen_by: Mapped[str] = mapped_column(String(60))
    seen_at: Mapped[datetime]
