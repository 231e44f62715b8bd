"""Partners, agreements, allocations, offers and campaigns.

Prices, caps and cycles change every few years in every programme: they are rows with a date, never code.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class AllocationState(StrEnum):
    """pending → open → closed; or pending → declined."""

    PENDING = "pending"  # waits for a second person
    OPEN = "open"
    CLOSED = "closed"
    DECLINED = "declined"


class DrawDown(StrEnum):
    """Which allocation pays for the next voucher."""

    EXPIRING_FIRST = "expiring_first"
    PRIORITY = "priority"
    PRO_RATA = "pro_rata"


class EarmarkKind(StrEnum):
    """What an allocation may be restricted to."""

    BRANCH = "branch"
    CITY = "city"


class Route(StrEnum):
    """How an offer is delivered: the name of a provider in `integrations`."""

    SANDBOX = "sandbox"
    CODE_STOCK = "code_stock"
    SIM_STOCK = "sim_stock"
    HANDSET_STOCK = "handset_stock"
    SEAT_STOCK = "seat_stock"


ARTICLE_ROUTES = (Route.SIM_STOCK, Route.HANDSET_STOCK, Route.SEAT_STOCK)
"""What is handed over at a branch: an offer by one of these is one piece."""

STOCK_ROUTES = (Route.CODE_STOCK, *ARTICLE_ROUTES)
"""What comes out of our own stock: it needs no telephone number."""


class Partner(Base):
    """A telecom operator that gives."""

    __tablename__ = "partner"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]


class Agreement(Base):
    """What was signed with a partner."""

    __tablename__ = "agreement"
    __table_args__ = (
        UniqueConstraint("partner_id", "reference"),
        CheckConstraint("valid_until >= valid_from", name="dates"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    reference: Mapped[str] = mapped_column(String(60))
    signed_on: Mapped[date]
    valid_from: Mapped[date]
    valid_until: Mapped[date]


class Allocation(Base):
    """A gift of a quantity of one unit. Its number is the number of its book in the ledger."""

    __tablename__ = "allocation"
    __table_args__ = (
        # A form sent twice must not count a gift twice.
        UniqueConstraint("agreement_id", "label"),
        CheckConstraint("quantity > 0", name="positive"),
        CheckConstraint("valid_until >= valid_from", name="dates"),
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="two_people"),
        CheckConstraint(
            "state NOT IN ('open', 'closed') OR needs_second_person = 0 OR approved_by IS NOT NULL",
            name="approved",
        ),
        CheckConstraint("(state IN ('declined', 'closed')) = (ended_by IS NOT NULL)", name="ended"),
    )

    id: Mapped[int] = mapped_column(ForeignKey("book.id"), primary_key=True, autoincrement=False)
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("agreement.id"), index=True)
    label: Mapped[str] = mapped_column(String(120))
    unit: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(BigInteger)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    priority: Mapped[int] = mapped_column(SmallInteger, default=100)
    state: Mapped[str] = mapped_column(String(10))
    needs_second_person: Mapped[int] = mapped_column(SmallInteger)
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(60))  # who declined or closed it
    ended_at: Mapped[datetime | None]


class GiftNote(Base):
    """Why value left an allocation other than to a person: the words that stand beside the transfer."""

    __tablename__ = "gift_note"
    __table_args__ = (CheckConstraint("length(reason) >= 3", name="reason"),)

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))


class Earmark(Base):
    """An allocation with earmarks pays only for the branches or cities named."""

    __tablename__ = "earmark"

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    value: Mapped[str] = mapped_column(String(80), primary_key=True)


class Offer(Base):
    """What a person can get. `code` stands in every voucher code; it never changes meaning."""

    __tablename__ = "offer"
    __table_args__ = (CheckConstraint("code BETWEEN 1 AND 65535", name="code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[int] = mapped_column(Integer, unique=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partner.id"))
    name_fr: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(80))
    unit: Mapped[str] = mapped_column(String(16))
    route: Mapped[str] = mapped_column(String(16))
    product_code: Mapped[str] = mapped_column(String(40))


class OfferTerms(Base):
    """The terms of an offer from a day on."""

    __tablename__ = "offer_terms"
    __table_args__ = (
        CheckConstraint("quantity BETWEEN 1 AND 16777215", name="quantity"),
        CheckConstraint("face_value_cents >= 0 AND price_cents >= 0", name="money"),
        CheckConstraint("validity_days BETWEEN 1 AND 3660", name="validity"),
    )

    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"), primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    face_value_cents: Mapped[int] = mapped_column(Integer)
    price_cents: Mapped[int] = mapped_column(Integer)
    validity_days: Mapped[int] = mapped_column(Integer)


class Campaign(Base):
    """A programme of vouchers: who may get which offers, when."""

    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="dates"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    paused: Mapped[bool] = mapped_column(default=False)


class CampaignOffer(Base):
    """An offer that a campaign gives."""

    __tablename__ = "campaign_offer"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"), primary_key=True)


class CampaignPolicy(Base):
    """The rules of a campaign from a day on.

    A person gets at most `cap_cents` of face value in any `cap_days` days, within a cycle of `cycle_months`
    from the first voucher that may be renewed `renewals` times. `questions` is the visit form of that day.
    """

    __tablename__ = "campaign_policy"
    __table_args__ = (
        CheckConstraint("cap_cents >= 0 AND cap_days BETWEEN 1 AND 366", name="cap"),
        CheckConstraint("cycle_months BETWEEN 1 AND 120 AND renewals BETWEEN 0 AND 100", name="cycle"),
        CheckConstraint("next_visit_days BETWEEN 1 AND 366", name="next_visit"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    cap_cents: Mapped[int] = mapped_column(Integer)
    cap_days: Mapped[int] = mapped_column(Integer)
    cycle_months: Mapped[int] = mapped_column(Integer)
    renewals: Mapped[int] = mapped_column(Integer)
    draw_down: Mapped[str] = mapped_column(String(16))
    next_visit_days: Mapped[int] = mapped_column(Integer)
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class SecondPersonThreshold(Base):
    """Above this quantity of a unit, from a day on, an allocation or a batch needs a second person."""

    __tablename__ = "second_person_threshold"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity"),)

    unit: Mapped[str] = mapped_column(String(16), primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(BigInteger)
