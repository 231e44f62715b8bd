"""The camera without a network: one film of every kind of code, and each is told what it is by the device alone."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.camera import photographed, turned
from tests.browser.conftest import OpenProfile
from tests.browser.counter import enrolled, fill_visit, forged, outcomes, picture, word
from tests.desk import Desk, Server
from tests.offline.device import issue_at
from voucher_service.vouchers import qr
from voucher_service.vouchers.code import sign, to_digits
from voucher_service.vouchers.key_ring import body_of

pytestmark = pytest.mark.browser

SHOWN_S = 0.8
PATIENCE_S = 90  # rounds of the film that a crowded machine may need
REFUSALS = {"Refusé", "Périmé", "Autre organisme", "Déjà présenté"}

# Every word the whole screen has said, in order: a verdict may be on it for less than a look of the test lasts.
LISTEN = """() => {
  const result = document.getElementById("result");
  globalThis.said = [];
  const hear = () => {
    const word = result.querySelector(".result-word")?.textContent;
    if (word) said.push(word);
  };
  new MutationObserver(hear).observe(result, { childList: true });
}"""


def paper(digits: str) -> Image.Image:
    """The voucher as it is printed, before a cheap camera."""
    return photographed(Image.open(io.BytesIO(qr.png(digits, qr.Medium.PAPER, module_px=10))))


def scenes(desk: Desk) -> list[tuple[Image.Image | None, float]]:
    """Nothing, then vouchers of this branch (upright, turned, on paper) and between them what must be refused."""
    expired = desk.programme.digits(issue_at(desk))
    desk.programme.later(days=91)
    vouchers = [issue_at(desk) for _ in range(4)]
    upright, slanting, printed, never = map(desk.programme.digits, vouchers)
    foreign = to_digits(sign(replace(body_of(vouchers[0]), organisation=9), Ed25519PrivateKey.generate()))
    shown = [
        picture(upright),
        picture(forged(never)),
        turned(picture(slanting), 33),
        picture(expired),
        paper(printed),
        picture(foreign),
    ]
    return [(None, 1.5), *((one, SHOWN_S) for one in shown)]


def work(page: Page) -> list[str]:
    """Do what a person does until three vouchers were accepted and each refusal was told; return all that was said."""
    accepted, until = 0, time.monotonic() + PATIENCE_S
    while True:
        said: list[str] = page.evaluate("said")
        if accepted == 3 and set(said) >= REFUSALS:
            return said
        assert time.monotonic() < until, (accepted, said)
        if page.get_attribute("#counter", "data-part") == "visit":
            fill_visit(page)
            word(page, "Accepté ici")
            accepted += 1
            page.click("#next")
        page.wait_for_timeout(30)


def test_each_code_before_the_camera_is_told_what_it_is_without_a_server(
    desk: Desk, server: Server, open_profile: OpenProfile, tmp_path: Path
) -> None:
    context = open_profile(tmp_path / "telephone", *scenes(desk))
    page = enrolled(context, desk, server.address)
    server.stop()
    page.reload()
    page.locator("#counter[data-camera=reading]").wait_for()
    page.evaluate(LISTEN)
    said = work(page)
    assert set(said) == REFUSALS | {"Accepté ici"}, "nothing was read where nothing was shown"
    assert said.count("Accepté ici") == 3
    expect(page.locator("#queue-line")).to_contain_text("3 passages attendent d’être envoyés.")
    assert outcomes(desk) == []
    server.start()
    expect(page.locator("#queue-line[data-away=false][data-waiting='0']")).to_be_visible(timeout=15_000)
    assert outcomes(desk).count("accepted") == 3
    assert desk.programme.findings() == []
