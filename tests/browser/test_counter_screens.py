"""The doors on a telephone and a desktop, light and dark, and without JavaScript."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.counter import Take, enter, outcomes, type_code
from tests.desk import PASSWORD, PHONE, Desk, Server
from voucher_service.staff.models import Role
from voucher_service.vouchers.links import link_token

pytestmark = pytest.mark.browser


def test_without_javascript_the_typed_field_does_the_work(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    page = open_context(javascript=False).new_page()
    page.goto(f"{server.address}/sign-in?next=/counter/")
    page.fill("#f-login", desk.login(Role.COUNTER))
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.fill("#f-code", desk.programme.typed(desk.programme.issue()))
    page.click("#code-form button")
    page.fill("#f-number", PHONE)
    page.check("[name=number_read]")
    page.check("[name=paid_cents][value='200']")
    page.click("main form.panel .primary")
    expect(page.locator(".result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]


@pytest.mark.parametrize("device", ["telephone", "desktop"])
def test_no_page_is_wider_than_its_screen(
    desk: Desk,
    server: Server,
    open_context: OpenContext,
    screenshot: Take,
    device: Literal["telephone", "desktop"],
) -> None:
    desk.ask_questions()
    person = desk.programme.issue(person_id=desk.person())
    page = enter(open_context(device=device), desk, server)
    page.locator("#counter:not([data-camera=starting])").wait_for()
    _fits(page, screenshot, f"counter-ready-{device}")
    type_code(page, desk.programme.digits(person))
    page.click("#visit summary")
    _fits(page, screenshot, f"counter-visit-{device}")
    page.check("input[name=number_read]")
    page.check("input[name=paid][value='200']")
    page.click("#visit .big")
    page.locator("[data-progress=confirmed]").wait_for()
    _fits(page, screenshot, f"counter-accepted-{device}")
    page.click("#next")
    type_code(page, desk.programme.digits(person))
    expect(page.locator("#result .result-word")).to_have_text("Déjà utilisé")
    _fits(page, screenshot, f"counter-used-{device}")
    for name in ("visit", "visits", "shift"):
        page.goto(f"{server.address}/counter/{name}")
        _fits(page, screenshot, f"counter-{name}-page-{device}")
    for name, voucher in (("live", desk.programme.issue()), ("used", person)):
        page.goto(f"{server.address}/mon-bon/{link_token(desk.programme.vault, voucher.id)}")
        _fits(page, screenshot, f"mon-bon-{name}-{device}")


def _fits(page: Page, screenshot: Take, name: str) -> None:
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
