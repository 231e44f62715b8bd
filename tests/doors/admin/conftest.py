"""The composed application with two coordinators and an auditor, and a programme ready to issue from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.doors.admin.offline_story import Story
from tests.house import client_as, enter, make_app, services_of, token
from voucher_service.ids import local_day, utc_now
from voucher_service.partners import catalogue, gifts, policies
from voucher_service.partners.models import DrawDown, Partner, Route
from voucher_service.staff.models import Branch, Role
from voucher_service.units import Unit
from voucher_service.visits.questions import DEFAULT_QUESTIONS

THRESHOLD = 100_00
"""Cents: above 100 euros a second person must agree."""


@dataclass
class Desk:
    """A signed-in browser: `send` posts a form as a person does, with the token of a page that has one."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self.client.get(path)

    def send(self, path: str, **fields: object) -> TestResponse:
        """Post a form."""
        data = {"csrf_token": token(self.client.get("/password"))} | fields  # a small page that everyone has
        return self.client.post(path, data=data, headers={"Referer": f"http://localhost{path}"})

    def follow(self, path: str, **fields: object) -> TestResponse:
        """Post a form and open the page it leads to."""
        answer = self.send(path, **fields)
        assert answer.status_code == 303, f"{answer.status}: {faults(answer)}"
        return self.client.get(answer.location)


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    """Return the faults that a form shows: (field, sentence)."""
    summary = re.search(r'class="error-summary".*?</div>', answer.text, re.DOTALL)
    return re.findall(r'href="#f-([\w.]*)">([^<]*)', summary[0]) if summary else []


@dataclass(frozen=True)
class Programme:
    """What is there to issue from; quantities in cents."""

    partner_id: UUID
    agreement_id: UUID
    allocation_id: int
    offer_id: UUID
    code_offer_id: UUID
    campaign_id: UUID
    branch_id: int

    @property
    def what(self) -> str:
        """The campaign and its offer, as the forms send them."""
        return f"{self.campaign_id}:{self.offer_id}"


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application with staff and branches, and nothing else."""
    made = make_app(sqlite_url, tmp_path)
    services = services_of(made)
    services.database.run(services.ring.add_key, utc_now())
    yield made
    made.extensions["batch_runner"].wait(10)
    services.database.close()


@pytest.fixture
def awa(app: Flask) -> Desk:
    """The first coordinator."""
    return Desk(client_as(app, Role.COORDINATOR))


@pytest.fixture
def marc(app: Flask) -> Desk:
    """The second coordinator."""
    client = app.test_client()
    assert enter(client, "coordination2").status_code == 303
    return Desk(client)


@pytest.fixture
def hugo(app: Flask) -> Desk:
    """The auditor."""
    return Desk(client_as(app, Role.AUDITOR))


@pytest.fixture
def programme(app: Flask) -> Programme:
    """A gift of 90 euros from which vouchers of 5 euros are issued; above 100 euros two people decide."""
    return services_of(app).database.run(_fill, local_day(utc_now()))


def _fill(session: Session, today: date) -> Programme:
    now, ends = utc_now(), today + timedelta(days=300)
    for unit in Unit:
        policies.set_threshold(session, unit=unit, effective_from=today, quantity=THRESHOLD, today=today)
    partner_id = session.scalars(select(Partner.id)).one()
    agreement = gifts.create_agreement(
        session, partner_id=partner_id, reference="C-1", signed_on=today, valid_from=today, valid_until=ends
    )
    gift = gifts.propose_allocation(
        session,
        agreement_id=agreement.id,
        label="Don d’hiver",
        unit=Unit.EUR_CENT,
        quantity=90_00,
        valid_from=today,
        valid_until=ends,
        priority=100,
        earmarks=[],
        actor="staff:someone",
        now=now,
    )
    top_up = _offer(session, partner_id, 1, Route.SANDBOX, today)
    by_code = _offer(session, partner_id, 2, Route.CODE_STOCK, today)
    campaign = catalogue.create_campaign(session, name="Hiver connecté", starts_on=today, ends_on=ends)
    catalogue.attach_offers(session, campaign.id, [top_up, by_code])
    policies.set_policy(
        session,
        campaign_id=campaign.id,
        effective_from=today,
        cap_cents=30_00,
        cap_days=30,
        cycle_months=6,
        renewals=1,
        draw_down=DrawDown.EXPIRING_FIRST,
        next_visit_days=30,
        questions=[dict(one) for one in DEFAULT_QUESTIONS],
        today=today,
    )
    branch_id = session.scalars(select(Branch.id).order_by(Branch.id)).first()
    assert branch_id is not None
    return Programme(partner_id, agreement.id, gift.id, top_up, by_code, campaign.id, branch_id)


def _offer(session: Session, partner_id: UUID, code: int, route: Route, today: date) -> UUID:
    offer = catalogue.create_offer(
        session,
        code=code,
        partner_id=partner_id,
        name_fr=f"Recharge 5 € ({code})",
        name_en=f"€5 top-up ({code})",
        unit=Unit.EUR_CENT,
        route=route,
        product_code="TOPUP5",
    )
    policies.set_terms(
        session,
        offer_id=offer.id,
        effective_from=today,
        quantity=500,
        face_value_cents=500,
        price_cents=200,
        validity_days=90,
        today=today,
    )
    return offer.id


@pytest.fixture
def story(app: Flask, programme: Programme) -> Story:
    """A tablet of the programme's branch."""
    return Story.begin(app, programme)
