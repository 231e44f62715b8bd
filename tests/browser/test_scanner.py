"""The counter's camera, hand-scanner field and sounds, in a real browser under the strict content policy."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import qrcode
from PIL import Image
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.browser

STATIC = Path(__file__).parents[2] / "voucher_service" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'self'"
)
TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".png": "image/png"}
FIRST = "10" + "0123456789" * 20
OTHER = "10" + "9876543210" * 20

PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>essai</title>
<video></video><form><label>Code <input id="code"></label></form><button>autre</button>
<script type="module" src="/try.js"></script>"""
SCRIPT = """
import * as scanner from "/static/js/scanner.js";
import * as wedge from "/static/js/wedge.js";
import * as sound from "/static/js/sound.js";
const video = document.querySelector("video");
const seen = { codes: [], states: [], readings: [] };
wedge.attachWedge(document.querySelector("#code"), { onCode: (reading) => seen.readings.push(reading) });
const start = async () => {
  seen.camera = await scanner.startScanner(video, {
    onCode: (text) => { seen.codes.push(text); if (seen.fail) throw new Error("a fault of the page"); },
    onState: (state) => seen.states.push(state.phase),
  });
  seen.tracks = video.srcObject?.getTracks() ?? [];
};
Object.assign(globalThis, { scanner, wedge, sound, seen, start, ready: true });
"""


def picture(text: str | None) -> Image.Image:
    """Return a 640 × 480 picture with the QR of `text` in its middle, or a blank one."""
    frame = Image.new("RGB", (640, 480), (236, 232, 226))
    if text:
        code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, box_size=6, border=4)
        code.add_data(text)
        drawn = code.make_image().convert("RGB")
        frame.paste(drawn, ((640 - drawn.width) // 2, (480 - drawn.height) // 2))
    return frame


def encoded(frame: Image.Image, kind: str) -> bytes:
    """Return the bytes of `frame` as `kind`: "PNG", or "JPEG" sampled as the fake camera expects."""
    buffer = io.BytesIO()
    frame.save(buffer, kind, **({"quality": 85, "subsampling": "4:2:0"} if kind == "JPEG" else {}))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of nothing, a code, another, the first again 1 s later; loops, 30 pictures a second."""
    blank, first, other = (encoded(picture(text), "JPEG") for text in (None, FIRST, OTHER))
    path = tmp_path_factory.mktemp("film") / "codes.mjpeg"
    path.write_bytes(blank * 60 + first * 30 + other * 30 + first * 15)
    return path


class Site:
    """Our static files and one page, under the strict policy; `planted` replaces what a path answers."""

    def __init__(self) -> None:
        self.planted: dict[str, bytes | None] = {
            "/": PAGE.encode(),
            "/try.js": SCRIPT.encode(),
            "/code.png": encoded(picture(OTHER), "PNG"),
        }
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.answer(self.path)
                self.send_response(200 if body is not None else 404)
                suffix = Path(self.path).suffix or ".html"
                self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
                self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
                """Say nothing: the test output is for findings."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def answer(self, path: str) -> bytes | None:
        """Return the body for `path`, or None when there is no such thing."""
        if path in self.planted:
            return self.planted[path]
        file = STATIC / path.removeprefix("/static/")
        return file.read_bytes() if path.startswith("/static/") and file.is_file() else None


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site on a free port."""
    running = Site()
    thread = threading.Thread(target=running.server.serve_forever, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join()


Open = Callable[..., Page]


@contextmanager
def browser_page(address: str, *flags: str) -> Iterator[Page]:
    """Open `address` in a fresh Chromium started with `flags`, once its module has loaded."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", *flags])
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.goto(address)
        until(page, "globalThis.ready === true")
        yield page
        browser.close()


@pytest.fixture
def open_page(site: Site) -> Iterator[Open]:
    """A function (*flags, host) → page; closes what it opened."""
    with ExitStack() as stack:
        yield lambda *flags, host="127.0.0.1": stack.enter_context(
            browser_page(f"http://{host}:{site.port}/", *flags)
        )


def camera(film: Path) -> list[str]:
    """Return the flags of a browser whose camera shows `film`."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]


def until(page: Page, condition: str, seconds: float = 25) -> None:
    """Wait until the expression `condition` is true in `page` (polled from here: the policy forbids eval)."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never true: {condition}; {page.evaluate('JSON.stringify(seen)')}"
        page.wait_for_timeout(50)


def four_codes(page: Page) -> list[str]:
    """Start the camera and return the first four codes told."""
    page.evaluate("start()")
    until(page, "seen.codes.length >= 4")
    codes: list[str] = page.evaluate("seen.codes.slice(0, 4)")
    return codes


def test_codes_of_a_film_are_each_told_once(open_page: Open, film: Path) -> None:
    page = open_page(*camera(film))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    assert four_codes(page) == [FIRST, OTHER, FIRST, OTHER]
    assert page.evaluate("seen.states") == ["starting", "reading"]
    assert page.evaluate("seen.camera.state.native") is False
    assert complaints == []


def test_without_the_memory_of_what_is_in_the_picture_a_code_comes_twice(
    site: Site, open_page: Open, film: Path
) -> None:
    """The planted bug that the test above must find."""
    source = (STATIC / "js" / "scanner.js").read_text("utf-8")
    broken = source.replace("const GONE_MS = 1500;", "const GONE_MS = 0;")
    assert broken != source
    site.planted["/static/js/scanner.js"] = broken.encode()
    assert four_codes(open_page(*camera(film))) != [FIRST, OTHER, FIRST, OTHER]


def test_a_fault_of_the_page_does_not_stop_the_reading(open_page: Open, film: Path) -> None:
    page = open_page(*camera(film))
    page.evaluate("seen.fail = true")
    page.evaluate("start()")
    until(page, "seen.codes.length >= 2")
    assert page.evaluate("seen.codes") == [FIRST, OTHER]


def test_a_detector_of_the_device_that_never_works_is_replaced(
    site: Site, open_page: Open, film: Path
) -> None:
    site.planted["/try.js"] = (
        "globalThis.BarcodeDetector = class { static async getSupportedFormats() { return ['qr_code']; }"
        " async detect() { throw new Error('no service on this device'); } };" + SCRIPT
    ).encode()
    page = open_page(*camera(film))
    page.evaluate("start()")
    until(page, "seen.codes.length >= 2")
    assert page.evaluate("seen.camera.state.native") is False


def test_pause_stop_and_a_hidden_page(open_page: Open, film: Path) -> None:
    page = open_page(*camera(film))
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
def test_without_a_camera_the_next_step_is_said(
    open_page: Open, flags: list[str], phase: str, words: str
) -> None:
    page = open_page(*flags)
    page.evaluate("start()")
    state = page.evaluate("seen.camera.state")
    assert (state["phase"], words in state["title"]) == (phase, True)
    assert "Tapez le code à 16 chiffres" in state["next"]


def test_a_reader_that_cannot_load_is_said(site: Site, open_page: Open, film: Path) -> None:
    site.planted["/static/vendor/zxing-wasm/zxing_reader.wasm"] = None
    page = open_page(*camera(film))
    page.evaluate("start()")
    assert page.evaluate("seen.camera.state.phase") == "reader"
    assert page.evaluate("seen.tracks.length") == 0, "a camera that cannot be read is not left on"


def test_plain_http_on_a_local_network_says_so_and_still_reads_a_photo(open_page: Open) -> None:
    page = open_page("--host-resolver-rules=MAP antenne.test 127.0.0.1", host="antenne.test")
    page.evaluate("start()")
    assert page.evaluate("seen.camera.state.phase") == "insecure"
    read = "fetch('/code.png').then((answer) => answer.blob()).then(scanner.readPicture)"
    assert page.evaluate(read) == [OTHER]


def press(page: Page, keys: list[tuple[str, str]]) -> None:
    """Press `keys`, each a (physical code, typed character), as a keyboard of any layout would."""
    keyboard = page.context.new_cdp_session(page)
    for code, typed in keys:
        text = "\r" if typed == "Enter" else typed
        down = {"type": "keyDown", "code": code, "key": typed, "text": text}
        keyboard.send("Input.dispatchKeyEvent", down)
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "code": code, "key": typed})


ENTER = ("Enter", "Enter")


def test_a_hand_scanner_on_an_azerty_keyboard_offers_both_readings(open_page: Open) -> None:
    page = open_page()
    page.focus("button")
    typed = dict(zip("1234567890", "&é\"'(-è_çà", strict=True))
    digits = "1029384756473829"
    press(page, [(f"Digit{digit}", typed[digit]) for digit in digits] + [ENTER])
    until(page, "seen.readings.length === 1")
    reading = page.evaluate("seen.readings[0]")
    assert reading["typed"] == "".join(typed[digit] for digit in digits)
    assert reading["physical"] == digits
    assert page.evaluate("wedge.candidates(seen.readings[0])[1]") == digits
    assert page.input_value("#code") == "", "ready for the next one"


def test_the_field_follows_the_typist(open_page: Open) -> None:
    page = open_page()
    four = ("Digit4", "4")
    page.focus("#code")
    press(page, [four, four])
    page.keyboard.press("Backspace")
    press(page, [("Digit2", "2"), ENTER])
    page.fill("#code", "4444 1111")
    press(page, [ENTER])
    until(page, "seen.readings.length === 2")
    readings = page.evaluate("seen.readings.map(wedge.candidates)")
    assert readings == [["42"], ["44441111"]]
    assert page.evaluate("seen.readings.map((one) => one.physical)") == ["42", None]


def test_the_sound_switch_is_remembered(open_page: Open) -> None:
    page = open_page()
    page.click("button")
    assert page.evaluate("[sound.soundOn(), sound.play('accept'), sound.play('refuse')]") == [True] * 3
    page.evaluate("sound.setSound(false)")
    page.reload()
    until(page, "globalThis.ready === true")
    assert page.evaluate("[sound.soundOn(), sound.play('check')]") == [False, False]
