"""The counter in a real browser, its camera shown films: what is shown, said, recorded, and never lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import select

from tests.browser.conftest import LaunchWithCamera, OpenContext
from tests.desk import PASSWORD, PHONE, Desk, Server
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.vouchers import life, qr
from voucher_service.vouchers.code import sign, to_digits
from voucher_service.vouchers.key_ring import body_of
from voucher_service.vouchers.links import link_token
from voucher_service.vouchers.typed_code import with_check

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


def test_the_server_dies_in_the_middle_and_nothing_is_lost(
    desk: Desk, server: Server, open_context: OpenContext, screenshot: Take
) -> None:
    page = enter(open_context(), desk, server)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    page.fill("#v-number", PHONE)
    server.stop()
    fill_visit(page)
    expect(page.locator("#waiting")).to_contain_text("Ce passage est gardé ici et repart tout seul")
    screenshot(page, "counter-away-telephone-light")
    assert outcomes(desk) == []
    server.start()
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]
    assert desk.programme.findings() == []


def test_an_answer_lost_on_its_way_is_asked_for_again_and_counts_once(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    page = enter(open_context(), desk, server)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())  # the server has recorded it; the page never hears
        route.abort()

    page.route("**/counter/scans", lose)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    fill_visit(page)
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert '"accepted"' in lost[0]
    assert outcomes(desk) == ["accepted"]


def test_a_session_that_ended_keeps_the_visit_until_the_next_sign_in(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    context = open_context()
    page = enter(context, desk, server)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    page.locator("#v-number").wait_for()
    context.clear_cookies()
    fill_visit(page)
    expect(page.locator("#waiting")).to_contain_text("Votre session a pris fin")
    assert outcomes(desk) == []
    enter(context, desk, server).close()
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["telephone", "desktop"])
def test_no_page_is_wider_than_its_screen(
    desk: Desk,
    server: Server,
    open_context: OpenContext,
    screenshot: Take,
    device: Literal["telephone", "desktop"],
    scheme: Literal["light", "dark"],
) -> None:
    desk.ask_questions()
    person = desk.programme.issue(person_id=desk.person())
    page = enter(open_context(device=device, scheme=scheme), desk, server)
    page.locator("#counter:not([data-camera=starting])").wait_for()
    _fits(page, screenshot, f"counter-ready-{device}-{scheme}")
    type_code(page, desk.programme.digits(person))
    page.click("#visit summary")
    _fits(page, screenshot, f"counter-visit-{device}-{scheme}")
    page.check("input[name=number_read]")
    page.check("input[name=paid][value='200']")
    page.click("#visit .big")
    page.locator("[data-progress=confirmed]").wait_for()
    _fits(page, screenshot, f"counter-accepted-{device}-{scheme}")
    page.click("#next")
    type_code(page, desk.programme.digits(person))
    expect(page.locator("#result .result-word")).to_have_text("Déjà utilisé")
    _fits(page, screenshot, f"counter-used-{device}-{scheme}")
    for name in ("visit", "visits", "shift"):
        page.goto(f"{server.address}/counter/{name}")
        _fits(page, screenshot, f"counter-{name}-page-{device}-{scheme}")
    for name, voucher in (("live", desk.programme.issue()), ("used", person)):
        page.goto(f"{server.address}/mon-bon/{link_token(desk.programme.vault, voucher.id)}")
        _fits(page, screenshot, f"mon-bon-{name}-{device}-{scheme}")


def _fits(page: Page, screenshot: Take, name: str) -> None:
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
