"""What can be given: offers, and the campaigns that give them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.partners.models import (
    ARTICLE_ROUTES,
    STOCK_ROUTES,
    Campaign,
    CampaignOffer,
    Offer,
    Partner,
    Route,
)
from voucher_service.partners.policies import check_range
from voucher_service.texts import clean_text
from voucher_service.units import Unit


def create_offer(
    session: Session,
    *,
    code: int,
    partner_id: UUID,
    name_fr: str,
    name_en: str,
    unit: Unit,
    route: str,
    product_code: str,
) -> Offer:
    """Create an offer; its terms are set with `policies.set_terms`.

    Raises:
        BadInput: a text is empty or too long, the code is not 1 to 65535, or unit and route do not fit.
        NotFound: no such partner.
        Conflict: `offer_code_taken`: the code stands in vouchers of another offer.
    """
    check_range("code", code, 1, 65_535)
    if (route in ARTICLE_ROUTES) != (unit is Unit.PIECE) and route in {*STOCK_ROUTES, Route.SANDBOX}:
        raise BadInput("Une carte, un téléphone ou une place se compte en pièces, et rien d’autre.", field="unit")
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas.")
    if session.scalar(select(Offer.id).where(Offer.code == code)) is not None:
        raise Conflict(
            "Le code {number} désigne déjà une offre, pour toujours : choisissez un autre code.",
            code="offer_code_taken",
            number=code,
        )
    offer = Offer(
        id=new_id(),
        code=code,
        partner_id=partner_id,
        name_fr=clean_text(name_fr, field="name_fr", most=80),
        name_en=clean_text(name_en, field="name_en", most=80),
        unit=unit.value,
        route=str(route),
        product_code=clean_text(product_code, field="product_code", most=40),
    )
    session.add(offer)
    session.flush()
    return offer


def create_campaign(session: Session, *, name: str, starts_on: date, ends_on: date) -> Campaign:
    """Create a campaign; its rules are set with `policies.set_policy`.

    Raises:
        BadInput: the name is empty or too long, or the dates cross.
        Conflict: `campaign_name_taken`.
    """
    name = clean_text(name, field="name", most=80)
    if ends_on < starts_on:
        raise BadInput("La campagne finit avant de commencer : corrigez la date de fin.", field="ends_on")
    if session.scalar(select(Campaign.id).where(Campaign.name == name)) is not None:
        raise Conflict(
            "Une campagne s’appelle déjà « {name} » : choisissez un autre nom.", code="campaign_name_taken", name=name
        )
    campaign = Campaign(id=new_id(), name=name, starts_on=starts_on, ends_on=ends_on, paused=False)
    session.add(campaign)
    session.flush()
    return campaign


def attach_offers(session: Session, campaign_id: UUID, offer_ids: Sequence[UUID]) -> None:
    """Let the campaign give these offers too. Offers already attached stay. Idempotent.

    Raises:
        NotFound: the campaign or one of the offers does not exist; nothing was attached.
    """
    _campaign(session, campaign_id)
    wanted = set(offer_ids)
    if len(set(session.scalars(select(Offer.id).where(Offer.id.in_(wanted))))) != len(wanted):
        raise NotFound("Une de ces offres n’existe pas.")
    attached = select(CampaignOffer.offer_id).where(CampaignOffer.campaign_id == campaign_id)
    missing = wanted - set(session.scalars(attached))
    session.add_all(CampaignOffer(campaign_id=campaign_id, offer_id=offer) for offer in sorted(missing))
    session.flush()


def detach_offer(session: Session, campaign_id: UUID, offer_id: UUID) -> None:
    """Stop giving the offer in the campaign; vouchers already issued stay good. Idempotent."""
    row = session.get(CampaignOffer, (campaign_id, offer_id))
    if row is not None:
        session.delete(row)
        session.flush()


def set_paused(session: Session, campaign_id: UUID, *, paused: bool) -> Campaign:
    """Pause or resume the campaign: while paused it issues nothing. Idempotent. Raises NotFound."""
    campaign = _campaign(session, campaign_id)
    campaign.paused = paused
    session.flush()
    return campaign


def check_running(session: Session, campaign_id: UUID, offer_id: UUID, day: date) -> Campaign:
    """Return the campaign if it may issue the offer on `day`.

    Raises:
        NotFound: no such campaign.
        Conflict: `campaign_paused`, `campaign_not_running` or `offer_not_in_campaign`.
    """
    campaign = _campaign(session, campaign_id)
    if campaign.paused:
        raise Conflict("La campagne est en pause : la coordination peut la reprendre.", code="campaign_paused")
    if not campaign.starts_on <= day <= campaign.ends_on:
        raise Conflict(
            "La campagne court du {first:%d/%m/%Y} au {last:%d/%m/%Y} : choisissez une campagne en cours.",
            code="campaign_not_running",
            first=campaign.starts_on,
            last=campaign.ends_on,
        )
    if session.get(CampaignOffer, (campaign_id, offer_id)) is None:
        raise Conflict(
            "Cette offre ne fait pas partie de la campagne : choisissez-en une autre.",
            code="offer_not_in_campaign",
        )
    return campaign


def list_offers(session: Session, *, partner_id: UUID | None = None) -> list[Offer]:
    """Return the offers, of one partner or of all, by code."""
    query = select(Offer).order_by(Offer.code)
    if partner_id is not None:
        query = query.where(Offer.partner_id == partner_id)
    return list(session.scalars(query))


def list_campaigns(session: Session, *, on: date | None = None) -> list[Campaign]:
    """Return the campaigns by name; with `on`, only those that issue on that day (running, not paused)."""
    query = select(Campaign).order_by(Campaign.name)
    if on is not None:
        query = query.where(Campaign.starts_on <= on, Campaign.ends_on >= on, ~Campaign.paused)
    return list(session.scalars(query))


def offers_of(session: Session, campaign_id: UUID) -> list[Offer]:
    """Return the offers that the campaign gives, by code."""
    given = select(CampaignOffer.offer_id).where(CampaignOffer.campaign_id == campaign_id)
    return list(session.scalars(select(Offer).where(Offer.id.in_(given)).order_by(Offer.code)))


def _campaign(session: Session, campaign_id: UUID) -> Campaign:
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound("Cette campagne n’existe pas.")
    return campaign
