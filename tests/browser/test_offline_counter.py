"""The counter without a network, from end to end: enrolled in the browser, accepted there, told to the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from tests.browser.conftest import OpenContext, OpenProfile
from tests.browser.counter import fill_visit, forged, outcomes, type_code
from tests.desk import PASSWORD, PHONE, Desk, Server
from tests.offline.device import invite, issue_at
from voucher_service.staff.models import Role
from voucher_service.visits.models import Visit

pytestmark = pytest.mark.browser


def enrolled(context: BrowserContext, desk: Desk, server: Server) -> Page:
    """Sign in, enrol the browser with a coordinator's code, open a shift; the counter, its pages kept."""
    page = context.new_page()
    page.goto(f"{server.address}/sign-in")
    page.fill("#f-login", desk.login(Role.COUNTER))
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto(f"{server.address}/counter/device#{invite(desk)}")
    page.locator("#device-page[data-part=enrol]").wait_for()
    page.click("#enrol button")
    page.locator("#device-page[data-part=shift]").wait_for()
    page.click("#with-session")
    page.locator("#device-page[data-part=open]").wait_for()
    page.goto(f"{server.address}/counter/")
    page.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page


def accept(page: Page, code: str) -> None:
    """Present a code and take what the visit needs."""
    type_code(page, code)
    fill_visit(page)


def word(page: Page, text: str) -> None:
    """The word on the whole screen."""
    expect(page.locator("#result .result-word")).to_have_text(text)


def test_without_a_server_a_visit_is_accepted_here_survives_a_reload_and_is_confirmed(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    desk.ask_questions()
    digits = desk.programme.digits(issue_at(desk))
    page = enrolled(open_context(), desk, server)
    server.stop()
    type_code(page, digits)
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    fill_visit(page)
    word(page, "Accepté ici")
    expect(page.locator("#queue-line")).to_contain_text("1 passage attend d’être envoyé.")
    page.reload()
    page.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("1 passage attend d’être envoyé.")
    type_code(page, digits)
    word(page, "Déjà présenté")
    type_code(page, forged(digits))
    word(page, "Refusé")
    assert outcomes(desk) == []
    server.start()
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.", timeout=15_000)
    assert outcomes(desk) == ["accepted"]
    with desk.programme.database.read() as session:
        assert session.scalars(select(Visit)).one().paid_cents == 200
    assert desk.programme.findings() == []


def test_two_devices_without_a_network_and_one_voucher_one_confirmed_one_conflict(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    digits = desk.programme.digits(issue_at(desk))
    pages = [enrolled(open_context(), desk, server) for _ in range(2)]
    server.stop()
    for page in pages:
        accept(page, digits)
        word(page, "Accepté ici")
    server.start()
    for page in pages:
        expect(page.locator("#queue-line[data-away=false][data-waiting='0']")).to_be_visible(timeout=15_000)
    lines = [page.locator("#queue-line").inner_text() for page in pages]
    assert sorted("à régler par la coordination" in line for line in lines) == [False, True]
    assert outcomes(desk).count("accepted") == 1
    assert desk.programme.findings() == []


def test_nothing_personal_lies_in_the_browser_in_clear(
    desk: Desk, server: Server, open_profile: OpenProfile, tmp_path: Path
) -> None:
    folder = tmp_path / "telephone"
    canary, note = PHONE.replace(" ", ""), "CANARI-9134"
    digits = desk.programme.digits(issue_at(desk))
    context = open_profile(folder)
    page = enrolled(context, desk, server)
    server.stop()
    type_code(page, digits)
    page.click("#visit summary")
    page.fill("#v-note", note)
    fill_visit(page)
    word(page, "Accepté ici")
    stored = page.evaluate(EVERYTHING)
    context.close()
    assert "entries" in stored
    assert "signature" in stored
    lying = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and "Crash" not in path.name)
    for secret in (canary, canary[1:], PHONE, note, digits, desk.staff(Role.COUNTER).name):
        assert secret not in stored
        for coded in (secret.encode(), secret.encode("utf-16-le")):
            assert coded not in lying, secret
    assert desk.login(Role.COUNTER) not in stored


EVERYTHING = """async () => {
  const asked = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
  const db = await asked(indexedDB.open('counter'));
  const found = {};
  for (const name of db.objectStoreNames) found[name] = await asked(db.transaction(name).objectStore(name).getAll());
  const text = (value) => value instanceof Uint8Array ? new TextDecoder('latin1').decode(value) : value;
  return [JSON.stringify(found, (key, value) => text(value)), JSON.stringify({ ...localStorage })].join();
}"""


def test_a_cloned_device_is_found_and_its_second_spend_is_refused(
    desk: Desk, server: Server, open_profile: OpenProfile, tmp_path: Path
) -> None:
    first, second = (desk.programme.digits(issue_at(desk)) for _ in range(2))
    original = open_profile(tmp_path / "original")
    enrolled(original, desk, server)
    original.close()
    shutil.copytree(tmp_path / "original", tmp_path / "clone", ignore=shutil.ignore_patterns("Singleton*"))
    for folder, code in (("original", first), ("clone", second)):
        context = open_profile(tmp_path / folder)
        page = context.new_page()
        server.stop()
        page.goto(f"{server.address}/counter/")
        page.locator("#counter[data-part=ready]").wait_for()
        accept(page, code)
        word(page, "Accepté ici")
        server.start()
        expect(page.locator("#queue-line[data-away=false][data-waiting='0']")).to_be_visible(timeout=15_000)
        line = page.locator("#queue-line").inner_text()
        context.close()
        assert ("à régler par la coordination" in line) == (folder == "clone"), line
    assert outcomes(desk).count("accepted") == 1
    assert desk.programme.findings() == []
