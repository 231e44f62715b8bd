"""What screens list of partners, gifts, offers and campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voucher_service.ledger.balances import Balances, balances_of
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import (
    Agreement,
    Allocation,
    AllocationState,
    Campaign,
    CampaignPolicy,
    GiftNote,
    Offer,
    OfferTerms,
    Partner,
    Route,
    SecondPersonThreshold,
)


@dataclass(frozen=True, slots=True)
class Names:
    """What partners, campaigns and offers are called."""

    partners: dict[UUID, str]
    campaigns: dict[UUID, str]
    offers: dict[UUID, str]


@dataclass(frozen=True, slots=True)
class Gift:
    """An allocation, who gave it under what, and where its value lies; quantities in `allocation.unit`."""

    allocation: Allocation
    partner: str
    agreement: str
    held: Balances

    def at(self, kind: AccountKind) -> int:
        """Return what lies in one account of its book; what was received counts positive."""
        quantity = self.held.get(kind, 0)
        return -quantity if kind is AccountKind.DONOR else quantity

    @property
    def received(self) -> int:
        """Return what has come in; zero until it is approved."""
        return self.at(AccountKind.DONOR)


def names(session: Session) -> Names:
    """Return all names, in alphabetical order: these tables are short."""
    return Names(
        partners=dict(session.execute(select(Partner.id, Partner.name).order_by(Partner.name)).all()),
        campaigns=dict(session.execute(select(Campaign.id, Campaign.name).order_by(Campaign.name)).all()),
        offers=dict(session.execute(select(Offer.id, Offer.name_fr).order_by(Offer.name_fr)).all()),
    )


def offers_by(session: Session, route: Route) -> list[Offer]:
    """Return the offers that are delivered in this way, by name."""
    return list(session.scalars(select(Offer).where(Offer.route == route.value).order_by(Offer.name_fr)))


def gifts_query(
    *,
    state: AllocationState | None = None,
    partner_id: UUID | None = None,
    ends_by: date | None = None,
) -> Select[Allocation]:
    """Return the query for allocations; `ends_by` keeps the open ones whose last day is that day or earlier."""
    query = select(Allocation)
    if state is not None:
        query = query.where(Allocation.state == state.value)
    if partner_id is not None:
        query = query.where(Allocation.agreement_id.in_(select(Agreement.id).where(Agreement.partner_id == partner_id)))
    if ends_by is not None:
        query = query.where(Allocation.state == AllocationState.OPEN.value, Allocation.valid_until <= ends_by)
    return query


def gifts(session: Session, allocations: Sequence[Allocation]) -> list[Gift]:
    """Return the allocations with partner, agreement and balances, in the order given."""
    rows = session.execute(
        select(Agreement.id, Agreement.reference, Partner.name)
        .join(Partner, Partner.id == Agreement.partner_id)
        .where(Agreement.id.in_({one.agreement_id for one in allocations}))
    )
    signed = {agreement: (reference, partner) for agreement, reference, partner in rows}
    held = balances_of(session, [one.id for one in allocations])
    return [
        Gift(one, signed[one.agreement_id][1], signed[one.agreement_id][0], held.get(one.id, {})) for one in allocations
    ]


def notes_of(session: Session, transfer_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the reasons that stand beside these transfers."""
    rows = select(GiftNote.transfer_id, GiftNote.reason).where(GiftNote.transfer_id.in_(transfer_ids))
    return dict(session.execute(rows).all())


def agreements(session: Session, *, partner_id: UUID | None = None) -> list[Agreement]:
    """Return agreements, of one partner or of all, the newest first."""
    query = select(Agreement).order_by(Agreement.valid_from.desc(), Agreement.reference)
    if partner_id is not None:
        query = query.where(Agreement.partner_id == partner_id)
    return list(session.scalars(query))


def terms_history(session: Session, offer_id: UUID) -> list[OfferTerms]:
    """Return every terms of the offer, the newest first."""
    query = select(OfferTerms).where(OfferTerms.offer_id == offer_id)
    return list(session.scalars(query.order_by(OfferTerms.effective_from.desc())))


def current_terms(session: Session, day: date) -> dict[UUID, OfferTerms]:
    """Return the terms of every offer that has some on `day`."""
    rows = session.scalars(
        select(OfferTerms).where(OfferTerms.effective_from <= day).order_by(OfferTerms.effective_from)
    )
    return {row.offer_id: row for row in rows}  # the later row of an offer replaces the earlier


def policy_history(session: Session, campaign_id: UUID) -> list[CampaignPolicy]:
    """Return every policy of the campaign, the newest first."""
    query = select(CampaignPolicy).where(CampaignPolicy.campaign_id == campaign_id)
    return list(session.scalars(query.order_by(CampaignPolicy.effective_from.desc())))


def thresholds(session: Session) -> list[SecondPersonThreshold]:
    """Return every threshold that was set, the newest first."""
    row = SecondPersonThreshold
    return list(session.scalars(select(row).order_by(row.effective_from.desc(), row.unit)))


def partner_of(session: Session, allocation: Allocation) -> UUID:
    """Return who gave the allocation."""
    return session.scalars(select(Agreement.partner_id).where(Agreement.id == allocation.agreement_id)).one()
