"""One's PIN, chosen with the password; taken back by the coordination."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.house import LOGIN_OF, client_as, services_of, token
from voucher_service.demo.staff import PASSWORD
from voucher_service.staff import shifts
from voucher_service.staff.models import Role, Staff


def choose(client: FlaskClient, pin: str, again: str | None = None, password: str = PASSWORD) -> TestResponse:
    """Send the form."""
    sent = {"current_password": password, "pin_password": pin, "pin_password_again": pin if again is None else again}
    return client.post("/account/pin", data={"csrf_token": token(client.get("/account/pin"))} | sent)


def opens(app: Flask, pin: str, role: Role = Role.COUNTER) -> bool:
    """Say whether login and PIN open the account."""
    with services_of(app).database.read() as session:
        return shifts.by_pin(session, LOGIN_OF[role], pin) is not None


@pytest.mark.parametrize("role", [Role.COUNTER, Role.VOLUNTEER])
def test_it_is_chosen_and_changed_with_the_password(app: Flask, role: Role) -> None:
    client = client_as(app, role)
    assert "Vous n’en avez pas encore" in client.get("/account/").text
    assert choose(client, "4071").status_code == 303
    assert opens(app, "4071", role)
    assert "Changer mon code PIN" in client.get("/account/").text
    assert choose(client, "582619").status_code == 303
    assert (opens(app, "4071", role), opens(app, "582619", role)) == (False, True)


@pytest.mark.parametrize(
    ("pin", "again", "password", "field"),
    [
        ("1234", None, PASSWORD, "pin_password"),
        ("7777", None, PASSWORD, "pin_password"),
        ("1984", None, PASSWORD, "pin_password"),
        ("123", None, PASSWORD, "pin_password"),
        ("12 34", None, PASSWORD, "pin_password"),
        ("٤٠٧١", None, PASSWORD, "pin_password"),
        ("4071", "4072", PASSWORD, "pin_password_again"),
        ("4071", None, "pas le mien du tout", "current_password"),
        ("", "", PASSWORD, "pin_password"),
    ],
)
def test_what_will_not_do_is_told_at_its_field(
    app: Flask, pin: str, again: str | None, password: str, field: str
) -> None:
    answer = choose(client_as(app, Role.COUNTER), pin, again, password)
    assert answer.status_code == 422
    assert field in re.findall(r'href="#f-([\w]*)">[^<]{15,}', answer.text)
    assert not re.search(rf'value="{re.escape(pin) or "never"}"', answer.text)
    assert not opens(app, "4071")


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.AUDITOR, Role.PARTNER])
def test_others_have_none(app: Flask, role: Role) -> None:
    client = client_as(app, role)
    assert client.get("/account/pin").status_code == 403
    assert "Code PIN" not in client.get("/account/").text


def test_the_coordination_takes_one_back_and_the_person_chooses_anew(app: Flask) -> None:
    choose(client_as(app, Role.COUNTER), "4071")
    with services_of(app).database.read() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.login == "accueil")).one()
    awa, path = client_as(app, Role.COORDINATOR), f"/admin/team/{staff_id}"
    page = awa.get(path)
    assert "Retirer le code PIN" in page.text
    assert awa.post(f"{path}/pin", data={"csrf_token": token(page)}).status_code == 303
    assert not opens(app, "4071")
    page = awa.get(path)
    assert "Retirer le code PIN" not in page.text
    awa.post(f"{path}/pin", data={"csrf_token": token(page)})
    assert "n’a pas de code PIN" in awa.get(path).text
    assert "Vous n’en avez pas encore" in client_as(app, Role.COUNTER).get("/account/").text
    assert "Retirer le code PIN" not in client_as(app, Role.AUDITOR).get(path).text
