"""A coordinator's first day in a real browser: from an empty programme to a printed batch, two people deciding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.back_office import agree, ask_batch, codes_of, give, heading, offer
from tests.browser.conftest import OpenContext
from tests.house import make_app, services_of
from voucher_service.demo.staff import PASSWORD
from voucher_service.ids import utc_now

pytestmark = pytest.mark.browser


class Quiet(WSGIRequestHandler):
    """Requests without a line each on the terminal."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    """Staff, branches and a signing key; no gift, no offer, no voucher."""
    made = make_app(sqlite_url, tmp_path)
    services = services_of(made)
    services.database.run(services.ring.add_key, utc_now())
    return made


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The application, served."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    app.extensions["batch_runner"].wait(10)
    services_of(app).database.close()


@pytest.fixture
def sign_in(site: str, open_context: OpenContext) -> Callable[..., BrowserContext]:
    """Open a profile in which someone has signed in."""

    def enter(login: str, *, javascript: bool = True) -> BrowserContext:
        context = open_context(device="desktop", base_url=site, javascript=javascript)
        page = context.new_page()
        page.goto("/sign-in?next=/admin/")
        page.get_by_label("Identifiant").fill(login)
        page.get_by_label("Mot de passe").fill(PASSWORD)
        page.get_by_role("button", name="Se connecter").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Aujourd’hui")
        return context

    return enter


def test_from_an_empty_programme_to_a_printed_batch(
    site: str, sign_in: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    awa, marc = sign_in("coordination").pages[0], sign_in("coordination2").pages[0]
    give(awa)
    agree(marc, awa.url)
    heading(marc, "Recharges d’hiver")
    expect(marc.locator("main")).to_contain_text("1\u202f250,50\u00a0€ disponible")
    offer(awa)
    batch = ask_batch(awa)
    agree(marc, batch)
    # htmx asks by itself until the batch is issued.
    expect(marc.locator("main")).to_contain_text("Le lot est émis")
    with marc.expect_download() as coming:
        marc.get_by_role("link", name="PDF : 24 étiquettes par page").click()
    pdf = tmp_path / "labels.pdf"
    coming.value.save_as(pdf)
    assert len(codes_of(pdf)) == 24
    awa.goto("/admin/books/check?run=1")
    expect(awa.locator("main")).to_contain_text("Tout est juste")


def test_the_same_day_without_javascript(site: str, sign_in: Callable[..., BrowserContext]) -> None:
    awa = sign_in("coordination", javascript=False).pages[0]
    marc = sign_in("coordination2", javascript=False).pages[0]
    give(awa)
    agree(marc, awa.url)
    offer(awa)
    batch = ask_batch(awa)
    agree(marc, batch)
    marc.wait_for_timeout(1500)
    marc.goto(batch)
    expect(marc.locator("main")).to_contain_text("24 / 24")
