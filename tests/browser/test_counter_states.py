"""Every state of the counter by axe-core (WCAG 2.2 AA) and by keyboard: light, dark, forced colours, right to left."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import LaunchWithCamera
from tests.browser.counter import Take
from tests.browser.states import states
from tests.browser.test_counter_access import faults
from tests.desk import Desk, Server

pytestmark = pytest.mark.browser

DRESSES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "light", "forced_colors": "active"},
}
WIDER = "document.documentElement.scrollWidth > innerWidth"

# As long as the French, in Arabic letters, and from right to left; `back` undoes it.
ARABIC = """() => {
  const sample = 'تم قبول القسيمة وسيصل الرصيد إلى هاتفكم بعد قليل يرجى الاحتفاظ بها ';
  const root = document.documentElement, before = { dir: root.dir, lang: root.lang }, texts = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, text = node.data.trim();
    if (!/\\p{L}{2}/u.test(text)) continue;
    texts.push([node, node.data]);
    node.data = sample.repeat(Math.ceil(text.length / sample.length)).slice(0, text.length);
  }
  Object.assign(root, { dir: 'rtl', lang: 'ar' });
  globalThis.back = () => { Object.assign(root, before); for (const [node, text] of texts) node.data = text; };
}"""

# What can be reached and pressed now, and what has the focus; a group of radio buttons is one stop.
STOPS = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((one) => {
  if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) return false;
  const group = one.type === 'radio' && [...document.getElementsByName(one.name)];
  return !group || one === (group.find((other) => other.checked) ?? group[0]);
}).map((one) => (one.dataset.stop ??= String(Math.random())))"""
FOCUSED = """() => {
  const one = document.activeElement;
  const marked = [one, one.closest('.choice'), one.closest('.stat')].filter(Boolean).some((part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(part);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const { top, bottom } = one.getBoundingClientRect();
  const seen = bottom > 0 && top < innerHeight;
  return { stop: one.dataset.stop ?? '', words: one.outerHTML.slice(0, 90), marked, seen };
}"""


def by_keyboard(page: Page) -> list[str]:
    """What Tab does not reach, and what does not show that it has the focus."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges()")
    wanted = set(page.evaluate(STOPS))
    found: list[str] = []
    for _ in range(len(wanted) + 4):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at["stop"] in wanted:
            found += [f"no mark or out of sight: {at['words']}"] if not (at["marked"] and at["seen"]) else []
            wanted.discard(at["stop"])
    return found + [f"not reached: {page.evaluate(WORDS_OF, stop)}" for stop in wanted]


WORDS_OF = "(stop) => document.querySelector(`[data-stop='${stop}']`)?.outerHTML.slice(0, 90)"


def asked(page: Page, name: str, screenshot: Take) -> list[str]:
    """All faults of one state, each with its dress; a picture of each is kept."""
    found: list[str] = []
    for dress, media in DRESSES.items():
        page.emulate_media(**media)
        found += [f"{name}, {dress}: {fault}" for fault in faults(page)]
        screenshot(page, f"state-{name}-{dress}")
    page.emulate_media(**DRESSES["light"])
    found += [f"{name}: wider than 320 pixels"] if page.evaluate(WIDER) else []
    page.evaluate(ARABIC)
    found += [f"{name}, right to left: {fault}" for fault in faults(page)]
    found += [f"{name}, right to left: wider than 320 pixels"] if page.evaluate(WIDER) else []
    screenshot(page, f"state-{name}-rtl")
    page.evaluate("back()")
    kept = page.evaluate_handle("document.activeElement")
    found += [f"{name}, by keyboard: {fault}" for fault in by_keyboard(page)]
    kept.evaluate("(one) => one.focus({ preventScroll: true })")
    return found


def test_no_state_of_the_counter_has_a_fault(
    desk: Desk, server: Server, browser_with_camera: LaunchWithCamera, screenshot: Take
) -> None:
    context = browser_with_camera((None, 1.0)).new_context(
        viewport={"width": 320, "height": 700},
        locale="fr-FR",
        reduced_motion="reduce",  # a colour on its way to another is neither
    )
    context.set_default_timeout(30_000)
    found: list[str] = []
    seen: list[str] = []
    for name, page in states(context, desk, server):
        seen.append(name)
        found += asked(page, name, screenshot)
        if name == "scan":
            found += planted(page)
    assert not found, "\n".join(found)
    assert len(seen) == len(set(seen)) == 18, seen


def planted(page: Page) -> list[str]:
    """Faults put into the page must be found, and gone when they are taken out again."""
    missed = []
    page.evaluate("document.getElementById('sound').replaceChildren()")
    missed += [] if any(one.startswith("button-name") for one in faults(page)) else ["a button without words"]
    page.evaluate("document.getElementById('sound').append('Son')")
    page.evaluate("document.getElementById('look-only').inert = true")
    page.evaluate("document.querySelector('.code-row button').style.outline = 'none'")
    said = by_keyboard(page)
    missed += (
        [] if any("no mark" in one and "button primary" in one for one in said) else [f"no mark of the focus: {said}"]
    )
    missed += [] if any("not reached" in one and "look-only" in one for one in said) else [f"out of reach: {said}"]
    page.evaluate("document.querySelector('.code-row button').style.outline = ''")
    page.evaluate("document.getElementById('look-only').inert = false")
    return missed
