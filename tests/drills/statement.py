"""A partner's statement that names telephones, for the drill of secrets: sent through its door, read, kept, waiting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import func, select

from tests.programme import Programme
from tests.served import PASSWORD
from voucher_service.fulfilment.stated_numbers import StatedNumber
from voucher_service.staff.accounts import set_password
from voucher_service.staff.models import Role

HEAD = "référence client;msisdn;montant;unité;statut;date\n"


def statement(numbers: Sequence[str], now: datetime, *, amount: str = "1,00") -> bytes:
    """Return a statement with a line for each number; `amount` may be anything."""
    lines = (f"X{n};{number};{amount};EUR;livré;{now:%Y-%m-%dT%H:%M:%SZ}\n" for n, number in enumerate(numbers))
    return (HEAD + "".join(lines)).encode()


def send(context: BrowserContext, address: str, programme: Programme, numbers: Sequence[str]) -> int:
    """Have one file imported, one refused that quotes a number, and one wait; return how many numbers are kept."""
    partner = programme.member(Role.PARTNER)
    with programme.database.begin() as session:
        set_password(session, partner.id, PASSWORD)
    context.clear_cookies()
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#f-login", partner.login)
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.wait_for_url(re.compile("/partner/"))
    upload = f"{address}/partner/{programme.partner_id}/upload"
    text = _sent(page, upload, statement(numbers[:3], programme.now, amount="+" + "33" + numbers[0][1:]))
    assert f"•• {numbers[0][-2:]}" in text, "what is quoted is hidden"
    waiting = _sent(page, upload, statement(numbers[:2], programme.now))
    assert f"•• {numbers[1][-2:]}" in waiting, "it is shown, and waits"
    _sent(page, upload, statement(numbers, programme.now))
    page.click("form[action$=statements] button.primary")
    page.wait_for_url(re.compile("/statements/"))
    context.clear_cookies()
    with programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(StatedNumber)) or 0


def _sent(page: Page, upload: str, content: bytes) -> str:
    page.goto(upload)
    page.set_input_files("input[type=file]", {"name": "releve.csv", "mimeType": "text/csv", "buffer": content})
    with page.expect_navigation():
        page.click("main form button.primary")
    return page.inner_text("main")
