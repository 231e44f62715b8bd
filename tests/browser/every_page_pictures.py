"""`make pictures FOLDER=…`: a picture of every page, telephone and desk, light and dark, and sheets of them to look at.

The pages are those of the walk of `every_page`, then the counter's screens over one voucher and the refusals. Of each
page there is one whole PNG a look (`phone-light-admin.team.show.png`); `sheet-phone-light-01.png` and so on lay them
side by side, named, so that all of them can be looked at in a few minutes. Another language: LOCALE=en-GB.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from flask import Flask
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import every_page
from tests.browser.chromium import arguments, find_chromium
from tests.browser.every_page import Scheme, as_, dress
from tests.databases import migrate
from tests.house import services_of
from voucher_service.demo.showcase import Shown, live_voucher
from voucher_service.ids import utc_now

DEVICES = {"phone": 360, "desk": 1280}  # px
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
COLUMN = {"phone": 360, "desk": 760}  # px, how wide a page stands on a sheet
SHEET, GAP, NAME = (1540, 1500), 10, 22  # px
PIECES = 3  # columns that one page may fill on a sheet; its own PNG is whole
MISTYPED = "0000-0000-0000-0000"


@dataclass(frozen=True, slots=True)
class Album:
    """Where the pictures go."""

    folder: Path

    def keep(self, page: Page, name: str) -> None:
        """Take the page that is open in every look."""
        page.wait_for_load_state("networkidle")
        for device, width in DEVICES.items():
            for scheme in SCHEMES:
                dress(page, width, scheme)
                page.screenshot(path=self.folder / f"{device}-{scheme}-{name}.png", full_page=True)

    def of(self, device: str, scheme: Scheme) -> list[tuple[str, Path]]:
        """Names and pictures of one look, in the order in which they were taken."""
        start = f"{device}-{scheme}-"
        taken = sorted(self.folder.glob(f"{start}*.png"), key=lambda path: path.stat().st_mtime_ns)
        return [(path.stem.removeprefix(start), path) for path in taken]


def open_as(browser: Browser, address: str, login: str) -> Page:
    """Return a page in the name of someone, or of nobody."""
    locale = os.environ.get("LOCALE", "fr-FR")
    return as_(browser.new_context(base_url=address, locale=locale, timezone_id="Europe/Paris"), login)


def take_pages(album: Album, browser: Browser, address: str, found: every_page.Walk) -> None:
    """Every page that the walk came by, in the name of who came by it first."""
    by_login = sorted(found.pages.items(), key=lambda one: (one[1][0], one[0]))
    for login, pages in groupby(by_login, key=lambda one: one[1][0]):
        page = open_as(browser, address, login)
        for endpoint, (_, path) in pages:
            dress(page, DEVICES["phone"], "light")  # a menu scrolls to where one is when it is loaded
            page.goto(path, wait_until="load")
            album.keep(page, endpoint)
        page.context.close()


def take_refusals(album: Album, browser: Browser, address: str) -> None:
    """What someone sees who went astray or was sent away."""
    page = open_as(browser, address, "")
    page.goto("/nowhere")
    album.keep(page, "not-found")
    page.goto("/sign-in")
    page.fill("input[name=login]", "accueil")
    page.fill("input[name=password]", "not the password")
    page.press("input[name=password]", "Enter")
    page.locator("[role=alert], .error, .notice").first.wait_for()
    album.keep(page, "sign-in-refused")
    page = open_as(browser, address, "accueil")
    page.goto("/admin/team/")
    album.keep(page, "not-for-you")


def take_counter(album: Album, browser: Browser, address: str, shown: Shown) -> None:
    """The counter's screens: ready, a visit, accepted, the same voucher again, and a code that is none."""
    page = open_as(browser, address, "accueil")
    page.goto("/counter/")
    page.locator("#counter[data-part=ready]").wait_for()
    page.locator("#counter:not([data-camera=starting])").wait_for()
    album.keep(page, "counter-ready")
    type_code(page, shown.printed.typed)
    page.locator("#counter[data-part=visit]").wait_for()
    album.keep(page, "counter-visit")
    page.click("#visit .big")
    album.keep(page, "counter-visit-incomplete")
    if page.locator("#v-number").is_visible():
        page.fill("#v-number", "06 12 34 51 00")
        page.check("input[name=number_read]")
    page.locator("input[name=paid]").first.check()
    page.click("#visit .big")
    page.locator("#result .result-word").wait_for()
    page.wait_for_timeout(3_000)  # the order's progress comes by itself
    album.keep(page, "counter-accepted")
    page.click("#next")
    page.locator("#counter[data-part=ready]").wait_for()
    type_code(page, shown.printed.typed)
    page.locator("#result .result-word").wait_for()
    album.keep(page, "counter-used")
    page.click("#next")
    page.locator("#counter[data-part=ready]").wait_for()
    type_code(page, MISTYPED)
    page.wait_for_timeout(1_000)  # said beside the field, without another screen
    album.keep(page, "counter-mistyped")


def type_code(page: Page, code: str) -> None:
    """Type a code and press Enter."""
    page.fill("#f-code", code)
    page.press("#f-code", "Enter")


def pieces(device: str, pictures: list[tuple[str, Path]]) -> Iterator[tuple[str, Image.Image]]:
    """Each page as wide as a column of a sheet, cut where it is taller than one, with its name."""
    width, height = COLUMN[device], SHEET[1] - NAME
    for name, path in pictures:
        with Image.open(path) as whole:
            page = whole.convert("RGB").resize((width, max(1, whole.height * width // whole.width)))
        for number, top in enumerate(range(0, min(page.height, PIECES * height), height)):
            title = f"{name} ({number + 1})" if number else name
            yield title, page.crop((0, top, width, min(page.height, top + height)))


def lay_out(device: str, pictures: list[tuple[str, Path]]) -> Iterator[Image.Image]:
    """Fill sheet after sheet, column after column."""
    font = ImageFont.load_default(size=15)
    sheet, left, top = Image.new("RGB", SHEET, "#8a6d9b"), 0, 0
    for name, piece in pieces(device, pictures):
        if top and top + NAME + piece.height > SHEET[1]:
            left, top = left + COLUMN[device] + GAP, 0
        if left + COLUMN[device] > SHEET[0]:
            yield sheet
            sheet, left, top = Image.new("RGB", SHEET, "#8a6d9b"), 0, 0
        ImageDraw.Draw(sheet).text((left + 4, top + 2), name, fill="white", font=font)
        sheet.paste(piece, (left, top + NAME))
        top += NAME + piece.height + GAP
    yield sheet


def take_all(app: Flask, album: Album) -> None:
    """Walk, take every picture, and lay out the sheets."""
    found = every_page.walk(app)
    with services_of(app).database.read() as session:
        shown = live_voucher(session, services_of(app), utc_now())
    assert shown is not None, "a demonstration has a voucher to present"
    with every_page.served(app) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=arguments())
        take_pages(album, browser, address, found)
        take_refusals(album, browser, address)
        take_counter(album, browser, address, shown)
        browser.close()
    lay_out_all(album)


def lay_out_all(album: Album) -> None:
    """Make the sheets of every look."""
    for device in DEVICES:
        for scheme in SCHEMES:
            pictures = album.of(device, scheme)
            for number, sheet in enumerate(lay_out(device, pictures), 1):
                sheet.save(album.folder / f"sheet-{device}-{scheme}-{number:02}.png")
            sys.stdout.write(f"{device} {scheme}: {len(pictures)} pages\n")


def main(arguments_given: list[str]) -> int:
    """Take the pictures into the folder named, which is empty or new."""
    if len(arguments_given) != 1:
        sys.stderr.write("usage: make pictures FOLDER=where-the-pictures-go\n")
        return 2
    folder = Path(arguments_given[0])
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.stderr.write(f"{folder} is not empty; name a new folder\n")
        return 2
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/demonstration.sqlite"
        migrate(url)
        with every_page.small_demonstration(url, Path(place)) as app:
            take_all(app, Album(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
