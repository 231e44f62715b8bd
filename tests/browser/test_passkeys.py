"""Passkeys in a real Chromium with a virtual authenticator: added, enough to sign in, removed, refused when copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page, expect
from sqlalchemy import select, update

from tests.browser.conftest import OpenContext
from tests.browser.every_page import served, watched
from tests.browser.test_every_page import AXE, violations
from tests.house import make_app, services_of
from voucher_service.demo.staff import PASSWORD
from voucher_service.ids import utc_now
from voucher_service.staff import devices
from voucher_service.staff.device_models import Shift
from voucher_service.staff.models import Staff, StaffBranch
from voucher_service.staff.passkey_models import StaffPasskey

pytestmark = pytest.mark.browser


@dataclass(slots=True)
class Site:
    """The application at an address with a name, as browsers want it for passkeys."""

    app: Flask
    url: str


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """Served on localhost; the public address says so."""
    app = make_app(sqlite_url, tmp_path)
    with served(app) as address:
        url = address.replace("127.0.0.1", "localhost")
        settings = services_of(app).settings
        object.__setattr__(settings, "public_url", url)
        yield Site(app, url)


def authenticator(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """Put a virtual authenticator with a person in front of the page's browser."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": verified,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return devtools, str(made["authenticatorId"])


def axe_faults(page: Page) -> list[str]:
    """What axe-core says against the page."""
    page.evaluate(AXE)
    return violations(page)


def sign_in(page: Page, login: str = "accueil") -> None:
    """Sign in by password."""
    page.goto("/sign-in")
    page.get_by_label("Identifiant").fill(login)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def add(page: Page, password: str = PASSWORD) -> None:
    """Ask for a passkey on one's account page."""
    page.goto("/account/")
    page.get_by_label("Nom de la clé").fill("Mon téléphone")
    page.get_by_label("Votre mot de passe").fill(password)
    page.get_by_role("button", name="Ajouter une clé d’accès").click()


def leave(page: Page) -> None:
    """Sign out."""
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connexion de l’équipe")


def enter(page: Page) -> None:
    """Sign in with a passkey."""
    page.goto("/sign-in?next=/account/")
    page.get_by_role("button", name="Entrer avec une clé d’accès").click()


def test_a_passkey_is_added_opens_the_account_and_is_removed(
    open_context: OpenContext, site: Site, screenshot: Any
) -> None:
    page = open_context(base_url=site.url).new_page()
    devtools, _ = authenticator(page)
    sign_in(page)
    add(page, "pas mon mot de passe")
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("Ce n’est pas votre mot de passe actuel.")
    errors = watched(page)
    add(page)
    expect(page.get_by_text("Votre clé d’accès est ajoutée")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Mon téléphone")).to_be_visible()
    screenshot(page, "account-with-passkey")
    assert axe_faults(page) == []
    leave(page)
    enter(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")
    with services_of(site.app).database.read() as session:
        row = session.scalars(select(StaffPasskey)).one()
        owner = session.scalars(select(Staff.id).where(Staff.login == "accueil")).one()
    assert row.staff_id == owner
    assert row.used_at is not None
    assert row.sign_count > 0
    page.get_by_role("link", name="Retirer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mon téléphone")
    assert axe_faults(page) == []
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_text("La clé d’accès est retirée.")).to_be_visible()
    assert errors == []
    leave(page)
    enter(page)
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("n’ouvre aucun compte ici")
    screenshot(page, "passkey-refused")
    assert axe_faults(page) == []
    devtools.detach()


def test_a_copied_passkey_and_a_closed_account_open_nothing(open_context: OpenContext, site: Site) -> None:
    page = open_context(base_url=site.url).new_page()
    authenticator(page)
    sign_in(page)
    add(page)
    expect(page.get_by_text("Votre clé d’accès est ajoutée")).to_be_visible()
    leave(page)
    services = services_of(site.app)
    with services.database.begin() as session:  # as if its copy had been used a thousand times
        before = session.scalars(select(StaffPasskey.sign_count)).one()
        session.execute(update(StaffPasskey).values(sign_count=1000))
    enter(page)
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("n’ouvre aucun compte ici")
    with services.database.begin() as session:
        session.execute(update(StaffPasskey).values(sign_count=before))
        session.execute(update(Staff).where(Staff.login == "accueil").values(active=False))
    enter(page)
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("n’ouvre aucun compte ici")
    with services.database.begin() as session:
        session.execute(update(Staff).where(Staff.login == "accueil").values(active=True))
    enter(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")


def test_without_the_person_verified_nothing_is_added(open_context: OpenContext, site: Site) -> None:
    page = open_context(base_url=site.url).new_page()
    authenticator(page, verified=False)
    sign_in(page)
    add(page)
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("Rien n’a été ajouté", timeout=70_000)
    with services_of(site.app).database.read() as session:
        assert session.scalars(select(StaffPasskey)).all() == []


def test_under_another_name_the_page_says_where_to_go(open_context: OpenContext, site: Site) -> None:
    object.__setattr__(services_of(site.app).settings, "public_url", "https://bons.example.org")
    page = open_context(base_url=site.url).new_page()
    authenticator(page)
    enter(page)
    expect(page.locator("[data-passkey] [role=alert]")).to_contain_text("https://bons.example.org")


def test_at_a_bare_address_the_pages_say_why_there_are_none(open_context: OpenContext, site: Site) -> None:
    object.__setattr__(services_of(site.app).settings, "public_url", "http://127.0.0.1:8000")
    page = open_context(base_url=site.url).new_page()
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Entrer avec une clé d’accès")).to_have_count(0)
    sign_in(page)
    page.goto("/account/")
    expect(page.get_by_text("Pas de clé d’accès ici")).to_be_visible()


def test_a_shift_is_opened_with_a_passkey_by_someone_not_signed_in(open_context: OpenContext, site: Site) -> None:
    services, page = services_of(site.app), open_context(base_url=site.url).new_page()
    authenticator(page)
    sign_in(page)
    add(page)
    expect(page.get_by_text("Votre clé d’accès est ajoutée")).to_be_visible()
    leave(page)
    with services.database.begin() as session:
        services.ring.add_key(session, utc_now())
        branch_id = session.scalars(select(StaffBranch.branch_id)).first()
    assert branch_id is not None
    made = services.database.run(
        devices.invite, services.vault, name="Tablette", branch_id=branch_id, actor="staff:test", now=utc_now()
    )
    page.goto(f"/counter/device#{made.code}")
    page.locator("#device-page[data-part=enrol]").wait_for()
    page.click("#enrol button")
    page.locator("#device-page[data-part=shift]").wait_for()
    page.get_by_role("button", name="Ouvrir avec ma clé d’accès").click()
    page.locator("#counter[data-part=ready]").wait_for()
    with services.database.read() as session:
        shift = session.scalars(select(Shift)).one()
        assert session.get_one(Staff, shift.staff_id).login == "accueil"
