"""Every page of every door is accessible and fits: WCAG 2.2 AA by axe-core, telephone and desk, light and dark.

axe-core judges the whole page on a telephone and on a desk; what the dark and the forced colours change, the
contrast, it judges in these as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from flask import Flask
from playwright.sync_api import Page

from tests.browser import every_page
from tests.browser.conftest import OpenContext
from tests.browser.every_page import as_, dress, watched
from tests.databases import fresh_sqlite

pytestmark = pytest.mark.browser

AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW, WIDE = 320, 1280
FORCED = 4  # every so manieth page is also judged in forced colours


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The composed application over a small demonstration."""
    folder = tmp_path_factory.mktemp("pages")
    with every_page.small_demonstration(fresh_sqlite(folder), folder) as made:
        yield made


@pytest.fixture(scope="module")
def site(app: Flask) -> Iterator[str]:
    """Where it answers."""
    with every_page.served(app) as address:
        yield address


@pytest.fixture(scope="module")
def found(app: Flask) -> every_page.Walk:
    """All pages that links lead to."""
    return every_page.walk(app)


def test_every_route_is_reached_or_excused(app: Flask, found: every_page.Walk) -> None:
    assert found.faults == []
    assert every_page.unreached(app, found) == []


def test_a_page_nobody_links_to_is_told(app: Flask, found: every_page.Walk) -> None:
    less = every_page.Walk({name: at for name, at in found.pages.items() if name != "admin.team.show"}, found.others)
    assert every_page.unreached(app, less) == ["admin.team.show: no link leads there"]
    more = every_page.Walk(found.pages, found.others | {"static"})
    assert every_page.unreached(app, more) == ["static: is reached now, or is gone: take it off the list"]


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core says against the page: rule and place. With `rules`, only of these."""
    only: dict[str, Any] = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": WCAG}
    # Without `preload`: it fetches every style sheet again for rules that are not of these tags.
    options = {"runOnly": only, "resultTypes": ["violations"], "preload": False}
    said = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{one['id']} {node['target']}" for one in said for node in one["nodes"]]


def faults_of(page: Page, *, forced: bool) -> list[str]:
    """Everything wrong with the page that is open."""
    page.evaluate(AXE)
    said = []
    for width in (NARROW, WIDE):
        dress(page, width, "light")
        said += [f"{width} light: {fault}" for fault in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            said.append(f"{width}: wider than the screen")
        dress(page, width, "dark")
        said += [f"{width} dark: {fault}" for fault in violations(page, "color-contrast")]
    if forced:
        dress(page, NARROW, "light", forced=True)
        said += [f"forced colours: {fault}" for fault in violations(page)]
        dress(page, NARROW, "light")
    return said


def test_every_page_is_accessible_and_fits(site: str, found: every_page.Walk, open_context: OpenContext) -> None:
    faults: dict[str, list[str]] = {}
    assert len(found.pages) > 60
    of_login = groupby(sorted(found.pages.items(), key=lambda one: one[1]), key=lambda one: one[1][0])
    number = 0
    for login, pages in of_login:
        page = as_(open_context(device="desktop", base_url=site), login)
        errors = watched(page)
        for endpoint, (_, path) in pages:
            answer = page.goto(path, wait_until="load")
            assert answer is not None
            assert answer.status == 200, path
            assert page.locator("h1").count() == 1, path
            number += 1
            if said := [*errors, *faults_of(page, forced=number % FORCED == 0)]:
                faults[f"{endpoint} as {login or 'nobody'}"] = said
            errors.clear()
    assert faults == {}, json.dumps(faults, indent=1)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("document.querySelector('label').remove()", "light: label "),
        ("document.querySelector('h1').style.color = '#ddd'", "light: color-contrast "),
        ("document.documentElement.lang = ''", "light: html-has-lang "),
        ("document.querySelector('main').style.minWidth = '700px'", "320: wider than the screen"),
    ],
)
def test_a_planted_fault_is_told(site: str, open_context: OpenContext, planted: str, told: str) -> None:
    page = as_(open_context(device="desktop", base_url=site), "")
    page.goto("/sign-in")
    page.evaluate(planted)
    assert [fault for fault in faults_of(page, forced=False) if told in fault]
