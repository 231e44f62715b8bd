"""What happens to a break: each step written once, and the bookings that close it, by two people above a threshold."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Step(StrEnum):
    """What happened to a break. Finding it is on the break itself."""

    NOTE = "note"
    TAKEN = "taken"
    GIVEN_BACK = "given_back"
    CLASS = "class"  # another class, or another quantity
    RETURNED = "returned"  # a run finds it again, or its booking was undone
    GONE = "gone"
    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    BOOKED = "booked"
    PAIR_ASKED = "pair_asked"
    PAIR_REFUSED = "pair_refused"  # withdrawn by whoever asked, or by another
    PAIRED = "paired"
    UNPAIRED = "unpaired"
    APART = "apart"  # not the same top-up: no longer suggested
    APART_UNDONE = "apart_undone"


class Side(StrEnum):
    """Who did it: people of the programme, people or programs of the partner, or the service by itself."""

    PROGRAMME = "programme"
    PARTNER = "partner"
    SYSTEM = "system"


class BreakEvent(Base):
    """One step in the life of a break. Rows are written once: a note is never reworded."""

    __tablename__ = "break_event"
    __table_args__ = (CheckConstraint("step <> 'note' OR length(words) >= 3", name="note"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    break_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_break.id"), index=True)
    step: Mapped[str] = mapped_column(String(12))
    side: Mapped[str] = mapped_column(String(10))
    actor: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    words: Mapped[str | None] = mapped_column(String(1000))
    was: Mapped[str | None] = mapped_column(String(60))
    became: Mapped[str | None] = mapped_column(String(60))


class BreakOwner(Base):
    """Who of the programme has a break in hand. No row: nobody."""

    __tablename__ = "break_owner"

    break_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_break.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(String(60))


class Way(StrEnum):
    """How a booking closes a break."""

    THEIRS = "theirs"  # the partner's figure counts: the gift follows it
    WRITE_OFF = "write_off"  # the gift bears the loss
    NO_VALUE = "no_value"  # nothing to book: two people say so
    UNDO = "undo"  # the counter-booking of an earlier one
    TOLERANCE = "tolerance"  # small enough, as agreed with the partner: booked by itself
    NOTED = "noted"  # explained in words, before bookings were asked for


class Settlement(Base):
    """A booking that one person proposes for a break; above the threshold another agrees, never the same.

    It holds the break as it was seen: `kind`, `quantity` and `unit`. When the break has changed since, nothing is
    booked. What was proposed is never edited (a trigger): it is withdrawn, and another is proposed.
    """

    __tablename__ = "break_settlement"
    __table_args__ = (
        CheckConstraint("length(note) >= 3", name="note"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)", name="decided"
        ),
        CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR needs_second_person = 0 OR decided_by <> proposed_by", name="two_people"
        ),
        CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR transfer_id IS NOT NULL OR way = 'noted' "
            "OR (way = 'no_value' AND quantity = 0 AND needs_second_person = 1)",
            name="booked",
        ),
        CheckConstraint("(way = 'undo') = (undoes_id IS NOT NULL)", name="undoes"),
        Index(
            "uq_break_settlement_open",
            "break_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index(
            "uq_break_settlement_undoes",
            "undoes_id",
            unique=True,
            sqlite_where=text("agreed = 1"),
            postgresql_where=text("agreed = 1"),
        ),
        Index("ix_break_settlement_break_id", "break_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    break_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_break.id"))
    way: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(32))
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(16))
    allocation_id: Mapped[int | None] = mapped_column(ForeignKey("allocation.id"))
    note: Mapped[str] = mapped_column(String(400))
    needs_second_person: Mapped[int] = mapped_column(SmallInteger)
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed: Mapped[int | None] = mapped_column(SmallInteger)  # 1 booked, 0 withdrawn
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    transfer_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))
    undoes_id: Mapped[UUID | None] = mapped_column(ForeignKey("break_settlement.id"))


_LIVE = "undone_at IS NULL AND (agreed IS NULL OR agreed = 1)"


class Pairing(Base):
    """What people answered to "are this line and this order one top-up?": the same (`is_same`), or not.

    One person proposes; above the threshold another agrees. Agreed, the line claims the order as any match does.
    What was proposed and decided is never edited (a trigger); `undone` is written once, with its reason.
    """

    __tablename__ = "pairing"
    __table_args__ = (
        CheckConstraint("length(note) >= 3", name="note"),
        CheckConstraint("quantity >= 0", name="quantity"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)", name="decided"
        ),
        CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR needs_second_person = 0 OR decided_by <> proposed_by", name="two_people"
        ),
        CheckConstraint("is_same = 1 OR (COALESCE(agreed, 0) = 1 AND needs_second_person = 0)", name="apart"),
        CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_note IS NULL) "
            "AND (undone_at IS NULL OR COALESCE(agreed, 0) = 1)",
            name="undone",
        ),
        *(
            Index(
                f"uq_pairing_{name}",
                *columns,
                unique=True,
                sqlite_where=text(f"{only}{_LIVE}"),
                postgresql_where=text(f"{only}{_LIVE}"),
            )
            for name, columns, only in (
                ("line", ("line_id",), "is_same = 1 AND "),
                ("order", ("order_id",), "is_same = 1 AND "),
                ("both", ("line_id", "order_id"), ""),
            )
        ),
        Index("ix_pairing_order_id", "order_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("stated_line.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("top_up_order.id"))
    is_same: Mapped[int] = mapped_column(SmallInteger)
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(400))
    needs_second_person: Mapped[int] = mapped_column(SmallInteger)
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed: Mapped[int | None] = mapped_column(SmallInteger)  # 1 agreed, 0 withdrawn
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(60))
    undone_at: Mapped[datetime | None]
    undone_note: Mapped[str | None] = mapped_column(String(400))


class Comparison(Base):
    """One run over a statement: what it found new, found again and found no more."""

    __tablename__ = "comparison"
    __table_args__ = (Index("ix_comparison_statement_id", "statement_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statement.id"))
    at: Mapped[datetime]
    found_new: Mapped[int] = mapped_column(BigInteger)
    found_again: Mapped[int] = mapped_column(BigInteger)
    found_gone: Mapped[int] = mapped_column(BigInteger)
