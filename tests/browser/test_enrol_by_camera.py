"""The coordination's QR before the camera of a new device, without a keyboard."""

from __future__ import annotations

import io

import pytest
import qrcode
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import LaunchWithCamera, OpenContext
from tests.browser.counter import Take, picture
from tests.desk import Desk, Server
from tests.offline.device import invite, issue_at

pytestmark = pytest.mark.browser


def invitation(address: str, code: str) -> Image.Image:
    """The QR of an invitation as the coordination's screen shows it."""
    out = io.BytesIO()
    qrcode.make(f"{address}/counter/device#{code}", box_size=8).save(out)
    return Image.open(out)


def test_the_coordinations_qr_enrols_the_device_and_another_is_told_apart(
    desk: Desk, server: Server, browser_with_camera: LaunchWithCamera, open_context: OpenContext, screenshot: Take
) -> None:
    voucher = picture(desk.programme.digits(issue_at(desk)))
    elsewhere = invitation("https://example.org/shop", "K7Q2M9XD4T")
    mine = invitation(server.address, invite(desk))
    film = browser_with_camera((None, 2.0), (voucher, 2.0), (elsewhere, 1.0), (mine, 2.0))
    page = open_context(within=film).new_page()
    page.goto(f"{server.address}/counter/device")
    page.click("#read-invitation")
    expect(page.locator("#camera-state")).to_contain_text("Ce n’est pas le QR d’un appareil")
    screenshot(page, "device-other-qr")
    page.locator("#device-page[data-part=shift]").wait_for(timeout=30_000)
    expect(page.locator("#about")).to_have_text("Cet appareil est enregistré : Tablette, Antenne Nord.")
    expect(page.locator("#f-login")).to_be_focused()
    assert page.evaluate("document.querySelector('video').srcObject") is None, "the camera is off"
