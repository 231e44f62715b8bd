"""The beneficiary's pages in Arabic, from the right: whole, accessible, fitting; codes and QR from the left as ever."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.counter import enter, type_code
from tests.browser.every_page import Scheme, dress
from tests.browser.test_every_page import AXE, violations
from tests.desk import Desk, Server
from voucher_service.vouchers.links import link_token

pytestmark = pytest.mark.browser

# Letters of ours outside what stays as it is printed: names of offers and branches, codes, the name of the service.
FOREIGN = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const inside = walk.currentNode.parentElement;
    if (inside.closest("bdi, .code, .brand, .languages, svg, script")) continue;
    const text = walk.currentNode.textContent.replace("Coup de Pouce", "").replace("QR", "");
    if (/[A-Za-zÀ-ÿ]/.test(text)) found.push(text.trim());
  }
  return found;
}"""
# The groups of the typed code, where they stand from the left.
GROUPS = "() => [...document.querySelectorAll('.code span')].map((group) => group.getBoundingClientRect().left)"


@pytest.fixture
def page(open_context: OpenContext, server: Server) -> Iterator[Page]:
    """A telephone whose browser asks for Arabic."""
    opened = open_context(device="telephone", base_url=server.address, locale="ar").new_page()
    yield opened
    opened.close()


def address(desk: Desk, *, used: bool) -> str:
    """The page of a voucher, live or used."""
    voucher = desk.programme.issue()
    if used:
        desk.programme.scan(desk.programme.digits(voucher))
    return f"/mon-bon/{link_token(desk.programme.vault, voucher.id)}"


def faults(page: Page) -> list[str]:
    """Everything wrong with the page that is open, at 320 px and at a desk, light, dark and in forced colours."""
    page.evaluate(AXE)
    said = [f"in French: {text}" for text in page.evaluate(FOREIGN)]
    if page.evaluate("[document.documentElement.lang, document.documentElement.dir]") != ["ar", "rtl"]:
        said.append("not from the right")
    lefts = page.evaluate(GROUPS)
    if lefts != sorted(lefts):
        said.append("the code's groups are out of order")
    for width in (320, 1280):
        dress(page, width, "light")
        said += [f"{width}: {fault}" for fault in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            said.append(f"{width}: wider than the screen")
    dress(page, 320, "dark")
    said += [f"dark: {fault}" for fault in violations(page, "color-contrast")]
    dress(page, 320, "light", forced=True)
    said += [f"forced: {fault}" for fault in violations(page)]
    dress(page, 320, "light")
    return said


def test_every_page_is_whole_in_arabic_and_accessible(page: Page, desk: Desk) -> None:
    told = {}
    for path, status in (
        (address(desk, used=False), 200), (address(desk, used=True), 200), ("/v/123", 200), ("/mon-bon/faux", 404),
    ):  # fmt: skip
        answer = page.goto(path)
        assert answer is not None
        assert (answer.status, page.locator("h1").count()) == (status, 1), path
        told[path[:9]] = faults(page)
    assert told == {path: [] for path in told}


def test_the_qr_reads_and_the_language_is_a_touch_away(page: Page, desk: Desk) -> None:
    voucher = desk.programme.issue()
    page.goto(f"/mon-bon/{link_token(desk.programme.vault, voucher.id)}")
    shown = Image.open(io.BytesIO(page.locator(".qr").screenshot()))
    read = zxingcpp.read_barcode(shown)
    assert read is not None
    assert read.text == desk.programme.digits(voucher)
    for _ in range(3):  # past the skip link and the mark, to the first language
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**?lang=fr")
    assert page.locator("h1").inner_text() == "Mon bon"
    page.get_by_role("link", name="العربية").click()
    page.wait_for_url("**?lang=ar")
    assert page.locator("h1").inner_text() == "قسيمتي"


def test_staff_turn_the_screen_round(server: Server, desk: Desk, open_context: OpenContext) -> None:
    counter = enter(open_context(device="telephone"), desk, server)
    used = desk.programme.issue()
    desk.programme.scan(desk.programme.digits(used))
    type_code(counter, desk.programme.digits(used))
    told = counter.locator(".for-person")
    told.locator("summary").click()
    arabic = told.locator("[lang=ar]")
    expect(arabic).to_contain_text("استُعملت هذه القسيمة من قبل")
    assert arabic.evaluate("said => getComputedStyle(said).direction") == "rtl"
    counter.evaluate(AXE)
    dresses: list[tuple[Scheme, bool]] = [("light", False), ("dark", False), ("light", True)]
    for scheme, forced in dresses:
        dress(counter, 320, scheme, forced=forced)
        assert violations(counter) == []
        assert counter.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("document.querySelector('.code').style.direction = 'rtl'", "the code's groups are out of order"),
        ("document.querySelector('h1').textContent = 'Mon bon'", "in French: Mon bon"),
        ("document.documentElement.dir = 'ltr'", "not from the right"),
        ("document.querySelector('.how').style.minWidth = '500px'", "320: wider than the screen"),
    ],
)
def test_a_planted_fault_is_told(page: Page, desk: Desk, planted: str, told: str) -> None:
    page.goto(address(desk, used=False))
    page.evaluate(planted)
    assert told in faults(page)
