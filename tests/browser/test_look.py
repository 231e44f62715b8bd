"""The shared look in a real browser: small phones, thumbs, paper."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Page
from werkzeug.serving import make_server

from tests.browser.conftest import OpenContext
from tests.doors.gallery import QR_TEXT, make_app

pytestmark = pytest.mark.browser

SMALL_TARGETS = """[...document.querySelectorAll("a, button, input, select, textarea")].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  const inText = one.closest("p, td, th, dt, dd, label, .timeline, .skip");
  return width > 0 && Math.min(width, height) < 43.5 && !inText;
}).map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The gallery of all parts on a free port."""
    server = make_server("127.0.0.1", 0, make_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()


@pytest.fixture
def page(address: str, open_context: OpenContext) -> Page:
    """The gallery on a telephone."""
    page = open_context().new_page()
    page.goto(address)
    assert page.inner_text("h1 >> nth=0") == "Bons de la campagne d’hiver"
    return page


@pytest.mark.parametrize("width", [320, 360, 599, 601, 1280])
def test_no_page_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_is_tapped_is_as_large_as_a_thumb(page: Page) -> None:
    assert page.evaluate(SMALL_TARGETS) == []
    page.evaluate("document.querySelector('.button').classList.remove('button')")
    assert len(page.evaluate(SMALL_TARGETS)) == 1, "a small button would be found"


def test_a_table_names_its_columns_on_a_telephone_and_in_its_head_on_a_desk(page: Page) -> None:
    label = "getComputedStyle(document.querySelector('td'), '::before').content"
    assert page.evaluate(label) == '"Antenne"'
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.evaluate(label) == "none"
    assert page.is_visible("thead")


def test_a_card_prints_alone_on_a6_and_reads_back(page: Page) -> None:
    page.evaluate(
        "document.querySelector('.qr-card').classList.add('a6');"
        "document.querySelector('main').replaceChildren(document.querySelector('.qr-card'))"
    )
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(document) == 1
    width, height = document[0].get_size()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (105, 148)
    printed = document[0].render(scale=150 / 72).to_pil()
    assert [found.text for found in zxingcpp.read_barcodes(printed)] == [QR_TEXT]
