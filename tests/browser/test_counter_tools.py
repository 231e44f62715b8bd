"""The counter's tools: lamp, sound and vibration, look-only without a network, and taking a visit back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LaunchWithCamera, OpenContext
from tests.browser.counter import Take, enrolled, enter, fill_visit, forged, outcomes, type_code, word
from tests.browser.test_hand_scanner import ENTER, press
from tests.desk import Desk, Server
from tests.offline.device import issue_at

pytestmark = pytest.mark.browser

LAMP = """
MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
globalThis.lamp = [];
MediaStreamTrack.prototype.applyConstraints = async ({ advanced }) => { lamp.push(advanced[0].torch); };
"""
FELT = "globalThis.felt = []; navigator.vibrate = (pulses) => { felt.push(pulses.join()); return true; };"


def test_the_lamp_is_offered_where_the_camera_has_one_and_nowhere_else(
    desk: Desk, server: Server, browser_with_camera: LaunchWithCamera, open_context: OpenContext
) -> None:
    context = open_context(within=browser_with_camera((None, 1.0)))
    page = enter(context, desk, server)
    page.locator("#counter[data-camera=reading]").wait_for()
    expect(page.locator("#torch")).to_be_hidden()
    context.add_init_script(LAMP)
    page.reload()
    page.locator("#counter[data-camera=reading]").wait_for()
    page.click("#torch")
    expect(page.locator("#torch")).to_have_attribute("aria-pressed", "true")
    page.click("#torch")
    expect(page.locator("#torch")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("lamp") == [True, False]
    page.click("#torch")
    page.evaluate("document.getElementById('camera-retry').click()")  # as when the page was out of sight
    expect(page.locator("#torch")).to_have_attribute("aria-pressed", "false")  # the lamp went out with the camera


def test_a_verdict_is_felt_and_the_switch_silences_it_for_good(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    context = open_context()
    context.add_init_script(FELT)
    page = enter(context, desk, server)
    code = forged(desk.programme.digits(desk.programme.issue()))
    for expected in (["220,90,220"], []):
        type_code(page, code)
        word(page, "Refusé")
        page.wait_for_timeout(200)
        assert page.evaluate("felt") == expected
        page.click("#next")
        if expected:
            page.click("#sound")
            expect(page.locator("#sound")).to_have_text("Son : non")
            page.reload()  # remembered
            page.locator("#counter[data-part=ready]").wait_for()
            expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")


def test_a_look_without_a_network_uses_nothing(desk: Desk, server: Server, open_context: OpenContext) -> None:
    digits = desk.programme.digits(issue_at(desk))
    page = enrolled(open_context(), desk, server.address)
    server.stop()
    page.check("#look-only")
    for _ in range(2):
        type_code(page, digits)
        word(page, "Valable ici")
        page.click("#next")
    expect(page.locator("#queue-line")).to_contain_text("Rien n’attend d’être envoyé.")
    page.uncheck("#look-only")
    type_code(page, digits)
    fill_visit(page)
    word(page, "Accepté ici")


def test_a_visit_is_taken_back_with_a_reason_on_a_telephone(
    desk: Desk, server: Server, open_context: OpenContext, screenshot: Take
) -> None:
    desk.worker.stop()  # the order waits, so it can still be taken back
    digits = desk.programme.digits(desk.programme.issue())
    page = enter(open_context(), desk, server)
    type_code(page, digits)
    fill_visit(page)
    word(page, "Accepté")
    page.goto(f"{server.address}/counter/shift")
    page.locator("summary", has_text="Annuler").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screenshot(page, "counter-undo-telephone-light")
    page.locator("input[name^=reason-]").fill("mauvais numéro")
    page.get_by_role("button", name="Annuler ce passage").click()
    expect(page.locator("main")).to_contain_text("Passage annulé")
    screenshot(page, "counter-undone-telephone-light")
    page.goto(f"{server.address}/counter/")
    type_code(page, digits)
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    assert outcomes(desk) == ["accepted"]


def test_a_hand_scanner_set_to_qwerty_on_an_azerty_keyboard_is_understood_without_a_network(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    digits = desk.programme.digits(issue_at(desk))
    page = enrolled(open_context(), desk, server.address)
    server.stop()
    page.evaluate("document.getElementById('sound').focus()")  # wherever the focus is
    typed = dict(zip("1234567890", "&é\"'(-è_çà", strict=True))
    press(page, [*((f"Digit{digit}", typed[digit]) for digit in digits), ENTER])
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    page.keyboard.press("Escape")
    page.evaluate("document.getElementById('sound').focus()")
    press(page, [*((f"Digit{digit}", typed[digit]) for digit in forged(digits)), ENTER])
    word(page, "Refusé")
