"""Fixtures for tests in a real Chromium.

`browser` is shared by the session; `open_context` makes a fresh profile in it (telephone or desktop, light or
dark); `browser_with_camera` starts another browser that sees a film; `screenshot` keeps a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser.camera import Scene, film
from tests.browser.chromium import arguments, find_chromium
from tests.desk import Desk, Server

TELEPHONE, DESKTOP = (360, 740), (1280, 800)
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PATIENCE_MS = 20_000


class OpenContext(Protocol):
    """Make a fresh browser profile; it is closed after the test."""

    def __call__(
        self,
        *,
        device: Literal["telephone", "desktop"] = "telephone",
        scheme: Literal["light", "dark"] = "light",
        locale: str = "fr-FR",
        javascript: bool = True,
        base_url: str | None = None,
        within: Browser | None = None,
    ) -> BrowserContext: ...


class LaunchWithCamera(Protocol):
    """Start a browser whose camera shows these scenes; it is closed after the test."""

    def __call__(self, *scenes: Scene) -> Browser: ...


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests of the session."""
    running = playwright.chromium.launch(executable_path=find_chromium(), args=arguments())
    yield running
    running.close()


@pytest.fixture
def browser_with_camera(playwright: Playwright, tmp_path: Path) -> Iterator[LaunchWithCamera]:
    """Start a Chromium whose camera shows the scenes given to `camera.film`."""
    with ExitStack() as stack:

        def launch(*scenes: Scene) -> Browser:
            path = film(tmp_path / "camera.mjpeg", scenes)
            running = playwright.chromium.launch(executable_path=find_chromium(), args=arguments(camera_film=path))
            stack.callback(running.close)
            return running

        yield launch


class OpenProfile(Protocol):
    """Start a browser of its own on a profile folder, which outlives it: a telephone that is switched off and on."""

    def __call__(self, folder: Path, *scenes: Scene) -> BrowserContext: ...


@pytest.fixture
def open_profile(playwright: Playwright, tmp_path: Path) -> Iterator[OpenProfile]:
    """Open a profile folder, its camera showing the scenes; closed after the test."""
    with ExitStack() as stack:

        def launch(folder: Path, *scenes: Scene) -> BrowserContext:
            shown = film(tmp_path / f"{folder.name}.mjpeg", scenes) if scenes else None
            context = playwright.chromium.launch_persistent_context(
                folder,
                executable_path=find_chromium(),
                args=arguments(camera_film=shown),
                viewport={"width": TELEPHONE[0], "height": TELEPHONE[1]},
                has_touch=True,
                locale="fr-FR",
                timezone_id="Europe/Paris",
            )
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            return context

        yield launch


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Make fresh profiles in the shared browser, or `within` another one."""
    with ExitStack() as stack:

        def make(
            *,
            device: Literal["telephone", "desktop"] = "telephone",
            scheme: Literal["light", "dark"] = "light",
            locale: str = "fr-FR",
            javascript: bool = True,
            base_url: str | None = None,
            within: Browser | None = None,
        ) -> BrowserContext:
            width, height = TELEPHONE if device == "telephone" else DESKTOP
            context = (within or browser).new_context(
                viewport={"width": width, "height": height},
                has_touch=device == "telephone",
                color_scheme=scheme,
                locale=locale,
                timezone_id="Europe/Paris",
                java_script_enabled=javascript,
                base_url=base_url,
            )
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            return context

        yield make


@pytest.fixture
def screenshot() -> Callable[[Page, str], Path]:
    """Keep a picture of the whole page in var/screenshots, under the name given."""

    def take(page: Page, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


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
