"""SIM cards, handsets and training seats: what they are, where they lie, who saw their secrets."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class ArticleKind(StrEnum):
    """What an article is: its serial is an ICCID, an IMEI, or the number of a seat."""

    SIM = "sim"
    HANDSET = "handset"
    SEAT = "seat"


class Condition(StrEnum):
    """How a handset is."""

    NEW = "new"
    GOOD = "good"
    WORN = "worn"


class ArticleState(StrEnum):
    """in_stock → held (set aside for an order) → given; in_stock → in_transit → in_stock | lost;
    in_stock → expired | returned | lost; what was lost may be found: lost → in_stock."""

    IN_STOCK = "in_stock"
    HELD = "held"
    GIVEN = "given"
    IN_TRANSIT = "in_transit"
    EXPIRED = "expired"
    RETURNED = "returned"
    LOST = "lost"


class ArticleLot(Base):
    """What a lot of articles has beside any lot: its kind, and the branch that received it."""

    __tablename__ = "article_lot"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(8))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))


class Article(Base):
    """One thing with a serial that is its own in the world. Secrets open with the lot's key, bound to this row.

    `branch_id` is where it lies; under way, where it left. `sell_by` is its last day, a seat's the day of the
    session; none: it keeps. `number_*` are of a SIM's telephone number, which may come later.
    """

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("kind", "serial"),
        CheckConstraint("(order_id IS NOT NULL) = (state IN ('held', 'given'))", name="order"),
        CheckConstraint("(given_at IS NOT NULL) = (state = 'given')", name="given"),
        CheckConstraint("(kind = 'handset') = (model IS NOT NULL AND condition IS NOT NULL)", name="handset"),
        CheckConstraint(
            "(kind = 'seat') = (place IS NOT NULL AND starts IS NOT NULL) AND (kind <> 'seat' OR sell_by IS NOT NULL)",
            name="seat",
        ),
        CheckConstraint(
            "kind = 'sim' OR (pin_sealed IS NULL AND puk_sealed IS NULL AND number_sealed IS NULL)", name="sim"
        ),
        CheckConstraint(
            "(number_sealed IS NULL) = (number_lookup IS NULL) AND (number_sealed IS NULL) = (number_tail IS NULL)",
            name="number",
        ),
        Index(
            "ix_article_next",
            "branch_id",
            "partner_id",
            "product_code",
            "sell_by",
            sqlite_where=text("state = 'in_stock'"),
            postgresql_where=text("state = 'in_stock'"),
        ),
        Index("ix_article_serial", "serial"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    kind: Mapped[str] = mapped_column(String(8))
    product_code: Mapped[str] = mapped_column(String(40))
    serial: Mapped[str] = mapped_column(String(30))
    face_value_cents: Mapped[int] = mapped_column(Integer)
    sell_by: Mapped[date | None]
    model: Mapped[str | None] = mapped_column(String(80))
    condition: Mapped[str | None] = mapped_column(String(8))
    starts: Mapped[str | None] = mapped_column(String(5))  # local time, "14:00"
    place: Mapped[str | None] = mapped_column(String(120))
    pin_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    puk_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    number_lookup: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    number_tail: Mapped[str | None] = mapped_column(String(2))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    state: Mapped[str] = mapped_column(String(10))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("top_up_order.id"), unique=True)
    held_at: Mapped[datetime | None]
    given_at: Mapped[datetime | None]


class ArticleLook(Base):
    """Each time a SIM's secrets were shown: at the hand-over, and again with a reason."""

    __tablename__ = "article_look"
    __table_args__ = (
        UniqueConstraint("article_id", "number"),
        CheckConstraint("number = 1 OR length(reason) >= 3", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    number: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(String(200))
    shown_at: Mapped[datetime]


class StockActArticle(Base):
    """Which articles an act takes out of stock: a thing in a hand is named, never counted."""

    __tablename__ = "stock_act_article"

    act_id: Mapped[UUID] = mapped_column(ForeignKey("stock_act.id"), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"), primary_key=True)
