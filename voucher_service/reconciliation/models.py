"""Partner statements, their lines, and the breaks between their books and ours."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, mapped_column

from voucher_service.db import Base
from voucher_service.fulfilment.models import Order
from voucher_service.fulfilment.stated_numbers import StatedNumber
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.intake.models import StatedCost
from voucher_service.vouchers.models import Voucher


class BreakClass(StrEnum):
    """How a line of theirs and an order of ours can differ; the first word of a difference."""

    AMOUNT_DIFFERS = "amount_differs"
    PRODUCT_DIFFERS = "product_differs"
    DELIVERED_HERE_REFUSED_THERE = "delivered_here_refused_there"
    REFUSED_HERE_DELIVERED_THERE = "refused_here_delivered_there"
    MISSING_AT_PARTNER = "missing_at_partner"
    AWAITED_AT_PARTNER = "awaited_at_partner"
    UNEXPECTED_AT_PARTNER = "unexpected_at_partner"
    DUPLICATE_AT_PARTNER = "duplicate_at_partner"
    DELIVERED_THERE_OPEN_HERE = "delivered_there_open_here"
    REFUSED_THERE_OPEN_HERE = "refused_there_open_here"
    REVERSED_AFTER_DELIVERY = "reversed_after_delivery"
    CODE_USED_BEFORE_REVEAL = "code_used_before_reveal"
    CODE_REVEALED_NEVER_USED = "code_revealed_never_used"
    LATE_DELIVERY = "late_delivery"
    TOTAL_DIFFERS = "total_differs"
    BALANCE_DIFFERS = "balance_differs"
    STATEMENT_MISSING = "statement_missing"
    UNCLASSIFIED = "unclassified"


class Statement(Base):
    """A partner's file as it came, immutable; the same file again is this row."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("partner_id", "file_sha256"),
        CheckConstraint("last_day >= first_day", name="period"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    file_name: Mapped[str] = mapped_column(String(200))
    file_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # sealed; `intake.files.file_of` opens it
    first_day: Mapped[date]
    last_day: Mapped[date]
    line_count: Mapped[int] = mapped_column(Integer)
    uploaded_by: Mapped[str] = mapped_column(String(60))
    uploaded_at: Mapped[datetime]
    number: ClassVar[MappedSQLExpression[int]]


class StatementIntake(Base):
    """How a statement was taken in. Its number is the upper half of the ids of its lines."""

    __tablename__ = "intake"

    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)


class StatementLine(Base):
    """One canonical line, written once. Its id is the number of its statement times 2^32, plus its line in the file.

    So the lines of a statement stand together under one key, and no line can stand twice. There are no foreign keys
    here: checked row by row they cost more than all the rest of a reconciliation. Parents are never deleted.
    """

    __tablename__ = "stated_line"
    __table_args__ = (
        Index(
            "ix_stated_line_product",
            "id",
            sqlite_where=text("product IS NOT NULL"),
            postgresql_where=text("product IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    spelled: Mapped[str | None] = mapped_column("our_ref", String(40))  # our reference, unless it is `named_id`
    named_id: Mapped[UUID | None]  # the order that our reference spells, whether it exists or not
    partner_ref: Mapped[str | None] = mapped_column(String(80))
    serial: Mapped[str | None] = mapped_column(String(30))
    unit: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(10))  # delivered | refused | reversed
    event_at: Mapped[datetime]
    product: Mapped[str | None] = mapped_column(String(40))  # the partner's code, where the line states one
    line: ClassVar[MappedSQLExpression[int]]  # in the file, from 1
    order_id: ClassVar[MappedSQLExpression[UUID | None]]
    matched_by: ClassVar[MappedSQLExpression[str | None]]
    ordered: ClassVar[MappedSQLExpression[str | None]]  # the product of that order
    sums_up: ClassVar[MappedSQLExpression[int | None]]  # how many top-ups, where it stands for those of a day
    tail: ClassVar[MappedSQLExpression[str | None]]  # the last two digits of the telephone it names
    cost: ClassVar[MappedSQLExpression[int | None]]  # cents

    @property
    def our_ref(self) -> str | None:
        """Return our reference as the line states it, None when it states none."""
        return reference(self.spelled, self.named_id)


def reference(spelled: str | None, named_id: UUID | None) -> str | None:
    """Return our reference as a line states it, from its two columns."""
    return spelled if spelled is not None or named_id is None else str(named_id)


class StatedSum(Base):
    """What a line that sums up stands for: `count` top-ups of a day of the partner's zone. Written once, with its line.

    Without a `product` it stands for those of every product in the line's unit.
    """

    __tablename__ = "stated_sum"
    __table_args__ = (
        CheckConstraint("count >= 1", name="count"),
        CheckConstraint("until_at > from_at", name="day"),
    )

    line_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        ForeignKey("stated_line.id"),
        primary_key=True,
        autoincrement=False,
    )
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("statement.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), index=True)
    count: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str] = mapped_column(String(16))  # that of the line, and so is the status
    status: Mapped[str] = mapped_column(String(10))
    product: Mapped[str | None] = mapped_column(String(40))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]


class LineClaim(Base):
    """A line claims an order. An order is claimed by one line at most, and a line claims one order at most.

    A line that sums up (`summed_by`) claims several: each of these claims has a place of its own as its `line_id`, in
    the upper half of the ids of its statement, where no line stands.
    """

    __tablename__ = "line_claim"
    __table_args__ = (
        Index(
            "ix_line_claim_summed_by",
            "summed_by",
            sqlite_where=text("summed_by IS NOT NULL"),
            postgresql_where=text("summed_by IS NOT NULL"),
        ),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), unique=True)
    matched_by: Mapped[str] = mapped_column(String(12))  # our_ref | partner_ref | serial | sum | hand
    summed_by: Mapped[int | None] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        CheckConstraint("(summed_by IS NULL) = (matched_by <> 'sum')", name="summed"),
    )


Statement.number = column_property(
    select(StatementIntake.number).where(StatementIntake.statement_id == Statement.id).scalar_subquery()
)
StatementLine.line = column_property(StatementLine.id % 2**32)
# For pages and stories of a few lines; queries over a whole statement join LineClaim.
StatementLine.order_id = column_property(
    select(LineClaim.order_id)
    .where(LineClaim.line_id == StatementLine.id)
    .correlate_except(LineClaim)
    .scalar_subquery()
)
StatementLine.matched_by = column_property(
    select(LineClaim.matched_by)
    .where(or_(LineClaim.line_id == StatementLine.id, LineClaim.summed_by == StatementLine.id))
    .limit(1)
    .correlate_except(LineClaim)
    .scalar_subquery()
)
StatementLine.sums_up = column_property(
    select(StatedSum.count).where(StatedSum.line_id == StatementLine.id).correlate_except(StatedSum).scalar_subquery()
)
StatementLine.tail = column_property(
    select(StatedNumber.tail).where(StatedNumber.line_id == StatementLine.id).correlate_except(StatedNumber)
    .scalar_subquery()
)  # fmt: skip
StatementLine.cost = column_property(
    select(StatedCost.cost).where(StatedCost.line_id == StatementLine.id).correlate_except(StatedCost).scalar_subquery()
)
StatementLine.ordered = column_property(
    select(Offer.product_code)
    .join(Voucher, Voucher.offer_id == Offer.id)
    .join(Order, Order.voucher_id == Voucher.id)
    .join(LineClaim, LineClaim.order_id == Order.id)
    .where(LineClaim.line_id == StatementLine.id, StatementLine.product.is_not(None))
    .correlate_except(LineClaim, Order, Voucher, Offer)
    .scalar_subquery()
)


def in_statement() -> ColumnElement[bool]:
    """Return the condition "the line is one of the statement taken in", both in the query."""
    return StatementIntake.number == StatementLine.id // 2**32


def lines_of(number: int) -> ColumnElement[bool]:
    """Return the condition "this line is one of the statement with that number"."""
    return StatementLine.id.between(number << 32, (number << 32) + 2**32 - 1)


class Break(Base):
    """A difference that someone must explain. It belongs to a line of theirs or to an order of ours, or to neither:
    then `BreakSubject` says what it is about.

    Its identity does not depend on its class, so a new run finds the same break again. It closes in two ways only:
    a later run no longer finds it (`system`), or a settlement booked it (`settlement:` and its id). A delivery that
    came late is known before any statement tells of it: it has none.
    """

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        CheckConstraint(
            "line_id IS NOT NULL OR order_id IS NOT NULL OR kind IN ('balance_differs', 'statement_missing')",
            name="side",
        ),
        CheckConstraint("line_id IS NULL OR statement_id IS NOT NULL", name="statement"),
        CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved"),
        CheckConstraint(
            "resolved_by IS NULL OR resolved_by = 'system' OR resolved_by LIKE 'settlement:%'", name="closed_by"
        ),
        UniqueConstraint("line_id"),
        Index(
            "uq_reconciliation_break_order",
            "order_id",
            unique=True,
            sqlite_where=text("line_id IS NULL"),
            postgresql_where=text("line_id IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"), index=True)
    statement_id: Mapped[UUID | None] = mapped_column(ForeignKey("statement.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("stated_line.id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("top_up_order.id"))
    kind: Mapped[str] = mapped_column(String(32))
    priority: Mapped[int] = mapped_column(SmallInteger)
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(16))
    found_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(String(400))


class BreakSubject(Base):
    """What a break without line and order is about, written once with it.

    Either a balance that the partner declared, or numbers that no statement has: those before `gap_before`.
    """

    __tablename__ = "break_subject"
    __table_args__ = (
        UniqueConstraint("balance_id"),
        UniqueConstraint("partner_id", "gap_before"),
        CheckConstraint("(balance_id IS NULL) <> (gap_before IS NULL)", name="one"),
    )

    break_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_break.id"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    balance_id: Mapped[UUID | None] = mapped_column(ForeignKey("declared_balance.id"))
    gap_before: Mapped[int | None] = mapped_column(Integer)
