"""Signing in with a real browser, as it is served: with and without JavaScript, on a telephone, in the dark."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.browser.conftest import OpenContext
from tests.browser.every_page import watched
from tests.house import make_app
from voucher_service.demo.staff import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def url(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the composed application."""
    server = make_server("127.0.0.1", 0, make_app(sqlite_url, tmp_path), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("javascript", [True, False])
def test_signing_in_changing_the_password_and_out(
    open_context: OpenContext, url: str, screenshot: Callable[[Page, str], Path], *, javascript: bool
) -> None:
    page = open_context(base_url=url, javascript=javascript).new_page()
    errors = watched(page)
    page.goto("/password")
    expect(page).to_have_url(f"{url}/sign-in?next=/password")
    page.get_by_label("Identifiant").fill("accueil")
    page.get_by_label("Mot de passe").fill("wrong")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_contain_text("Identifiant ou mot de passe inconnu")
    screenshot(page, f"sign-in-refused-{'js' if javascript else 'plain'}")
    assert page.get_by_label("Identifiant").input_value() == "accueil"
    # The status of the refused form is an error to the console; nothing else may be.
    assert all("422" in error for error in errors)
    errors.clear()
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer mon mot de passe")
    expect(page.get_by_text("Inès Benali")).to_be_visible()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connexion de l’équipe")
    page.goto("/password")
    expect(page).to_have_url(f"{url}/sign-in?next=/password")
    assert errors == []


def test_the_language_is_changed_on_the_page(open_context: OpenContext, url: str) -> None:
    page = open_context(base_url=url, device="desktop").new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Team sign-in")
    expect(page).to_have_url(f"{url}/sign-in")
