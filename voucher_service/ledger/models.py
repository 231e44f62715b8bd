"""The four tables of the books. Rows of `book`, `account` and `transfer` are written once.

A book is one thing that holds value: an allocation, a lot of codes, a branch's till. Its accounts are
numbered as in a chart of accounts: the book's number, then two digits for the kind (book 1042, reserved 20:
account 104220). So a voucher that knows its book knows its accounts without looking them up.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
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

BigId = BigInteger().with_variant(Integer, "sqlite")


class BookKind(StrEnum):
    """What a book stands for."""

    ALLOCATION = "allocation"
    LOT = "lot"  # recharge codes
    ARTICLES = "articles"  # a lot of things that lie at branches and travel between them
    TILL = "till"


class AccountKind(IntEnum):
    """The accounts of a book; the number is the last two digits of the account's number."""

    DONOR = 1  # outside: what the partner gave
    PERSON = 2  # outside: what people paid
    AVAILABLE = 10  # received, not promised to anyone; never below zero
    TILL = 11
    RESERVED = 20  # promised by live vouchers
    IN_DELIVERY = 30  # redeemed, the partner not yet final
    IN_TRANSIT = 31  # on the way from one branch to another
    DELIVERED = 40
    BANK = 41
    RETURNED_TO_DONOR = 60
    WRITTEN_OFF = 70
    VARIANCE = 80


ACCOUNTS: dict[BookKind, tuple[AccountKind, ...]] = {
    BookKind.ALLOCATION: (
        AccountKind.DONOR,
        AccountKind.AVAILABLE,
        AccountKind.RESERVED,
        AccountKind.IN_DELIVERY,
        AccountKind.DELIVERED,
        AccountKind.RETURNED_TO_DONOR,
        AccountKind.WRITTEN_OFF,
        AccountKind.VARIANCE,
    ),
    BookKind.LOT: (
        AccountKind.DONOR,
        AccountKind.AVAILABLE,
        AccountKind.DELIVERED,
        AccountKind.RETURNED_TO_DONOR,
        AccountKind.WRITTEN_OFF,
        AccountKind.VARIANCE,
    ),
    BookKind.ARTICLES: (
        AccountKind.DONOR,
        AccountKind.AVAILABLE,
        AccountKind.IN_TRANSIT,
        AccountKind.DELIVERED,
        AccountKind.RETURNED_TO_DONOR,
        AccountKind.WRITTEN_OFF,
        AccountKind.VARIANCE,
    ),
    BookKind.TILL: (AccountKind.PERSON, AccountKind.TILL, AccountKind.BANK, AccountKind.VARIANCE),
}


class Reason(StrEnum):
    """Why value moved: one word per step of the life of a gift."""

    RECEIVED = "received"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    DELIVERED = "delivered"
    GIVEN_BACK = "given_back"
    UNDONE = "undone"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    RETURNED = "returned"
    WRITTEN_OFF = "written_off"
    PRICE_PAID = "price_paid"
    PRICE_RETURNED = "price_returned"
    LATE_DELIVERY = "late_delivery"
    CORRECTED = "corrected"
    SENT = "sent"
    ARRIVED = "arrived"
    FOUND = "found"
    EXCHANGED = "exchanged"


class Book(Base):
    """One thing that holds value in one unit."""

    __tablename__ = "book"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    unit: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]


class Account(Base):
    """An account's identity. Never updated: transfers refer to it, so no redemption waits for another."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("id", "unit"),
        CheckConstraint("id = book_id * 100 + kind", name="number"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    kind: Mapped[int] = mapped_column(SmallInteger)
    unit: Mapped[str] = mapped_column(String(16))


class FloorBalance(Base):
    """The one balance that is kept: what is still available. The database refuses to let it fall below zero.

    `counted` is the number of transfers it includes; the audit adds those up again from the transfers.
    """

    __tablename__ = "floor_balance"
    __table_args__ = (CheckConstraint("balance >= 0", name="floor"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True, autoincrement=False)
    balance: Mapped[int] = mapped_column(BigInteger)
    counted: Mapped[int] = mapped_column(BigInteger)


class Transfer(Base):
    """A positive whole quantity of one unit moved from one account to another, once and for ever.

    `key` is made by whoever asked; the same key with the same `request_hash` answers with this row.
    `resolves_id` names the reservation or hold that this transfer ends: at most one ever can.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        ForeignKeyConstraint(["source_id", "unit"], ["account.id", "account.unit"], name="fk_transfer_source"),
        ForeignKeyConstraint(
            ["destination_id", "unit"], ["account.id", "account.unit"], name="fk_transfer_destination"
        ),
        CheckConstraint("quantity > 0", name="positive"),
        CheckConstraint("source_id <> destination_id", name="two_accounts"),
        Index(
            "uq_transfer_resolves_id",
            "resolves_id",
            unique=True,
            sqlite_where=text("resolves_id IS NOT NULL"),
            postgresql_where=text("resolves_id IS NOT NULL"),
        ),
        # All transfers of a book lie together: its balances are one range scan of this index.
        Index("ix_transfer_movement", "source_id", "destination_id", "quantity"),
        Index("ix_transfer_object_id", "object_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    unit: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(BigInteger)
    source_id: Mapped[int] = mapped_column(BigInteger)
    destination_id: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(16))
    object_kind: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(60))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    resolves_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))


def account_id(book_id: int, kind: AccountKind) -> int:
    """Return the number of the account of `kind` in the book."""
    return book_id * 100 + kind
