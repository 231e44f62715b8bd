"""The day the server is dead, played through: pack printed before, lines written, keyed in by keyboard after."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.counter import enter
from tests.browser.every_page import dress
from tests.browser.test_every_page import AXE, violations
from tests.desk import Desk, Server
from voucher_service.fulfilment.models import Order

pytestmark = pytest.mark.browser

NUMBER = "0639981234"


def write(page: Page, *fields: str) -> None:
    """Type one line from the time on, Tab from field to field, and press Enter in the last."""
    expect(page.locator("#f-time")).to_be_focused()
    for number, text in enumerate(fields):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_dead_server_a_paper_log_and_the_keyboard(desk: Desk, server: Server, open_context: OpenContext) -> None:
    page = enter(open_context(device="desktop"), desk, server)
    page.get_by_role("link", name="Papier").click()
    page.get_by_role("button", name="Préparer").click()
    expect(page.locator("h1")).to_have_text("Carnet 1")
    with page.expect_download() as given:
        page.evaluate("() => { document.querySelector('a[href$=\".pdf\"]').download = ''; }")
        page.get_by_role("link", name="Imprimer (PDF)").click()
    assert given.value.path().read_bytes().startswith(b"%PDF")
    codes = [desk.programme.typed(desk.programme.issue()) for _ in range(2)]
    server.stop()
    page.reload()  # the device's own pages open still; those of the server do not
    expect(page.locator("body")).not_to_contain_text("Carnet 1")
    desk.programme.later(minutes=25)
    server.start()
    page.goto(f"{server.address}/counter/paper/1")
    write(page, "12h10", codes[0][:-1] + "x", NUMBER, "", "", "", "AB")
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("#f-number")).to_have_value(NUMBER)
    page.locator("#f-code").fill(codes[0])
    page.locator("#f-code").press("Enter")
    expect(page.locator("#f-line")).to_have_value("2")
    write(page, "1215", codes[1], NUMBER, "2", "carte", "24/12", "AB")
    expect(page.locator(".notice")).to_contain_text("Ligne 1-2 enregistrée")
    expect(page.locator("#f-line")).to_have_value("3")
    page.evaluate(AXE)
    for width in (320, 1280):
        dress(page, width, "light")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with desk.programme.database.read() as session:
        assert len(session.query(Order).all()) == 2
    assert desk.programme.findings() == []
