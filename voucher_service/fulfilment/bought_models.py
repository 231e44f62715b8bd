"""Codes bought from a partner for one person, and who has looked at them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class BoughtCode(Base):
    """The code that a partner sold for an order: held until `revealed_at`. PIN and instructions are sealed together."""

    __tablename__ = "bought_code"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("top_up_order.id"), primary_key=True)
    serial: Mapped[str] = mapped_column(String(80))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    bought_at: Mapped[datetime]
    revealed_at: Mapped[datetime | None]


class BoughtLook(Base):
    """Each time a bought code was shown: by whom, and why when it was not the first time."""

    __tablename__ = "bought_look"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        CheckConstraint("number = 1 OR length(reason) >= 3", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("bought_code.order_id"))
    number: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(String(200))
    shown_at: Mapped[datetime]
