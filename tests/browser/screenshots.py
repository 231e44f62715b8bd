"""`make screenshots`: the pictures of the README, taken from a running demonstration of its own.

Each door once, in French, small enough to commit (at most 120 kB, 128 colours).
"""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser.chromium import arguments, find_chromium
from tests.house import composed, services_of
from tests.served import free_port
from voucher_service.demo.showcase import Shown, live_voucher
from voucher_service.demo.staff import PASSWORD
from voucher_service.ids import utc_now
from voucher_service.settings import Settings

PICTURES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 120_000  # bytes
PATIENCE = 180  # seconds for the demonstration to be filled
PHONE, DESK = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=800)


@contextmanager
def demonstration() -> Iterator[tuple[str, Shown]]:
    """Serve a new demonstration; its address and the voucher on its card."""
    with tempfile.TemporaryDirectory() as folder:
        key, port = base64.urlsafe_b64encode(os.urandom(32)).decode(), str(free_port())
        given = {"DATA_DIR": folder, "PORT": port, "DEMO": "1", "MASTER_KEY": key, "LOG_LEVEL": "ERROR"}
        kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "HOST"}}
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
        with subprocess.Popen(command, env=kept | given) as server:
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(f"{address}/healthz", server)
                settings = Settings.model_validate({"data_dir": folder, "master_key": key, "demo": True})
                services = services_of(composed(settings))
                with services.database.read() as session:
                    shown = live_voucher(session, services, utc_now())
                assert shown is not None, "a demonstration has a voucher to present"
                yield address, shown
            finally:
                server.terminate()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Come back when the service is ready."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  # our own address
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the demonstration did not start")


def sign_in(browser: Browser, address: str, login: str, size: ViewportSize) -> Page:
    """Return a page in which someone has signed in, at their door."""
    page = browser.new_context(viewport=size, locale="fr-FR", timezone_id="Europe/Paris").new_page()
    page.goto(f"{address}/sign-in")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def keep(page: Page, name: str) -> None:
    """Write what the page shows, in few colours."""
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    path = PICTURES / f"{name}.png"
    picture.quantize(128, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
    assert path.stat().st_size <= LARGEST, f"{path.name} has {path.stat().st_size} bytes"
    sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")


def take_all(browser: Browser, address: str, shown: Shown) -> None:
    """Go through each door once."""
    person = browser.new_context(viewport=PHONE, locale="fr-FR").new_page()
    person.goto(f"{address}/mon-bon/{shown.token}")
    keep(person, "mon-bon")
    counter = sign_in(browser, address, "accueil", PHONE)
    counter.fill("input[name=code]", shown.printed.typed)
    counter.press("input[name=code]", "Enter")
    counter.wait_for_selector("text=Valider")
    keep(counter, "counter")
    keep(sign_in(browser, address, "coordination", DESK), "back-office")
    partner = sign_in(browser, address, "operateur2", DESK)
    partner.click("a[href*='/statements/']")
    keep(partner, "partner")


def main() -> int:
    """Take all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with demonstration() as (address, shown), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=arguments())
        take_all(browser, address, shown)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
