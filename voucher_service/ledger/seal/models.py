"""The tables of the sealed log, and what any change of a signing key is.

Rows are written once; what the log's say can be made again from the transfers.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base
from voucher_service.ledger.models import BigId


class Leaf(Base):
    """Which transfer is the leaf of this number, counted from 0 without a gap, and its leaf hash.

    No foreign key: on PostgreSQL it would lock, and so write again, the row of each sealed transfer. The audit
    holds both sides against each other instead.
    """

    __tablename__ = "ledger_leaf"
    __table_args__ = (CheckConstraint("number >= 0", name="number"),)

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    transfer_id: Mapped[UUID] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Node(Base):
    """The hash over 256^level leaves from leaf `number` * 256^level on: what a proof reads instead of leaves."""

    __tablename__ = "ledger_node"
    __table_args__ = (CheckConstraint("level >= 1 AND number >= 0", name="place"),)

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Checkpoint(Base):
    """A signed statement of the tree's first `size` leaves, as it was published."""

    __tablename__ = "ledger_checkpoint"
    __table_args__ = (CheckConstraint("size >= 1", name="size"),)

    size: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text)
    sealed_at: Mapped[datetime]


class Change:
    """A signing key was changed: the new private key, sealed, and the note that both keys signed.

    `size` is how many leaves the old key still speaks for: what is about more of them is signed with the new one.
    """

    __tablename__: str
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    private_sealed: Mapped[bytes]
    note: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


class KeyChange(Change, Base):
    """The log's own key was changed."""

    __tablename__ = "ledger_key_change"
    __table_args__ = (CheckConstraint("number >= 1 AND size >= 0", name="place"),)
