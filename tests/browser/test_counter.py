"""The counter in a real browser, its camera shown films: what is shown, said and recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.conftest import LaunchWithCamera, OpenContext
from tests.browser.counter import Take, enter, fill_visit, forged, outcomes, picture, type_code
from tests.desk import PHONE, Desk, Server
from voucher_service.visits.models import Visit
from voucher_service.vouchers import life
from voucher_service.vouchers.code import sign, to_digits
from voucher_service.vouchers.key_ring import body_of
from voucher_service.vouchers.typed_code import with_check

pytestmark = pytest.mark.browser


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
    # A round of the film lasts 5.5 s, so the picture may take longer to come back than the usual five seconds.
    expect(page.locator("#result .result-word")).to_have_text("Déjà utilisé", timeout=15_000)
    expect(page.locator("#result h2")).to_have_text("Ce bon a été utilisé le 4 mars 2026 à 12 h 00 à Antenne Nord.")
    screenshot(page, "counter-used-telephone-light")
    page.wait_for_timeout(300)
    recorded = outcomes(desk)  # the clock stands still, so they come in no order
    assert (recorded.count("accepted"), set(recorded)) == (1, {"accepted", "used"})
    assert complaints == []
    with desk.programme.database.read() as session:
        visit = session.scalars(select(Visit)).one()
        assert (visit.paid_cents, visit.answers) == (200, {"type_lieu": "lieu_activite"})
    assert desk.programme.findings() == []


def test_every_code_of_a_film_is_answered_and_none_stalls_the_next(
    desk: Desk, server: Server, browser_with_camera: LaunchWithCamera, open_context: OpenContext
) -> None:
    live = desk.programme.digits(desk.programme.issue())
    film = browser_with_camera(
        (None, 2.0), (picture(forged(live)), 1.5), (picture("10" + "8" * 200), 1.5), (picture(live), 1.5), (None, 2.0)
    )
    page = enter(open_context(within=film), desk, server)
    expect(page.locator("#result .result-word")).to_have_text("Refusé")
    expect(page.locator("#result .result-word")).not_to_have_text("Refusé")
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    page.keyboard.press("Escape")
    expect(page.locator("#counter")).to_have_attribute("data-part", "ready")
    assert "forged" in outcomes(desk)
    assert "accepted" not in outcomes(desk)


@pytest.mark.parametrize(
    ("kind", "word", "tone"),
    [
        ("forged", "Refusé", "bad"),
        ("expired", "Périmé", "bad"),
        ("cancelled", "Annulé", "bad"),
        ("foreign", "Autre organisme", "bad"),
        ("damaged", "Illisible", "check"),
        ("unknown", "Inconnu", "check"),
        ("menu", "Pas un bon", "check"),
    ],
)
def test_each_refusal_fills_the_screen_with_its_word(
    desk: Desk, server: Server, open_context: OpenContext, kind: str, word: str, tone: str
) -> None:
    code = _code(desk, kind)
    page = enter(open_context(), desk, server)
    type_code(page, code)
    result = page.locator("#result")
    expect(result.locator(".result-word")).to_have_text(word)
    expect(result).to_have_class(f"result {tone}")
    box = result.bounding_box()
    assert box is not None
    assert box["height"] >= 700, "the whole of a 740 pixel screen"
    assert page.evaluate("document.activeElement.id") == "next"
    page.keyboard.press("Enter")
    expect(page.locator("#counter")).to_have_attribute("data-part", "ready")


def _code(desk: Desk, kind: str) -> str:
    programme = desk.programme
    voucher = programme.issue()
    digits = programme.digits(voucher)
    if kind == "expired":
        programme.later(days=91)
    if kind == "cancelled":
        programme.database.run(life.cancel, voucher.id, actor="staff:x", reason="perdu", now=programme.now)
    return {
        "forged": forged(digits),
        "foreign": to_digits(sign(replace(body_of(voucher), organisation=9), Ed25519PrivateKey.generate())),
        "damaged": digits[:150],
        "unknown": with_check("1" * 14),
        "menu": "https://example.org/menu",
    }.get(kind, digits)


def test_a_typed_code_with_a_slip_is_found_before_anything_is_sent(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    typed = desk.programme.typed(desk.programme.issue())
    page = enter(open_context(), desk, server)
    type_code(page, typed[:-1] + str((int(typed[-1]) + 1) % 10))
    expect(page.locator("#code-error")).to_contain_text("erreur dans ces chiffres")
    type_code(page, " ".join(typed[i : i + 4] for i in range(0, 16, 4)))
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")
    expect(page.locator("#code-error")).to_be_hidden()
    assert outcomes(desk) == []


def test_nothing_is_redeemed_without_the_number_and_its_reading(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    page = enter(open_context(), desk, server)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    page.click("#visit .big")
    assert page.evaluate("document.activeElement.id") == "v-number"
    page.fill("#v-number", "01 42 00 00 00")
    page.check("input[name=number_read]")
    page.check("input[name=paid][value='0']")
    page.click("#visit .big")
    assert page.evaluate("document.querySelector('#v-number').validationMessage").startswith("Un mobile")
    page.fill("#v-number", "06 00 00 00 00")  # right in form; what the server says of it is shown in the form
    assert not page.is_checked("input[name=number_read]"), "another number must be read back again"
    page.fill("#v-number", PHONE)
    page.check("input[name=number_read]")
    page.click("#visit .big")
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]


def test_a_look_uses_nothing_and_can_become_a_use(desk: Desk, server: Server, open_context: OpenContext) -> None:
    page = enter(open_context(), desk, server)
    page.check("#look-only")
    type_code(page, desk.programme.typed(desk.programme.issue()))
    expect(page.locator("#result .result-word")).to_have_text("Valable")
    assert outcomes(desk) == []
    page.get_by_role("button", name="Utiliser ce bon").click()
    fill_visit(page)
    expect(page.locator("#result .result-word")).to_have_text("Accepté")


def test_all_of_it_by_keyboard_alone(desk: Desk, server: Server, open_context: OpenContext) -> None:
    page = enter(open_context(device="desktop"), desk, server)
    assert page.evaluate("document.activeElement.id") == "f-code", "ready for a hand scanner"
    page.keyboard.type(desk.programme.typed(desk.programme.issue()))
    page.keyboard.press("Enter")
    expect(page.locator("#v-number")).to_be_focused()
    page.keyboard.type("0612345100")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    expect(page.locator("#next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#f-code")).to_be_focused()


def test_a_recharge_code_is_shown_when_it_is_ready(
    desk: Desk, server: Server, open_context: OpenContext, screenshot: Take
) -> None:
    secret = desk.bring_codes()
    page = enter(open_context(), desk, server)
    type_code(page, desk.programme.digits(desk.programme.issue(offer_id=desk.programme.code_id)))
    page.check("input[name=paid][value='200']")
    page.click("#visit .big")
    expect(page.locator("[data-progress=code_ready]")).to_contain_text("Code de recharge prêt.")
    page.click("#show-code")
    expect(page.locator(".pin")).to_have_text(secret)
    screenshot(page, "counter-code-telephone-light")
