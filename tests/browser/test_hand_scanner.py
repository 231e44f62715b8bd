"""The field for hand-held scanners, the sounds and the small helps of every page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenContext
from tests.browser.static_site import PAGE, Site, serving, until

pytestmark = pytest.mark.browser


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site on a free port."""
    with serving() as running:
        yield running


@pytest.fixture
def page(site: Site, open_context: OpenContext) -> Page:
    """The page with the field, its module loaded."""
    page = open_context().new_page()
    page.goto(site.address)
    until(page, "globalThis.ready === true")
    return page


def press(page: Page, keys: list[tuple[str, str]]) -> None:
    """Press `keys`, each a (physical code, typed character), as a keyboard of any layout would."""
    keyboard = page.context.new_cdp_session(page)
    for code, typed in keys:
        text = "\r" if typed == "Enter" else typed
        down = {"type": "keyDown", "code": code, "key": typed, "text": text}
        keyboard.send("Input.dispatchKeyEvent", down)
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "code": code, "key": typed})


ENTER = ("Enter", "Enter")


def test_a_hand_scanner_on_an_azerty_keyboard_offers_both_readings(page: Page) -> None:
    page.focus("button")
    typed = dict(zip("1234567890", "&é\"'(-è_çà", strict=True))
    digits = "1029384756473829"
    press(page, [(f"Digit{digit}", typed[digit]) for digit in digits] + [ENTER])
    until(page, "seen.readings.length === 1")
    reading = page.evaluate("seen.readings[0]")
    assert reading["typed"] == "".join(typed[digit] for digit in digits)
    assert reading["physical"] == digits
    assert page.evaluate("wedge.candidates(seen.readings[0])[1]") == digits
    assert page.input_value("#code") == "", "ready for the next one"


def test_the_field_follows_the_typist(page: Page) -> None:
    four = ("Digit4", "4")
    page.focus("#code")
    press(page, [four, four])
    page.keyboard.press("Backspace")
    press(page, [("Digit2", "2"), ENTER])
    page.fill("#code", "4444 1111")
    press(page, [ENTER])
    until(page, "seen.readings.length === 2")
    readings = page.evaluate("seen.readings.map(wedge.candidates)")
    assert readings == [["42"], ["44441111"]]
    assert page.evaluate("seen.readings.map((one) => one.physical)") == ["42", None]


def test_the_sound_switch_is_remembered(page: Page) -> None:
    page.click("button")
    assert page.evaluate("[sound.soundOn(), sound.play('accept'), sound.play('refuse')]") == [True] * 3
    page.evaluate("sound.setSound(false)")
    page.reload()
    until(page, "globalThis.ready === true")
    assert page.evaluate("[sound.soundOn(), sound.play('check')]") == [False, False]


FORM = """<div class="error-summary" tabindex="-1">À corriger</div>
<form id="once" method="post" action="/sent"><button>Envoyer</button></form>
<button data-print>Imprimer</button>
<script type="module" src="/static/js/page.js"></script><script type="module" src="/watch.js"></script>"""
WATCH = """
globalThis.sent = 0; globalThis.printed = 0; globalThis.print = () => { printed += 1; };
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) sent += 1;
  event.preventDefault();
});
globalThis.ready = true;
"""


def test_every_page_starts_at_its_errors_and_sends_a_form_once(site: Site, open_context: OpenContext) -> None:
    site.planted |= {"/": (PAGE + FORM).encode(), "/watch.js": WATCH.encode()}
    page = open_context().new_page()
    page.goto(site.address)
    until(page, "globalThis.ready === true && 'sent' in globalThis")
    assert page.evaluate("document.activeElement.className") == "error-summary"
    page.click("#once button")
    page.click("#once button")
    assert page.evaluate("sent") == 1
    page.click("[data-print]")
    assert page.evaluate("printed") == 1


def test_a_text_typed_into_another_field_stays_there(site: Site, open_context: OpenContext) -> None:
    site.planted["/"] = (PAGE + "<label>Note <input id='note'></label>").encode()
    page = open_context().new_page()
    page.goto(site.address)
    until(page, "globalThis.ready === true")
    page.focus("#note")
    page.keyboard.type("12 bis")
    assert (page.input_value("#note"), page.input_value("#code")) == ("12 bis", "")
