"""The counter's pages on the device: they open after the server's end, name nobody, and weigh little on the line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from flask import Response
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext, OpenProfile
from tests.browser.counter import enter, type_code
from tests.desk import Desk, Server
from voucher_service.staff.models import Role

pytestmark = pytest.mark.browser

FIRST_LOAD, REPEAT_LOAD = 480_000, 25_000  # bytes over the wire; the goals are 500 and 50 kB


def kept(page: Page) -> None:
    """Wait until the service worker holds the pages."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_timeout(200)


def until_kept(page: Page, path: str) -> None:
    """Wait until a page stands in the device's cache: the worker fetches a language when it is first read in."""
    for _ in range(100):
        if page.evaluate("path => caches.match(path).then(Boolean)", path):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{path} was not kept within ten seconds")


def until_spoken(page: Page, language: str) -> None:
    """Wait until the worker remembers the language of the page that was read last."""
    remembered = "() => caches.match('/counter/language').then((kept) => kept?.text())"
    for _ in range(100):
        if page.evaluate(remembered) == language:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{language} was not remembered within ten seconds")


def test_the_page_opens_after_the_server_has_ended(desk: Desk, server: Server, open_context: OpenContext) -> None:
    page = enter(open_context(), desk, server)
    kept(page)
    page.goto(f"{server.address}/counter/shell?lang=en")
    until_kept(page, "/counter/shell?lang=en")
    page.goto(f"{server.address}/counter/")
    until_spoken(page, "fr")
    server.stop()
    page.reload()
    page.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#queue-line")).to_contain_text("Le serveur ne répond pas")
    assert desk.staff(Role.COUNTER).name not in page.content()
    page.goto(f"{server.address}/counter/shift")
    expect(page.locator("h1")).to_have_text("État de cet appareil")
    page.goto(f"{server.address}/counter/shell?lang=en")
    expect(page.locator("#f-code")).to_be_visible()
    assert page.get_attribute("html", "lang") == "en"
    server.start()
    page.goto(f"{server.address}/counter/")
    type_code(page, desk.programme.typed(desk.programme.issue()))
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")


def test_a_server_that_hangs_is_left_after_two_seconds(desk: Desk, server: Server, open_context: OpenContext) -> None:
    page = enter(open_context(), desk, server)
    kept(page)
    desk.app.before_request_funcs.setdefault(None, []).insert(0, lambda: time.sleep(6))
    started = page.evaluate("Date.now()")
    page.goto(f"{server.address}/counter/")
    page.locator("#counter[data-part=ready]").wait_for()
    assert 1900 < page.evaluate("Date.now()") - started < 5500


def test_a_first_load_is_under_500_kb_and_a_repeat_under_50(
    desk: Desk, server: Server, open_context: OpenContext, open_profile: OpenProfile, tmp_path: Path
) -> None:
    """What the server sends for the page, what it keeps for offline, and the QR reader, bodies and headers."""
    context = open_profile(tmp_path / "profile", (None, 1.0))  # signed in elsewhere: its cache is empty
    elsewhere = enter(open_context(), desk, server)
    elsewhere.wait_for_load_state("networkidle")  # what it still fetches would be weighed as well
    context.add_cookies(elsewhere.context.cookies())  # type: ignore[arg-type]  # as it was read
    elsewhere.close()
    sent: list[int] = []
    desk.app.after_request_funcs.setdefault(None, []).append(lambda answer: _weigh(answer, sent))
    first = _load(context.new_page(), sent, f"{server.address}/counter/")
    again = _load(page := context.new_page(), sent, f"{server.address}/counter/")
    asked = context.new_cdp_session(page).send("Page.getInstallabilityErrors")
    assert asked["installabilityErrors"] == [], "it goes on the home screen"
    print(f"first load {first} bytes, repeat {again} bytes")
    assert 300_000 < first < FIRST_LOAD
    assert 1_000 < again < REPEAT_LOAD


def _weigh(answer: Response, sent: list[int]) -> Response:
    sent.append(len(answer.get_data()) + len(str(answer.headers)) + 20)
    return answer


def _load(page: Page, sent: list[int], address: str) -> int:
    """Bytes sent until page, QR reader and service worker are there."""
    page.goto(address)
    page.locator("#counter[data-camera=reading]").wait_for()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_timeout(1000)
    total = sum(sent)
    sent.clear()
    return total
