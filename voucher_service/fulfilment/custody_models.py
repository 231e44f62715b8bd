"""Codes that leave stock other than to a person: who asked, who agreed, why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class ActKind(StrEnum):
    """How codes leave stock: lost, or given back to the donor."""

    LOST = "lost"
    RETURNED = "returned"


class ActState(StrEnum):
    """pending → done | declined; done at once below the threshold for two people."""

    PENDING = "pending"
    DONE = "done"
    DECLINED = "declined"


class StockAct(Base):
    """Codes of one lot that leave stock. Its id is made by whoever asked: the same form twice is one act."""

    __tablename__ = "stock_act"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="positive"),
        CheckConstraint("length(reason) >= 3", name="reason"),
        CheckConstraint("decided_by IS NULL OR state <> 'done' OR decided_by <> created_by", name="two_people"),
        CheckConstraint("state <> 'done' OR needs_second_person = 0 OR decided_by IS NOT NULL", name="approved"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    quantity: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(8))
    needs_second_person: Mapped[int] = mapped_column(Integer)
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
