"""Dated rules and the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from tests.world import DAY, FIRST, LAST, THRESHOLD, World
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.partners.catalogue import (
    attach_offers,
    check_running,
    create_campaign,
    create_offer,
    detach_offer,
    list_campaigns,
    list_offers,
    offers_of,
    set_paused,
)
from voucher_service.partners.models import DrawDown, Offer, Route
from voucher_service.partners.policies import (
    needs_second_person,
    policy_on,
    set_policy,
    set_terms,
    set_threshold,
    terms_on,
    threshold_on,
)
from voucher_service.units import Unit

TOMORROW = DAY + timedelta(days=1)
YESTERDAY = DAY - timedelta(days=1)


def offer(session: Session, world: World, code: int = 7) -> Offer:
    """Create an offer."""
    return create_offer(
        session,
        code=code,
        partner_id=world.partner_id,
        name_fr="Recharge 10 €",
        name_en="Top-up 10 €",
        unit=Unit.EUR_CENT,
        route=Route.SANDBOX,
        product_code="SBX-10",
    )


def price(session: Session, offer_id: UUID, day: date, cents: int = 200, **other: Any) -> None:
    """Set the price of an offer from a day on."""
    values: dict[str, Any] = {
        "quantity": 1_000,
        "face_value_cents": 1_000,
        "price_cents": cents,
        "validity_days": 90,
        **other,
    }
    set_terms(session, offer_id=offer_id, effective_from=day, today=DAY, **values)


def rule(session: Session, campaign_id: UUID, day: date, **other: Any) -> None:
    """Set the rules of a campaign from a day on."""
    values: dict[str, Any] = {
        "cap_cents": 3_000,
        "cap_days": 30,
        "cycle_months": 6,
        "renewals": 1,
        "draw_down": DrawDown.PRIORITY,
        "next_visit_days": 30,
        "questions": [],
        **other,
    }
    set_policy(session, campaign_id=campaign_id, effective_from=day, today=DAY, **values)


def test_a_row_counts_from_its_day_until_the_next(database: Database, world: World) -> None:
    with database.begin() as session:
        given = offer(session, world).id
        with pytest.raises(Conflict, match="10/01/2030") as raised:
            terms_on(session, given, DAY)
        assert raised.value.code == "no_terms"
        price(session, given, DAY, 200)
        price(session, given, TOMORROW, 300)
        assert [terms_on(session, given, d).price_cents for d in (DAY, TOMORROW, LAST)] == [200, 300, 300]
        with pytest.raises(Conflict):
            terms_on(session, given, YESTERDAY)


def test_what_began_is_not_edited_and_what_has_not_can_be(database: Database, world: World) -> None:
    with database.begin() as session:
        given = offer(session, world).id
        price(session, given, DAY, 200)
        with pytest.raises(Conflict, match="demain") as raised:
            price(session, given, DAY, 1)
        assert raised.value.code == "already_in_force"
        with pytest.raises(BadInput, match="passé"):
            price(session, given, YESTERDAY, 1)
        price(session, given, TOMORROW, 300)
        price(session, given, TOMORROW, 400)
    with database.read() as session:
        assert [terms_on(session, given, d).price_cents for d in (DAY, TOMORROW)] == [200, 400]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", 2**24),
        ("face_value_cents", -1),
        ("face_value_cents", 1_000_001),
        ("price_cents", -1),
        ("validity_days", 0),
        ("validity_days", 3_661),
    ],
)
def test_terms_out_of_range_are_named(
    sqlite_url: str, built_sqlite: Callable[[str], tuple[Database, World]], field: str, value: int
) -> None:
    database, world = built_sqlite(sqlite_url)
    with database.begin() as session:
        given = offer(session, world).id
        with pytest.raises(BadInput) as raised:
            price(session, given, DAY, **{field: value})
        assert raised.value.field == field
        with pytest.raises(NotFound):
            price(session, uuid4(), DAY, 200)


def test_the_rules_of_a_campaign_are_dated(database: Database, world: World) -> None:
    with database.begin() as session:
        campaign = create_campaign(session, name="Hiver", starts_on=FIRST, ends_on=LAST).id
        with pytest.raises(Conflict) as raised:
            policy_on(session, campaign, DAY)
        assert raised.value.code == "no_policy"
        rule(session, campaign, DAY, cap_cents=3_000)
        rule(session, campaign, TOMORROW, cap_cents=2_000, questions=[{"id": "q"}])
        assert policy_on(session, campaign, DAY).cap_cents == 3_000
        assert policy_on(session, campaign, LAST).questions == [{"id": "q"}]
        wrong = {"cap_cents": -1, "cap_days": 0, "cycle_months": 0, "renewals": 101, "next_visit_days": 367}
        for field, value in wrong.items():
            with pytest.raises(BadInput) as fault:
                rule(session, campaign, LAST, **{field: value})
            assert fault.value.field == field
        with pytest.raises(NotFound):
            rule(session, uuid4(), DAY)


def test_the_threshold_is_dated_and_without_one_two_people_are_needed(database: Database, world: World) -> None:
    with database.begin() as session:
        assert not needs_second_person(session, Unit.SMS, THRESHOLD, DAY)
        assert needs_second_person(session, Unit.SMS, THRESHOLD + 1, DAY)
        before = FIRST - timedelta(days=1)
        assert threshold_on(session, Unit.SMS, before) is None
        assert needs_second_person(session, Unit.SMS, 1, before)
        set_threshold(session, unit=Unit.SMS, effective_from=DAY, quantity=10, today=DAY)
        assert needs_second_person(session, Unit.SMS, 11, DAY)
        assert not needs_second_person(session, Unit.MINUTE, 11, DAY)


def test_who_raises_the_threshold_cannot_use_it_the_same_day(database: Database, world: World) -> None:
    with database.begin() as session:
        with pytest.raises(BadInput, match="demain"):
            set_threshold(session, unit=Unit.SMS, effective_from=DAY, quantity=THRESHOLD + 1, today=DAY)
        set_threshold(session, unit=Unit.SMS, effective_from=TOMORROW, quantity=THRESHOLD + 1, today=DAY)
        assert threshold_on(session, Unit.SMS, DAY) == THRESHOLD
        assert threshold_on(session, Unit.SMS, TOMORROW) == THRESHOLD + 1


def test_an_offer_keeps_its_code_for_ever(database: Database, world: World) -> None:
    with database.begin() as session:
        offer(session, world, 65_535)
        with pytest.raises(Conflict) as raised:
            offer(session, world, 65_535)
        assert raised.value.code == "offer_code_taken"
        for code in (0, 65_536):
            with pytest.raises(BadInput) as fault:
                offer(session, world, code)
            assert fault.value.field == "code"
        offer(session, world, 1)
        assert [row.code for row in list_offers(session)] == [1, 65_535]
        assert list_offers(session, partner_id=world.agreement_id) == []


def test_a_campaign_gives_its_offers_in_its_days_unless_paused(database: Database, world: World) -> None:
    with database.begin() as session:
        given, other = offer(session, world, 1).id, offer(session, world, 2).id
        campaign = create_campaign(session, name="Hiver", starts_on=FIRST, ends_on=DAY).id
        for _ in range(2):
            attach_offers(session, campaign, [given])
        with pytest.raises(NotFound):
            attach_offers(session, campaign, [other, uuid4()])
        assert [row.id for row in offers_of(session, campaign)] == [given]
        assert check_running(session, campaign, given, DAY).id == campaign

        def refused(offer_id: UUID, day: date) -> str:
            with pytest.raises(Conflict) as raised:
                check_running(session, campaign, offer_id, day)
            return raised.value.code

        assert refused(other, DAY) == "offer_not_in_campaign"
        assert refused(given, TOMORROW) == "campaign_not_running"
        assert [row.id for row in list_campaigns(session, on=DAY)] == [campaign]
        set_paused(session, campaign, paused=True)
        assert refused(given, DAY) == "campaign_paused"
        assert (list_campaigns(session, on=DAY), len(list_campaigns(session))) == ([], 1)
        set_paused(session, campaign, paused=False)
        for _ in range(2):
            detach_offer(session, campaign, given)
        assert refused(given, DAY) == "offer_not_in_campaign"


def test_a_wrong_campaign_is_named(database: Database, world: World) -> None:
    with database.begin() as session:
        with pytest.raises(BadInput) as raised:
            create_campaign(session, name="Hiver", starts_on=LAST, ends_on=FIRST)
        assert raised.value.field == "ends_on"
        create_campaign(session, name="Hiver", starts_on=FIRST, ends_on=LAST)
        with pytest.raises(Conflict):
            create_campaign(session, name=" Hiver", starts_on=FIRST, ends_on=LAST)
        with pytest.raises(NotFound):
            set_paused(session, uuid4(), paused=True)
