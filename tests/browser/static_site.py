"""Our static files behind the strict content policy, and one small page to try them on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

STATIC = Path(__file__).parents[2] / "voucher_service" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'self'"
)
TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".png": "image/png"}

PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>essai</title><link rel="icon" href="data:,">
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


class Site:
    """Our static files and one page, under the strict policy; `planted` replaces what a path answers."""

    def __init__(self) -> None:
        self.planted: dict[str, bytes | None] = {
            "/": PAGE.encode(),
            "/try.js": SCRIPT.encode(),
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
        self.address = f"http://127.0.0.1:{self.port}/"

    def answer(self, path: str) -> bytes | None:
        """Return the body for `path`, or None when there is no such thing."""
        if path in self.planted:
            return self.planted[path]
        file = STATIC / path.removeprefix("/static/")
        return file.read_bytes() if path.startswith("/static/") and file.is_file() else None


@contextmanager
def serving() -> Iterator[Site]:
    """Run a site on a free port."""
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


def until(page: Page, condition: str, seconds: float = 25) -> None:
    """Wait until the expression `condition` is true in `page` (polled from here: the policy forbids eval)."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never true: {condition}; {page.evaluate('JSON.stringify(seen)')}"
        page.wait_for_timeout(50)
