"""Connections to partners, configured by people, and the journal of what was changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Connection(Base):
    """A way to a partner's own service. `route` is what offers name; it never changes.

    `sealed` holds the credentials, bound to this row. `version` grows with each change, so that every process
    notices. Who is not `enabled` is asked about what is under way, and sent nothing.
    """

    __tablename__ = "connection"
    __table_args__ = (CheckConstraint("version > 0", name="version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    kind: Mapped[str] = mapped_column(String(20))
    route: Mapped[str] = mapped_column(String(16), unique=True)
    base: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    trial: Mapped[bool]
    enabled: Mapped[bool]
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class ChangeKind(StrEnum):
    """What was done to a connection."""

    CREATED = "created"
    EDITED = "edited"
    ENABLED = "enabled"
    DISABLED = "disabled"
    TURNED = "turned"  # a new address for callbacks
    TESTED = "tested"
    TRIED = "tried"  # an order, without delivering it


class ConnectionChange(Base):
    """One line of the journal: who did what, and which fields it touched. No value, no credential."""

    __tablename__ = "connection_change"
    __table_args__ = (UniqueConstraint("connection_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connection.id"))
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(10))
    fields: Mapped[list[str]] = mapped_column(JSON)
    code: Mapped[str | None] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime]
