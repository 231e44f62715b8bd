"""Emergency packs and the lines of their paper log, with the answer each line was given."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
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

LINES: Final = 12
"""Lines on a page of the log."""

MOST_PAGES: Final = 20


class EmergencyPack(Base):
    """A numbered pack for one branch: its number stands on each page of its log. Printed once, before it is needed."""

    __tablename__ = "emergency_pack"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("pages BETWEEN 1 AND 20", name="pages"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    pages: Mapped[int] = mapped_column(SmallInteger)
    made_by: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime]


class PaperLine(Base):
    """One line of a pack's log as it was keyed in: pack, page and line make it happen once.

    Its answer never changes; `closed_*` is what a person made of a conflict. `handed_at` is the time on the paper,
    `initials` those of whoever stood at the desk; `staff_id` keyed it. `content_sealed` is what the books did not
    take of a conflict (number, price, what was handed over), under the line's own key until a person has closed it.
    """

    __tablename__ = "paper_line"
    __table_args__ = (
        UniqueConstraint("pack_id", "page", "line"),
        Index(
            "ix_paper_line_open",
            "keyed_at",
            sqlite_where=text("status = 'conflict' AND closed_at IS NULL"),
            postgresql_where=text("status = 'conflict' AND closed_at IS NULL"),
        ),
        CheckConstraint("page BETWEEN 1 AND 20 AND line BETWEEN 1 AND 12", name="place"),
        CheckConstraint("status IN ('confirmed', 'conflict')", name="status"),
        CheckConstraint("(status = 'confirmed') = (reason IS NULL)", name="reason"),
        CheckConstraint("length(initials) BETWEEN 1 AND 8", name="initials"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_by"),
        CheckConstraint("(closed_at IS NULL) = (decision IS NULL)", name="decision"),
        CheckConstraint("closed_at IS NULL OR status = 'conflict'", name="closed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pack_id: Mapped[UUID] = mapped_column(ForeignKey("emergency_pack.id"))
    page: Mapped[int] = mapped_column(SmallInteger)
    line: Mapped[int] = mapped_column(SmallInteger)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    scan_id: Mapped[UUID] = mapped_column(ForeignKey("scan.id"), unique=True)
    voucher_id: Mapped[UUID] = mapped_column(ForeignKey("voucher.id"), index=True)
    status: Mapped[str] = mapped_column(String(9))
    reason: Mapped[str | None] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    handed_at: Mapped[datetime]
    initials: Mapped[str] = mapped_column(String(8))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    keyed_at: Mapped[datetime]
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(60))
    decision: Mapped[str | None] = mapped_column(String(16))
    closing_note: Mapped[str | None] = mapped_column(String(400))
