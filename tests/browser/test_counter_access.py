"""The counter's kept pages by axe-core (WCAG 2.2 AA): light, dark, forced colours, 320 pixels wide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.desk import Desk, Server

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DRESSES: list[dict[str, Any]] = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}]


def faults(page: Page) -> list[str]:
    """The rules broken on the page, each with the first element that breaks it."""
    page.evaluate(AXE)
    options = {"runOnly": RULES, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("(options) => axe.run(options)", options)
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found["violations"]]


@pytest.mark.parametrize("dress", DRESSES, ids=["light", "dark", "forced"])
def test_the_kept_pages_have_no_fault(
    desk: Desk, server: Server, browser: Browser, screenshot: Callable[[Page, str], Path], dress: dict[str, Any]
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 700}, locale="fr-FR", **dress)
    page = context.new_page()
    for name in ("shell", "state", "device"):
        answer = page.goto(f"{server.address}/counter/{name}")
        assert answer is not None
        assert answer.status == 200
        page.locator(
            {"shell": "#counter[data-part=ready]", "state": "#state[data-ready]"}.get(name, "#enrol")
        ).wait_for()
        assert page.locator("h1").count() == 1
        assert faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        screenshot(page, f"counter-{name}-320-{next(iter(dress.values()))}")
    context.close()


def test_a_picture_without_words_is_found(desk: Desk, server: Server, browser: Browser) -> None:
    """Planted: the check sees a fault when there is one."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.address}/counter/device")
    page.locator("#enrol").wait_for()
    page.evaluate("document.querySelector('label[for=f-invitation]').remove()")
    assert any(fault.startswith("label") for fault in faults(page))
    context.close()
