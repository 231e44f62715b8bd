"""Which telephone a line of a partner's statement names: a keyed hash and the last two digits, never the number.

It stands beside the orders' own, not with the lines above it: erasing a person reaches both. The line itself is
written once and kept as long as the books; this is forgotten when its person is erased, and when it can no longer help
(`reconciliation.numbers.forget_numbers`). So there is no foreign key.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, String, delete, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from voucher_service.db import Base
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.models import Order
from voucher_service.people.models import Person
from voucher_service.vouchers.models import Voucher


class StatedNumber(Base):
    """The number of one line. `lookup` is the hash that orders and people carry too; none where it came masked."""

    __tablename__ = "stated_number"
    __table_args__ = (
        CheckConstraint("length(tail) = 2", name="tail"),
        Index(
            "ix_stated_number_lookup",
            "lookup",
            sqlite_where=text("lookup IS NOT NULL"),
            postgresql_where=text("lookup IS NOT NULL"),
        ),
    )

    line_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    lookup: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    tail: Mapped[str] = mapped_column(String(2))


def forget_stated(session: Session, person_id: UUID) -> None:
    """Forget the lines that name a telephone of this person: theirs now, or one of their top-ups or cards.

    To be called while those are still known. Of a telephone that several share, the lines of all are forgotten.
    """
    orders = select(Order.id).join(Voucher, Voucher.id == Order.voucher_id).where(Voucher.person_id == person_id)
    theirs = (
        select(Person.phone_lookup).where(Person.id == person_id),
        select(Order.number_lookup).where(Order.id.in_(orders)),
        select(Article.number_lookup).where(Article.order_id.in_(orders)),
    )
    session.execute(
        delete(StatedNumber)
        .where(or_(*(StatedNumber.lookup.in_(lookups) for lookups in theirs)))
        .execution_options(synchronize_session=False)
    )
