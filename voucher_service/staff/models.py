"""Branches, staff and what each role may see."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Role(StrEnum):
    """What a signed-in person is here for. What each may do stands in docs/authorisation.csv."""

    COORDINATOR = "coordinator"
    COUNTER = "counter"
    VOLUNTEER = "volunteer"
    PARTNER = "partner"
    AUDITOR = "auditor"


class Branch(Base):
    """A place where people are received. Its till is a book of the ledger."""

    __tablename__ = "branch"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    city: Mapped[str] = mapped_column(String(80), index=True)
    address: Mapped[str] = mapped_column(String(160))
    hours: Mapped[str] = mapped_column(String(160))
    till_book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))


class Staff(Base):
    """Someone who signs in. `session_version` rises to end every open session at once."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("(role = 'partner') = (partner_id IS NOT NULL)", name="partner"),
        CheckConstraint("login = lower(login)", name="login"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(12))
    password_hash: Mapped[str] = mapped_column(String(200))
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner.id"))
    active: Mapped[bool] = mapped_column(default=True)
    session_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class StaffBranch(Base):
    """A branch that a member of staff works at. Coordinators and auditors see all branches."""

    __tablename__ = "staff_branch"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), primary_key=True)
