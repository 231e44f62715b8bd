"""What held on a day: terms of offers, rules of campaigns, thresholds. Dated rows, the past is never edited.

A row counts from its day until the next one. Today's row may already have decided something, so only a row
that has not begun can be replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.db import Base
from voucher_service.errors import N_, BadInput, Conflict, NotFound
from voucher_service.partners.models import (
    ARTICLE_ROUTES,
    Campaign,
    CampaignPolicy,
    DrawDown,
    Offer,
    OfferTerms,
    SecondPersonThreshold,
)
from voucher_service.units import MAX_QUANTITY, Unit

MAX_CENTS = 10_000_00
"""Largest face value, price or cap that is believed: above, a comma was probably forgotten."""

MAX_VOUCHER_QUANTITY = 2**24 - 1
"""Largest quantity of one voucher: three bytes of its code."""

Row = TypeVar("Row", bound=Base)


def terms_on(session: Session, offer_id: UUID, day: date) -> OfferTerms:
    """Return the terms of the offer on `day`.

    Raises:
        Conflict: `no_terms`: the offer had none yet on that day.
    """
    terms = session.scalar(
        select(OfferTerms)
        .where(OfferTerms.offer_id == offer_id, OfferTerms.effective_from <= day)
        .order_by(OfferTerms.effective_from.desc())
        .limit(1)
    )
    if terms is None:
        raise Conflict(
            "Cette offre n’a pas de conditions au {day:%d/%m/%Y} : fixez sa valeur et son prix d’abord.",
            code="no_terms",
            day=day,
        )
    return terms


def policy_on(session: Session, campaign_id: UUID, day: date) -> CampaignPolicy:
    """Return the rules of the campaign on `day`.

    Raises:
        Conflict: `no_policy`: the campaign had none yet on that day.
    """
    policy = session.scalar(
        select(CampaignPolicy)
        .where(CampaignPolicy.campaign_id == campaign_id, CampaignPolicy.effective_from <= day)
        .order_by(CampaignPolicy.effective_from.desc())
        .limit(1)
    )
    if policy is None:
        raise Conflict(
            "Cette campagne n’a pas de règles au {day:%d/%m/%Y} : fixez plafond et cycle d’abord.",
            code="no_policy",
            day=day,
        )
    return policy


def threshold_on(session: Session, unit: Unit, day: date) -> int | None:
    """Return the quantity of `unit` above which a second person must agree on `day`; None: none was set."""
    return session.scalar(
        select(SecondPersonThreshold.quantity)
        .where(SecondPersonThreshold.unit == unit.value, SecondPersonThreshold.effective_from <= day)
        .order_by(SecondPersonThreshold.effective_from.desc())
        .limit(1)
    )


def needs_second_person(session: Session, unit: Unit, quantity: int, day: date) -> bool:
    """Say whether `quantity` of `unit` needs a second person on `day`. Without a threshold: always."""
    threshold = threshold_on(session, unit, day)
    return threshold is None or quantity > threshold


def set_terms(
    session: Session,
    *,
    offer_id: UUID,
    effective_from: date,
    quantity: int,
    face_value_cents: int,
    price_cents: int,
    validity_days: int,
    today: date,
) -> OfferTerms:
    """Set the terms of an offer from a day on. Vouchers already issued keep theirs.

    Raises:
        BadInput: a value is out of its range, or the day is past. NotFound: no such offer.
        Conflict: `already_in_force`: terms have begun on that very day.
    """
    offer = session.get(Offer, offer_id)
    if offer is None:
        raise NotFound("Cette offre n’existe pas.")
    # One order sets one thing aside: whoever gets two has two vouchers.
    check_range("quantity", quantity, 1, 1 if offer.route in ARTICLE_ROUTES else MAX_VOUCHER_QUANTITY)
    check_range("face_value_cents", face_value_cents, 0, MAX_CENTS)
    check_range("price_cents", price_cents, 0, MAX_CENTS)
    check_range("validity_days", validity_days, 1, 3660)
    row = OfferTerms(
        offer_id=offer_id,
        effective_from=effective_from,
        quantity=quantity,
        face_value_cents=face_value_cents,
        price_cents=price_cents,
        validity_days=validity_days,
    )
    return _put(session, row, (offer_id, effective_from), effective_from, today)


def set_policy(
    session: Session,
    *,
    campaign_id: UUID,
    effective_from: date,
    cap_cents: int,
    cap_days: int,
    cycle_months: int,
    renewals: int,
    draw_down: DrawDown,
    next_visit_days: int,
    questions: Sequence[dict[str, Any]],
    today: date,
) -> CampaignPolicy:
    """Set the rules of a campaign from a day on.

    Raises:
        BadInput: a value is out of its range, or the day is past. NotFound: no such campaign.
        Conflict: `already_in_force`: rules have begun on that very day.
    """
    if session.get(Campaign, campaign_id) is None:
        raise NotFound("Cette campagne n’existe pas.")
    check_range("cap_cents", cap_cents, 0, MAX_CENTS)
    check_range("cap_days", cap_days, 1, 366)
    check_range("cycle_months", cycle_months, 1, 120)
    check_range("renewals", renewals, 0, 100)
    check_range("next_visit_days", next_visit_days, 1, 366)
    row = CampaignPolicy(
        campaign_id=campaign_id,
        effective_from=effective_from,
        cap_cents=cap_cents,
        cap_days=cap_days,
        cycle_months=cycle_months,
        renewals=renewals,
        draw_down=draw_down.value,
        next_visit_days=next_visit_days,
        questions=list(questions),
    )
    return _put(session, row, (campaign_id, effective_from), effective_from, today)


def set_threshold(
    session: Session, *, unit: Unit, effective_from: date, quantity: int, today: date
) -> SecondPersonThreshold:
    """Set the quantity of `unit` above which a second person must agree, from a day on.

    Raises:
        BadInput: the quantity is negative or the day is past.
        Conflict: `already_in_force`: a threshold has begun on that very day.
    """
    check_range("quantity", quantity, 0, MAX_QUANTITY)
    # Who could raise the threshold and use it the same day would need no second person at all.
    held = threshold_on(session, unit, today)
    if held is not None and quantity > held and effective_from <= today:
        raise BadInput(
            "Un seuil relevé ne s’applique qu’à partir de demain : choisissez une date plus tardive.",
            field="effective_from",
        )
    row = SecondPersonThreshold(unit=unit.value, effective_from=effective_from, quantity=quantity)
    return _put(session, row, (unit.value, effective_from), effective_from, today)


def check_range(field: str, value: int, least: int, most: int) -> None:
    """Raise BadInput, naming `field`, unless `least` <= `value` <= `most`."""
    if not least <= value <= most:
        told = N_("La valeur {value} est hors limites : entre {least} et {most}.")
        raise BadInput(told, field=field, value=value, least=least, most=most)


def _put(session: Session, row: Row, key: tuple[object, ...], effective_from: date, today: date) -> Row:
    if effective_from < today:
        raise BadInput(
            "Le {day:%d/%m/%Y} est passé : une règle prend effet aujourd’hui au plus tôt.",
            field="effective_from",
            day=effective_from,
        )
    if effective_from == today and session.get(type(row), key) is not None:
        raise Conflict(
            "Une règle est entrée en vigueur aujourd’hui même : choisissez demain ou plus tard.",
            code="already_in_force",
        )
    kept = session.merge(row)
    session.flush()
    return kept
