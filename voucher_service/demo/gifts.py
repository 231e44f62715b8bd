"""What the demonstration's operators give, and what the charity makes of it: offers, rules, gifts, lots."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.demo.moment import at
from voucher_service.partners.catalogue import attach_offers, create_campaign, create_offer
from voucher_service.partners.gifts import create_agreement, create_partner
from voucher_service.partners.models import DrawDown, EarmarkKind, Route
from voucher_service.partners.policies import set_policy, set_terms, set_threshold
from voucher_service.units import Unit
from voucher_service.visits.questions import DEFAULT_QUESTIONS

THRESHOLDS = {Unit.EUR_CENT: 500_000, Unit.MEGABYTE: 8_000_000}
"""5,000 € and 8 To: above, a second person agrees."""

EVERYONE, YOUNG = "Restez connectés", "Jeunes en ligne"
PARTNERS = ("Ondelia", "Téléa")


@dataclass(frozen=True, slots=True)
class OfferPlan:
    """An offer. `price_cents` is the solidarity price at first; `later_cents` the one after three months."""

    code: int
    partner: int
    french: str
    english: str
    unit: Unit
    route: Route
    product: str
    quantity: int
    face_cents: int
    price_cents: int
    later_cents: int
    share: int  # of the requests, in percent


OFFERS = (
    OfferPlan(
        101, 0, "Recharge 5 €", "Top-up €5", Unit.EUR_CENT, Route.SANDBOX, "OND-CREDIT-5", 500, 500, 100, 150, 34
    ),
    OfferPlan(
        102, 0, "Recharge 10 €", "Top-up €10", Unit.EUR_CENT, Route.SANDBOX, "OND-CREDIT-10", 1000, 1000, 200, 300, 22
    ),
    OfferPlan(
        201, 1, "Internet 20 Go", "20 GB of data", Unit.MEGABYTE, Route.SANDBOX, "TEL-DATA-20", 20_000, 1500, 300, 300,
        22,
    ),
    OfferPlan(
        202, 1, "Code de recharge 5 €", "Recharge code €5", Unit.EUR_CENT, Route.CODE_STOCK, "TEL-CODE-5", 500, 500,
        100, 100, 15,
    ),
    OfferPlan(
        203, 1, "Code de recharge 10 €", "Recharge code €10", Unit.EUR_CENT, Route.CODE_STOCK, "TEL-CODE-10", 1000,
        1000, 200, 200, 7,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GiftPlan:
    """A gift: when it is proposed (days after the start), until when it is valid (days before or after the end)."""

    partner: int
    label: str
    unit: Unit
    quantity: int
    proposed: int
    until_end: int  # days after the last day of the demonstration; negative: it is over
    approved: bool = True  # by the second person, two days later, where one is needed
    cities: tuple[str, ...] = ()


GIFTS = (
    GiftPlan(0, "Dotation de lancement", Unit.EUR_CENT, 60_000, 0, -62),
    GiftPlan(1, "Data solidaire, premier envoi", Unit.MEGABYTE, 1_600_000, 0, 24),
    GiftPlan(1, "Codes de recharge", Unit.EUR_CENT, 260_000, 0, 210),
    GiftPlan(0, "Recharges du semestre", Unit.EUR_CENT, 80_000, 3, 19),
    GiftPlan(0, "Marseille et Lille", Unit.EUR_CENT, 60_000, 9, 12, cities=("Marseille", "Lille")),
    GiftPlan(1, "Data jeunes de Grenoble", Unit.MEGABYTE, 400_000, 11, 21, cities=("Grenoble",)),
    GiftPlan(1, "Data solidaire, grand don", Unit.MEGABYTE, 12_000_000, 60, 260),
    GiftPlan(0, "Dotation annuelle", Unit.EUR_CENT, 1_200_000, 90, 275),
    GiftPlan(0, "Complément d’urgence", Unit.EUR_CENT, 800_000, -1, 200, approved=False),
)
"""`proposed` -1: the day before the last one."""


@dataclass(frozen=True, slots=True)
class LotPlan:
    """A file of recharge codes, received `received` days after the start."""

    file_name: str
    product: str
    face_cents: int
    count: int
    received: int


LOTS = (
    LotPlan("telea-codes-5.csv", "TEL-CODE-5", 500, 300, 2),
    LotPlan("telea-codes-10.csv", "TEL-CODE-10", 1000, 24, 2),
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What was set up, by the plans' own order: partners and agreements, offers by code, campaigns by name."""

    partners: tuple[UUID, ...]
    agreements: tuple[UUID, ...]
    offers: dict[int, UUID]
    campaigns: dict[str, UUID]


def open_partners(session: Session, start: date, last: date) -> tuple[tuple[UUID, ...], tuple[UUID, ...]]:
    """Create the operators and sign with them; return both ids, in order."""
    partners, agreements = [], []
    for number, name in enumerate(PARTNERS):
        partner = create_partner(session, name=name, now=at(start, 9 + number / 60))
        agreement = create_agreement(
            session,
            partner_id=partner.id,
            reference=f"CONV-{start.year}-{number + 1:02d}",
            signed_on=start - timedelta(days=20),
            valid_from=start,
            valid_until=last + timedelta(days=400),
        )
        partners.append(partner.id)
        agreements.append(agreement.id)
    return tuple(partners), tuple(agreements)


def open_catalogue(
    session: Session, partners: tuple[UUID, ...], agreements: tuple[UUID, ...], start: date, last: date
) -> Catalogue:
    """Set thresholds, create the offers with their terms and the two campaigns with their rules."""
    for unit, quantity in THRESHOLDS.items():
        set_threshold(session, unit=unit, effective_from=start, quantity=quantity, today=start)
    offers = {plan.code: _offer(session, plan, partners[plan.partner], start) for plan in OFFERS}
    campaigns = {
        EVERYONE: _campaign(session, EVERYONE, list(offers.values()), start, last, renewals=1),
        YOUNG: _campaign(session, YOUNG, [offers[102], offers[201]], start, last, renewals=0),
    }
    return Catalogue(partners, agreements, offers, campaigns)


def _offer(session: Session, plan: OfferPlan, partner_id: UUID, start: date) -> UUID:
    offer = create_offer(
        session,
        code=plan.code,
        partner_id=partner_id,
        name_fr=plan.french,
        name_en=plan.english,
        unit=plan.unit,
        route=plan.route,
        product_code=plan.product,
    )
    prices = {start: plan.price_cents, start + timedelta(days=91): plan.later_cents}
    for day, price in prices.items():
        set_terms(
            session,
            offer_id=offer.id,
            effective_from=day,
            quantity=plan.quantity,
            face_value_cents=plan.face_cents,
            price_cents=price,
            validity_days=45,
            today=start,
        )
    return offer.id


def _campaign(session: Session, name: str, offers: list[UUID], start: date, last: date, *, renewals: int) -> UUID:
    campaign = create_campaign(session, name=name, starts_on=start, ends_on=last + timedelta(days=300))
    attach_offers(session, campaign.id, offers)
    set_policy(
        session,
        campaign_id=campaign.id,
        effective_from=start,
        cap_cents=3000,
        cap_days=30,
        cycle_months=6,
        renewals=renewals,
        draw_down=DrawDown.EXPIRING_FIRST,
        next_visit_days=30,
        questions=[dict(question) for question in DEFAULT_QUESTIONS],
        today=start,
    )
    return campaign.id


def earmarks(plan: GiftPlan) -> list[tuple[EarmarkKind, str]]:
    """Return what the gift is restricted to."""
    return [(EarmarkKind.CITY, city) for city in plan.cities]


def lot_file(plan: LotPlan, sell_by: date, rng: random.Random) -> bytes:
    """Return the donor's file: `plan.count` codes with serials that pass Luhn and invented PINs."""
    kind = f"{plan.product};{plan.face_cents};{sell_by.isoformat()}"
    lines = ["version;1", "separator;semicolon", f"partner;{PARTNERS[1]}", f"type;{kind};{plan.count}"]
    lines.append("serial;pin;product;face_value_cents;sell_by")
    first = rng.randrange(10**9, 9 * 10**9) * 1000
    for number in range(plan.count):
        serial = with_luhn(str(first + number))
        lines.append(f"{serial};{rng.randrange(10**13, 10**14)};{kind}")
    return ("\n".join(lines) + "\n").encode()


def with_luhn(digits: str) -> str:
    """Return `digits` followed by their check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        doubled = int(char) * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{digits}{-total % 10}"
