"""Hands at the counter, for tests in a real browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from tests.desk import PASSWORD, PHONE, Desk, Server
from tests.offline.device import invite
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan
from voucher_service.vouchers import qr

Take = Callable[[Page, str], Path]


def picture(digits: str) -> Image.Image:
    """The voucher's code as a telephone shows it."""
    return Image.open(io.BytesIO(qr.png(digits, qr.Medium.SCREEN, module_px=10)))


def forged(digits: str) -> str:
    """A code whose signature is not ours."""
    return digits[:-1] + str((int(digits[-1]) + 1) % 10)


def enter(context: BrowserContext, desk: Desk, server: Server, role: Role = Role.COUNTER) -> Page:
    """Sign in and come to the counter; a word of complaint in the console fails the test's last look at it."""
    page = context.new_page()
    page.goto(f"{server.address}/sign-in")
    page.fill("#f-login", desk.login(role))
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto(f"{server.address}/counter/")
    page.locator("#counter[data-part=ready]").wait_for()
    return page


def outcomes(desk: Desk) -> list[str]:
    """The outcomes of the scans recorded, oldest first."""
    with desk.programme.database.read() as session:
        return list(session.scalars(select(Scan.outcome).order_by(Scan.received_at, Scan.id)))


def type_code(page: Page, code: str) -> None:
    """Type a code and press Enter, as a hand scanner does."""
    page.fill("#f-code", code)
    page.press("#f-code", "Enter")


def fill_visit(page: Page, *, number: str = PHONE) -> None:
    """Fill in what a top-up needs, and send."""
    page.fill("#v-number", number)
    page.check("input[name=number_read]")
    page.check("input[name=paid][value='200']")
    page.click("#visit .big")


LEASED = """() => new Promise((tell) => {
  const asked = indexedDB.open('counter');
  asked.onsuccess = () => {
    const found = asked.result.transaction('facts').objectStore('facts').get('state');
    found.onsuccess = () => { tell(Boolean(found.result?.lease)); asked.result.close(); };
  };
})"""


def enrolled(context: BrowserContext, desk: Desk, address: str) -> Page:
    """Sign in, enrol the browser with a coordinator's code, open a shift; the counter, its pages and lease kept."""
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#f-login", desk.login(Role.COUNTER))
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto(f"{address}/counter/device#{invite(desk)}")
    page.locator("#device-page[data-part=enrol]").wait_for()
    page.click("#enrol button")
    page.locator("#device-page[data-part=shift]").wait_for()
    page.click("#with-session")
    page.locator("#device-page[data-part=open]").wait_for()
    page.goto(f"{address}/counter/")
    page.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    while not page.evaluate(LEASED):
        page.wait_for_timeout(50)
    return page


def accept(page: Page, code: str) -> None:
    """Present a code and take what the visit needs."""
    type_code(page, code)
    fill_visit(page)


def word(page: Page, text: str) -> None:
    """The word on the whole screen."""
    expect(page.locator("#result .result-word")).to_have_text(text, timeout=15_000)
