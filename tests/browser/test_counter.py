"""The counter in a real browser, its camera shown films: what is shown, said, recorded, and never lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from tests.browser.conftest import LaunchWithCamera, OpenContext
from tests.desk import PASSWORD, PHONE, Desk, Server
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.vouchers import qr

pytestmark = pytest.mark.browser

Take = Callable[[Page, str], Path]


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The doors over a small programme."""
    made = Desk.make(sqlite_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    """The doors on a real port, delivering."""
    with desk.serving() as running:
        yield running


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


def test_a_voucher_in_front_of_the_camera_becomes_a_confirmed_top_up(
    desk: Desk, server: Server, browser_with_camera: LaunchWithCamera, open_context: OpenContext, screenshot: Take
) -> None:
    desk.ask_questions()
    voucher = desk.programme.issue()
    film = browser_with_camera((None, 1.0), (picture(desk.programme.digits(voucher)), 2.0), (None, 2.5))
    page = enter(open_context(within=film), desk, server)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    page.fill("#v-number", PHONE)
    expect(page.locator(".aloud")).to_have_text("06\u202f12\u202f34\u202f51\u202f00")
    screenshot(page, "counter-visit-telephone-light")
    page.check("input[name=number_read]")
    page.check("input[name=paid][value='200']")
    page.click("#visit summary")
    page.check("input[name=a-type_lieu][value=lieu_activite]")
    page.click("#visit .big")
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    expect(page.locator(".order-strip[data-progress=confirmed]")).to_contain_text("Recharge confirmée.")
    screenshot(page, "counter-accepted-telephone-light")
    page.click("#next")
    # The film shows the same voucher again: now it is used, and the screen says when and where.
    expect(page.locator("#result .result-word")).to_have_text("Déjà utilisé")
    expect(page.locator("#result h2")).to_have_text("Ce bon a été utilisé le 4 mars 2026 à 12 h 00 à Antenne Nord.")
    screenshot(page, "counter-used-telephone-light")
    page.wait_for_timeout(300)
    assert outcomes(desk)[:2] == ["accepted", "used"]
    assert complaints == []
    with desk.programme.database.read() as session:
        visit = session.scalars(select(Visit)).one()
        assert (visit.paid_cents, visit.answers) == (200, {"type_lieu": "lieu_activite"})
    assert desk.programme.findings() == []
