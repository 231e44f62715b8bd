"""The browser of the tests is real, shaped as asked, and its camera shows our film."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import qrcode
import zxingcpp
from PIL import Image
from playwright.sync_api import Page

from tests.browser.chromium import NoChromiumError, find_chromium
from tests.browser.conftest import LaunchWithCamera, OpenContext

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><html lang="fr"><title>Essai</title><h1>Essai</h1><video autoplay muted></video>
<script src="camera.js"></script></html>"""
SCRIPT = """navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}}).then((stream) => {
  document.querySelector('video').srcObject = stream;
});"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a word on the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A small site: a camera wants a secure context, which 127.0.0.1 is."""
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "camera.js").write_text(SCRIPT, encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("device", "width"), [("telephone", 360), ("desktop", 1280)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_context_has_the_size_and_scheme_asked_for(
    open_context: OpenContext, device: str, width: int, scheme: str
) -> None:
    page = open_context(device=device, scheme=scheme).new_page()  # type: ignore[arg-type]  # parametrised
    page.set_content("<h1>Bonjour</h1>")
    assert page.evaluate("innerWidth") == width
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    assert page.evaluate("navigator.language") == "fr-FR"


def test_the_camera_shows_the_film(
    browser_with_camera: LaunchWithCamera,
    open_context: OpenContext,
    screenshot: Callable[[Page, str], Path],
    site: str,
) -> None:
    code = qrcode.make("BON-42").get_image()
    page = open_context(device="desktop", within=browser_with_camera((code, 1.0))).new_page()
    page.goto(site)
    page.wait_for_function("() => document.querySelector('video').videoWidth === 1280")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    picture = screenshot(page, "test-bed-camera")
    with Image.open(picture) as seen:
        read = zxingcpp.read_barcodes(seen)
    assert [barcode.text for barcode in read] == ["BON-42"]


def test_a_wrong_chromium_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(NoChromiumError, match="CHROMIUM=/nowhere/chromium"):
        find_chromium()


def test_the_variable_comes_before_the_search_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "chromium"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert find_chromium() == own
    monkeypatch.setenv("CHROMIUM", "/bin/sh")
    assert find_chromium() == Path("/bin/sh")
