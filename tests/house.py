"""The composed application on a real database, with one person of each role."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from voucher_service.demo.staff import PASSWORD, fill_staff
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.models import Partner
from voucher_service.services import Services
from voucher_service.settings import Settings, new_master_key
from voucher_service.staff.models import Role

LOGIN_OF = {
    Role.COORDINATOR: "coordination",
    Role.COUNTER: "accueil",
    Role.VOLUNTEER: "benevole",
    Role.PARTNER: "operateur",
    Role.AUDITOR: "audit",
}
SIGN_IN = "/sign-in"


def composed(settings: Settings) -> Flask:
    """Return the application exactly as it is served."""
    create: Callable[[Settings], Flask] = importlib.import_module("wsgi").create
    return create(settings)


def make_settings(url: str, folder: Path, **other: object) -> Settings:
    """Return settings for a test: its own database and key, cookies that travel on plain HTTP."""
    values = {"database_url": url, "data_dir": folder, "master_key": new_master_key(), "secure_cookies": False}
    return Settings.model_validate(values | other)


def make_app(url: str, folder: Path, **other: object) -> Flask:
    """Return the composed application on the migrated, empty database at `url`, with branches and staff."""
    app = composed(make_settings(url, folder, **other))
    services_of(app).database.run(_people)
    return app


def services_of(app: Flask) -> Services:
    """Return what the application holds."""
    held: Services = app.extensions["services"]
    return held


def _people(session: Session) -> None:
    now = utc_now()
    session.add(Partner(id=new_id(), name="Télécom Solidaire", created_at=now))
    session.flush()
    fill_staff(session, now=now)


def token(page: TestResponse) -> str:
    """Return the CSRF token of a page with a form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, f"{page.status}: no form with a token"
    return found[1]


def enter(
    client: FlaskClient, login: str, password: str = PASSWORD, *, target: str = "", **options: Any
) -> TestResponse:
    """Send the sign-in form as a browser does, and return the answer."""
    sent = {"csrf_token": token(client.get(SIGN_IN)), "login": login, "password": password, "next": target}
    return client.post(SIGN_IN, data=sent, **options)


def client_as(app: Flask, role: Role) -> FlaskClient:
    """Return a client in which someone of this role has signed in through the form."""
    client = app.test_client()
    answer = enter(client, LOGIN_OF[role])
    assert answer.status_code == 303, answer.text
    return client


def is_sent_to_sign_in(answer: TestResponse) -> bool:
    """Say whether the answer leads to the sign-in form."""
    return answer.status_code in {302, 303} and urlsplit(answer.location).path == SIGN_IN
