"""The counter without a network, from end to end: enrolled in the browser, accepted there, told to the server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Route, expect
from sqlalchemy import select

from tests.browser.conftest import OpenContext, OpenProfile
from tests.browser.counter import accept, enrolled, fill_visit, forged, outcomes, type_code, word
from tests.desk import PHONE, Desk, Server
from tests.offline.device import issue_at
from tests.served import Service
from voucher_service.ids import utc_now
from voucher_service.staff.models import Role
from voucher_service.visits.models import Visit

pytestmark = pytest.mark.browser


@pytest.fixture
def service(desk: Desk, sqlite_url: str, tmp_path: Path) -> Iterator[Service]:
    """The service in a process of its own, on the desk's books and at our time."""
    desk.programme.now = utc_now()
    running = Service(sqlite_url, str(tmp_path))
    running.start()
    yield running
    running.stop()


def lose_an_answer(context: BrowserContext, service: Service) -> list[str]:
    """Let the next upload be recorded, and the process die before the page hears of it; returns the answer."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        try:
            lost.append(route.fetch().text())
        except Error:  # sent before the process was there
            route.abort()
            return
        service.kill()
        route.abort()

    context.route("**/counter/offline/entries", lose)
    return lost


def heard_nothing(page: Page, lost: list[str]) -> None:
    """Wait until the answer is lost and the page knows that nobody answers."""
    end = time.monotonic() + 30
    while not lost:
        assert time.monotonic() < end, "nothing was uploaded"
        page.wait_for_timeout(50)
    expect(page.locator("#queue-line[data-away=true]")).to_be_visible(timeout=15_000)


def test_a_killed_server_a_reload_and_an_answer_lost_in_the_next_kill_and_each_visit_is_confirmed_once(
    desk: Desk, service: Service, open_context: OpenContext
) -> None:
    desk.ask_questions()
    first, second = (desk.programme.digits(issue_at(desk)) for _ in range(2))
    context = open_context()
    page = enrolled(context, desk, service.address)
    service.kill()
    type_code(page, first)
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    fill_visit(page)
    word(page, "Accepté ici")
    expect(page.locator("#queue-line")).to_contain_text("1 passage attend d’être envoyé.")
    page.reload()
    page.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("1 passage attend d’être envoyé.")
    type_code(page, first)
    word(page, "Déjà présenté")
    type_code(page, forged(first))
    word(page, "Refusé")
    accept(page, second)
    word(page, "Accepté ici")
    assert outcomes(desk) == []
    lost = lose_an_answer(context, service)
    service.start()
    heard_nothing(page, lost)
    expect(page.locator("#queue-line")).to_contain_text("2 passages attendent d’être envoyés.")
    assert lost[0].count('"confirmed"') == 2, lost[0]
    assert outcomes(desk) == ["accepted", "accepted"], "recorded, and the page does not know"
    page.reload()
    service.start()
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.", timeout=15_000)
    assert outcomes(desk) == ["accepted", "accepted"]
    with desk.programme.database.read() as session:
        assert [visit.paid_cents for visit in session.scalars(select(Visit))] == [200, 200]
    assert desk.programme.findings() == []


def test_two_devices_without_a_network_and_one_voucher_one_confirmed_one_conflict(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    digits = desk.programme.digits(issue_at(desk))
    pages = [enrolled(open_context(), desk, server.address) for _ in range(2)]
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


def test_who_signs_out_leaves_a_device_that_accepts_nothing_and_says_so(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    digits = desk.programme.digits(issue_at(desk))
    page = enrolled(open_context(), desk, server.address)
    page.get_by_role("button", name="Se déconnecter").click()
    page.locator("#f-password").wait_for()
    page.goto(f"{server.address}/counter/")
    page.get_by_role("link", name="ouvrir mon service avec un code PIN").click()
    page.locator("#device-page[data-part=shift]").wait_for()
    expect(page.locator("#no-network")).to_be_hidden()
    server.stop()
    page.fill("#f-login", desk.login(Role.COUNTER))
    page.fill("#f-pin", "4071")
    page.click("#shift .primary")
    expect(page.locator("#no-network")).to_contain_text("carnet de secours")
    page.goto(f"{server.address}/counter/")
    type_code(page, digits)
    word(page, "Aucun service ouvert")
    expect(page.locator("#queue-line")).to_contain_text("aucun service ouvert : prenez le journal papier")


def test_nothing_personal_lies_in_the_browser_in_clear(
    desk: Desk, server: Server, open_profile: OpenProfile, tmp_path: Path
) -> None:
    folder = tmp_path / "telephone"
    canary, note = PHONE.replace(" ", ""), "CANARI-9134"
    digits = desk.programme.digits(issue_at(desk))
    context = open_profile(folder)
    page = enrolled(context, desk, server.address)
    assert page.evaluate(TAKE_THE_KEY) == ["InvalidAccessError"] * 2, "the key that signs leaves the browser for nobody"
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


TAKE_THE_KEY = """async () => {
  const asked = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
  const db = await asked(indexedDB.open('counter'));
  const { pair } = await asked(db.transaction('facts').objectStore('facts').get('device'));
  const take = (form) => crypto.subtle.exportKey(form, pair.privateKey);
  const taken = await Promise.allSettled(['pkcs8', 'jwk'].map(take));
  return taken.map(({ value, reason }) => value ? 'taken' : reason.name);
}"""


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
    enrolled(original, desk, server.address)
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
