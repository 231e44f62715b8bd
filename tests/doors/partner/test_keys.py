"""The pages of a partner's keys: shown once, and asked before one is replaced or ended."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.house import client_as, services_of, token
from voucher_service.ids import utc_now
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.api.models import ApiKey
from voucher_service.staff.models import Role, Staff


@pytest.fixture
def partner_id(app: Flask) -> UUID:
    """The partner of the partner's account."""
    with services_of(app).database.read() as session:
        found = session.scalars(select(Staff.partner_id).where(Staff.login == "operateur")).one()
    assert found is not None
    return found


def good(app: Flask) -> list[str]:
    """The names of the keys in service."""
    with services_of(app).database.read() as session:
        return [key.name for key in session.scalars(select(ApiKey)) if keys.is_good(key, utc_now())]


def test_a_key_is_shown_once_and_asked_about_before_it_is_replaced_or_ended(app: Flask, partner_id: UUID) -> None:
    client, path = client_as(app, Role.PARTNER), f"/partner/{partner_id}/keys"
    form = client.get(f"{path}/new")
    sent = {"csrf_token": token(form), "name": "facturation", "scopes": [Scope.BOOKS_READ.value]}
    shown = client.post(path, data=sent)
    key = re.search(r'id="key"[^>]*><bdi dir="ltr">(cdp_[^<]+)<', shown.text)
    assert key, shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert "ne sera plus jamais montrée" in shown.text
    listed = client.get(path).text
    assert key[1] not in listed
    (replace,) = re.findall(r'href="(/partner/[^"]+/replace)"', listed)
    (end,) = re.findall(r'href="(/partner/[^"]+/end)"', listed)
    assert "Remplacer la clé « facturation » ?" in client.get(replace).text
    asked = client.get(end)
    assert "s’arrête aussitôt" in asked.text
    assert "Lire ce que sont devenus les dons" in asked.text
    assert good(app) == ["facturation"], "nothing is done by asking"
    assert client.post(end, data={"csrf_token": token(asked)}).status_code == 303
    assert good(app) == []
    assert client.get(end).status_code == 404
    assert client_as(app, Role.AUDITOR).get(end).status_code == 403


def test_a_key_of_another_partner_cannot_be_asked_about(app: Flask, partner_id: UUID) -> None:
    services = services_of(app)
    made, _ = services.database.run(
        keys.create, partner_id=partner_id, name="A", scopes=[Scope.BOOKS_READ], actor="staff:x", now=utc_now()
    )
    client = client_as(app, Role.PARTNER)
    for verb in ("replace", "end"):
        assert client.get(f"/partner/{made.id}/keys/{made.id}/{verb}").status_code == 404
