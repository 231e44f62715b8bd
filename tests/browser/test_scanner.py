"""The counter's camera, in a real browser under the strict content policy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest
import qrcode
from PIL import Image
from playwright.sync_api import Page, Playwright

from tests.browser.camera import Scene
from tests.browser.chromium import arguments, find_chromium
from tests.browser.conftest import LaunchWithCamera
from tests.browser.static_site import SCRIPT, STATIC, Site, serving, until

pytestmark = pytest.mark.browser

FIRST = "10" + "0123456789" * 20
OTHER = "10" + "9876543210" * 20


def picture(text: str) -> Image.Image:
    """Return the QR of `text`, six pixels a module."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, box_size=6, border=4)
    code.add_data(text)
    drawn: Image.Image = code.make_image().convert("RGB")
    return drawn


def film() -> list[Scene]:
    """Two seconds of nothing, a code, another, then the first again one second after it left; loops."""
    first, other = picture(FIRST), picture(OTHER)
    return [(None, 2.0), (first, 1.0), (other, 1.0), (first, 0.5)]


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site on a free port, with a photo of a code at `/code.png`."""
    with serving() as running:
        photo = io.BytesIO()
        picture(OTHER).save(photo, "PNG")
        running.planted["/code.png"] = photo.getvalue()
        yield running


@pytest.fixture
def camera_page(site: Site, browser_with_camera: LaunchWithCamera) -> Page:
    """The page in a browser whose camera shows the film; not yet started."""
    return browser_with_camera(*film()).new_page()


class Launch(Protocol):
    """Open the page in a browser of its own, started with further flags."""

    def __call__(self, *flags: str, host: str = "127.0.0.1") -> Page: ...


@pytest.fixture
def launch(site: Site, playwright: Playwright) -> Iterator[Launch]:
    """Browsers with flags that the shared one does not have; closed after the test."""
    with ExitStack() as stack:

        def start(*flags: str, host: str = "127.0.0.1") -> Page:
            running = playwright.chromium.launch(executable_path=find_chromium(), args=[*arguments(), *flags])
            stack.callback(running.close)
            return opened(running.new_page(), f"http://{host}:{site.port}/")

        yield start


def opened(page: Page, address: str) -> Page:
    """Go to `address` and wait for its module."""
    page.goto(address)
    until(page, "globalThis.ready === true")
    return page


def four_codes(page: Page) -> list[str]:
    """Start the camera and return the first four codes told."""
    page.evaluate("start()")
    until(page, "seen.codes.length >= 4")
    codes: list[str] = page.evaluate("seen.codes.slice(0, 4)")
    return codes


def test_codes_of_a_film_are_each_told_once(site: Site, camera_page: Page) -> None:
    page = opened(camera_page, site.address)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    assert four_codes(page) == [FIRST, OTHER, FIRST, OTHER]
    assert page.evaluate("seen.states") == ["starting", "reading"]
    assert page.evaluate("seen.camera.state.native") is False
    assert complaints == []


def test_without_the_memory_of_what_is_in_the_picture_a_code_comes_twice(site: Site, camera_page: Page) -> None:
    """The planted bug that the test above must find."""
    source = (STATIC / "js" / "scanner.js").read_text("utf-8")
    broken = source.replace("const GONE_MS = 1500;", "const GONE_MS = 0;")
    assert broken != source
    site.planted["/static/js/scanner.js"] = broken.encode()
    assert four_codes(opened(camera_page, site.address)) != [FIRST, OTHER, FIRST, OTHER]


def test_a_fault_of_the_page_does_not_stop_the_reading(site: Site, camera_page: Page) -> None:
    page = opened(camera_page, site.address)
    page.evaluate("seen.fail = true")
    page.evaluate("start()")
    until(page, "seen.codes.length >= 2")
    assert page.evaluate("seen.codes") == [FIRST, OTHER]


def test_a_detector_of_the_device_that_never_works_is_replaced(site: Site, camera_page: Page) -> None:
    site.planted["/try.js"] = (
        "globalThis.BarcodeDetector = class { static async getSupportedFormats() { return ['qr_code']; }"
        " async detect() { throw new Error('no service on this device'); } };" + SCRIPT
    ).encode()
    page = opened(camera_page, site.address)
    page.evaluate("start()")
    until(page, "seen.codes.length >= 2")
    assert page.evaluate("seen.camera.state.native") is False


def test_pause_stop_and_a_hidden_page(site: Site, camera_page: Page) -> None:
    page = opened(camera_page, site.address)
    page.evaluate("start()")
    until(page, "seen.codes.length >= 1")
    page.evaluate("seen.camera.pause()")
    told = page.evaluate("seen.codes.length")
    page.wait_for_timeout(3000)
    assert page.evaluate("seen.codes.length") == told
    page.evaluate("seen.camera.resume()")
    until(page, f"seen.codes.length > {told}")
    assert page.evaluate("seen.camera.torch(true)") is False, "the fake camera has no lamp"
    assert page.evaluate("seen.tracks.map((track) => track.readyState)") == ["live"]
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert page.evaluate("seen.tracks.map((track) => track.readyState)") == ["ended"]
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "seen.camera.state.phase === 'reading'")
    page.evaluate("seen.camera.stop()")
    assert page.evaluate("[seen.camera.state.phase, document.querySelector('video').srcObject]") == [
        "stopped",
        None,
    ]


@pytest.mark.parametrize(
    ("flags", "phase", "words"),
    [
        (["--use-fake-device-for-media-stream", "--deny-permission-prompts"], "refused", "pas autorisée"),
        (["--use-fake-ui-for-media-stream"], "missing", "Aucune caméra"),
    ],
)
def test_without_a_camera_the_next_step_is_said(launch: Launch, flags: list[str], phase: str, words: str) -> None:
    page = launch(*flags)
    page.evaluate("start()")
    state = page.evaluate("seen.camera.state")
    assert (state["phase"], words in state["title"]) == (phase, True)
    assert "Tapez le code à 16 chiffres" in state["next"]


def test_a_reader_that_cannot_load_is_said(site: Site, camera_page: Page) -> None:
    site.planted["/static/vendor/zxing-wasm/zxing_reader.wasm"] = None
    page = opened(camera_page, site.address)
    page.evaluate("start()")
    assert page.evaluate("seen.camera.state.phase") == "reader"
    assert page.evaluate("seen.tracks.length") == 0, "a camera that cannot be read is not left on"


def test_plain_http_on_a_local_network_says_so_and_still_reads_a_photo(launch: Launch) -> None:
    page = launch("--host-resolver-rules=MAP antenne.test 127.0.0.1", host="antenne.test")
    page.evaluate("start()")
    assert page.evaluate("seen.camera.state.phase") == "insecure"
    read = "fetch('/code.png').then((answer) => answer.blob()).then(scanner.readPicture)"
    assert page.evaluate(read) == [OTHER]
