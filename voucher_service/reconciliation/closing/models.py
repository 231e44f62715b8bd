"""The months closed with partners. Triggers keep an agreed row, and all it covers, as it is."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    exists,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from voucher_service.db import Base
from voucher_service.errors import Conflict
from voucher_service.ledger.seal.models import Change


class StatementKeyChange(Change, Base):
    """The key that signs the manifests of months was changed; one over more leaves than `size` has the new one."""

    __tablename__ = "statement_key_change"
    __table_args__ = (CheckConstraint("number >= 1 AND size >= 0", name="place"),)


class PeriodClose(Base):
    """One partner's month, proposed by a coordinator and agreed to by the partner.

    `first_day` to `last_day` are days at the branches, `from_at` and `until_at` (excluded) their instants.
    `manifest` says what was agreed, `size` which checkpoint of the sealed log it was read from. `csv` and `pdf` are the
    bytes it names, kept: another version of this program, or of what draws the PDF, would make others.
    """

    __tablename__ = "period_close"
    __table_args__ = (
        UniqueConstraint("partner_id", "first_day"),
        CheckConstraint("last_day > first_day AND until_at > from_at", name="period"),
        CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> proposed_by", name="two_people"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(BigInteger)
    manifest: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    csv: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    agreed_by: Mapped[str | None] = mapped_column(String(60))
    agreed_at: Mapped[datetime | None]


def is_closed(session: Session, partner_id: UUID, *spans: ColumnElement[bool]) -> bool:
    """Say whether a month that both sides agreed to covers what `spans` says."""
    covers = (PeriodClose.partner_id == partner_id, PeriodClose.agreed_at.is_not(None))
    return bool(session.scalar(select(exists().where(*covers, *spans))))


def touches(first_day: date, last_day: date) -> ColumnElement[bool]:
    """Return the condition "the month has one of these days"."""
    return (PeriodClose.first_day <= last_day) & (PeriodClose.last_day >= first_day)


def refuse_closed_days(session: Session, partner_id: UUID, first_day: date, last_day: date) -> None:
    """Refuse what speaks of days of a closed month, in words; the database would refuse it too.

    Raises:
        Conflict: `period_closed`.
    """
    if is_closed(session, partner_id, touches(first_day, last_day)):
        raise Conflict("Ces jours sont dans un mois clos : plus rien n’y bouge.", code="period_closed")
