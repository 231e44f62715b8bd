"""Every state of the counter's page, one after another, as a person comes to them; and what is asked of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.counter import accept, fill_visit, forged, type_code, word
from tests.desk import PASSWORD, Desk, Server
from tests.offline.device import invite, issue_at
from voucher_service.staff.models import Role
from voucher_service.vouchers.code import sign, to_digits
from voucher_service.vouchers.key_ring import body_of
from voucher_service.vouchers.typed_code import with_check

State = tuple[str, Page]


def device_states(page: Page, desk: Desk, server: Server) -> Iterator[State]:
    """Enrolment with its fault, by camera, and the shift; the page ends as an enrolled device with a shift open."""
    page.goto(f"{server.address}/sign-in")
    page.fill("#f-login", desk.login(Role.COUNTER))
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto(f"{server.address}/counter/device")
    page.locator("#device-page[data-part=enrol]").wait_for()
    page.fill("#f-invitation", "AAAAABBBBB")
    page.click("#enrol .primary")
    expect(page.locator("#device-fault")).to_be_focused()
    yield "enrol", page
    page.click("#read-invitation")
    page.locator("#device-page[data-camera=reading]").wait_for()
    yield "enrol-camera", page
    page.click("#close-camera")
    page.fill("#f-invitation", invite(desk))
    page.click("#enrol .primary")
    page.locator("#device-page[data-part=shift]").wait_for()
    yield "shift", page
    page.click("#with-session")
    page.locator("#device-page[data-part=open]").wait_for()
    yield "shift-open", page


def scan_states(page: Page, desk: Desk, server: Server, expired: str) -> Iterator[State]:
    """The picture, the visit's form, each result with the server there, and the pages behind."""
    programme = desk.programme
    voucher = issue_at(desk)
    live, foreign = programme.digits(voucher), replace(body_of(voucher), organisation=9)
    page.goto(f"{server.address}/counter/")
    page.locator("#counter[data-camera=reading]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.")
    yield "scan", page
    page.check("#look-only")
    type_code(page, live)
    word(page, "Valable")
    yield "look", page
    page.get_by_role("button", name="Utiliser ce bon").click()
    page.click("#visit summary")
    page.fill("#v-number", "06 12 34 51 00")
    yield "visit", page
    fill_visit(page)
    word(page, "Accepté")
    page.locator("[data-progress=confirmed]").wait_for()
    yield "accepted", page
    page.click("#next")
    refusals = {
        "used": (live, "Déjà utilisé"),
        "forged": (forged(live), "Refusé"),
        "expired": (expired, "Périmé"),
        "foreign": (to_digits(sign(foreign, Ed25519PrivateKey.generate())), "Autre organisme"),
        "unknown": (with_check("1" * 14), "Inconnu"),
    }
    for name, (code, said) in refusals.items():
        type_code(page, code)
        word(page, said)
        yield name, page
        page.click("#next")


def away_states(page: Page, desk: Desk, server: Server, digits: str, other: str) -> Iterator[State]:
    """Accepted here; then the server is back, and somebody else had used that voucher: what is to be settled."""
    programme = desk.programme
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.stop()
    accept(page, digits)
    word(page, "Accepté ici")
    yield "accepted-here", page
    page.click("#next")
    type_code(page, digits)
    word(page, "Déjà présenté")
    yield "used-here", page
    page.click("#next")
    type_code(page, with_check("2" * 14))
    word(page, "Scannez le code carré")
    yield "typed-here", page
    page.click("#next")
    programme.scan(digits, branch_id=2, till_book_id=programme.branches[1].till_book_id)
    server.start()
    expect(page.locator("#queue-line")).to_contain_text("à régler par la coordination", timeout=15_000)
    type_code(page, other)
    page.locator("#visit h2").wait_for()
    fill_visit(page)
    word(page, "Accepté")
    for name, path in (("my-shift", "shift"), ("state", "state")):
        page.goto(f"{server.address}/counter/{path}")
        page.locator("#unsettled").wait_for()
        yield name, page


def states(context: BrowserContext, desk: Desk, server: Server) -> Iterator[State]:
    """All of them, on one page."""
    desk.ask_questions()
    expired = desk.programme.digits(issue_at(desk))
    desk.programme.now += timedelta(days=91)
    here = [desk.programme.digits(issue_at(desk)) for _ in range(2)]  # the lists that the device takes name these
    page = context.new_page()
    yield from device_states(page, desk, server)
    yield from scan_states(page, desk, server, expired)
    yield from away_states(page, desk, server, *here)
