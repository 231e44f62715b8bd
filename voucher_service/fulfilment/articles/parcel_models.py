"""Parcels: articles on their way from one branch to another."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class ParcelState(StrEnum):
    """sent → received (by another person) | recalled (it never left)."""

    SENT = "sent"
    RECEIVED = "received"
    RECALLED = "recalled"


class Parcel(Base):
    """Articles sent together. Its id is made by whoever sends: the same form twice is one parcel.

    With `count_id` nothing travelled: a stock-take found these at `to_branch_id`, and two people signed it.
    """

    __tablename__ = "parcel"
    __table_args__ = (
        CheckConstraint("from_branch_id <> to_branch_id", name="branches"),
        CheckConstraint("state <> 'received' OR ended_by <> sent_by", name="two_people"),
        CheckConstraint(
            "(state = 'sent') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)", name="ended"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    to_branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    state: Mapped[str] = mapped_column(String(10))
    note: Mapped[str] = mapped_column(String(200))
    sent_by: Mapped[str] = mapped_column(String(60))
    sent_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(60))
    ended_at: Mapped[datetime | None]
    ended_note: Mapped[str] = mapped_column(String(200))
    count_id: Mapped[UUID | None] = mapped_column(ForeignKey("stock_count.id"))


class ParcelArticle(Base):
    """One article in one parcel; `number` counts its journeys. `arrived`: 1, or 0 when it was missing or recalled."""

    __tablename__ = "parcel_article"
    __table_args__ = (
        UniqueConstraint("article_id", "number"),
        CheckConstraint("arrived IN (0, 1)", name="arrived"),
        Index(
            "uq_parcel_article_under_way",
            "article_id",
            unique=True,
            sqlite_where=text("arrived IS NULL"),
            postgresql_where=text("arrived IS NULL"),
        ),
    )

    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcel.id"), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    arrived: Mapped[int | None] = mapped_column(SmallInteger)
