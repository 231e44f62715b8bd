"""Every page of the service, found as a person finds it: by following links from what each role sees first.

The pages are those of a small demonstration, so lists have rows and stories have chapters. A route that the
walk does not reach and that no reason excuses is a fault: a new page is checked from the day it exists.
"""

from __future__ import annotations

import html
import re
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import BrowserContext, Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.house import composed, enter, make_settings, services_of
from voucher_service.demo import programme, showcase
from voucher_service.demo.staff import PASSWORD
from voucher_service.ids import utc_now
from voucher_service.vouchers.links import open_link

LOGINS = ("", "accueil", "operateur2", "coordination", "audit")
"""In whose name a page is looked at: the first that comes by it. Who has the fewest buttons comes last."""

Scheme = Literal["light", "dark"]
EACH = 3  # addresses of one route whose links are followed
MOST = 1500  # answers of one walk; more means that links lead round in circles

NOT_FOUND_BY_LINKS = {
    "api.allocation": "no page: JSON for a program with a key",
    "api.allocations": "no page: JSON for a program with a key",
    "api.balances": "no page: JSON for a program with a key",
    "api.breaks": "no page: JSON for a program with a key",
    "api.checkpoints": "no page: JSON for a program with a key",
    "api.consistency": "no page: JSON for a program with a key",
    "api.gift_proof": "no page: JSON for a program with a key",
    "api.one_break": "no page: JSON for a program with a key",
    "api.order_proof": "no page: JSON for a program with a key",
    "api.steps": "no page: JSON for a program with a key",
    "api.differences_file": "no page: a table for a program with a key",
    "api.gift_draw_down": "no page: JSON for a program with a key",
    "api.gift_file": "no page: a table for a program with a key",
    "api.period_file": "no page: a file for a program with a key",
    "api.periods": "no page: JSON for a program with a key",
    "api.differences": "no page: JSON for a program with a key",
    "api.statement": "no page: JSON for a program with a key",
    "api.statements": "no page: JSON for a program with a key",
    "admin.batches.progress": "no page: a part of one, which htmx asks for",
    "counter_api.order": "no page: JSON, asked by the counter's own page",
    "beneficiary.scanned": "no page of ours is linked to it: a telephone's own camera opens it, as `held` does",
    "ledger.tile": "no page: hashes for a program",
    "metrics.scrape": "no page: text for a program, and only with METRICS_TOKEN",
    "partner_books.order_proof": "no page: a proof for a program",
    "partner_books.voucher_proof": "no page: a proof for a program",
    "session.passkey.challenge": "no page: JSON, asked by the sign-in's own script",
    "session.account.ask_remove": "needs a passkey, which only an authenticator makes: see test_passkeys.py",
    "static": "no page: files",
}
"""Routes that no link leads to, and why that is right."""


@dataclass(slots=True)
class Walk:
    """What one walk found: the first address of each page, and what else answered."""

    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    """From the endpoint to who opened it ("" for nobody) and the path."""
    others: set[str] = field(default_factory=set)
    """Endpoints that answered something other than a page: files, JSON."""
    faults: list[str] = field(default_factory=list)


@contextmanager
def small_demonstration(url: str, folder: Path, *, people: int = 40) -> Iterator[Flask]:
    """The composed application over a small demonstration on the migrated, empty database at `url`."""
    app = composed(make_settings(url, folder, demo=True, log_level="ERROR"))
    programme.fill(services_of(app), lambda *_: None, now=utc_now(), people=people)
    yield app
    app.extensions["batch_runner"].wait(10)
    services_of(app).database.close()


class Quiet(WSGIRequestHandler):
    """Requests without a line each on the terminal."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address at which the application answers until the end of the block."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def as_(context: BrowserContext, login: str) -> Page:
    """Open a page in the name of `login`, or of nobody."""
    page = context.new_page()
    if login:
        page.goto("/sign-in")
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def watched(page: Page) -> list[str]:
    """Return the list in which the page's errors gather: of scripts and of the content policy."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def dress(page: Page, width: int, scheme: Scheme, *, forced: bool = False) -> None:
    """Look at the page that wide, in these colours."""
    page.set_viewport_size({"width": width, "height": 800})
    # Without motion: a colour on its way to another is neither.
    page.emulate_media(color_scheme=scheme, forced_colors="active" if forced else "none", reduced_motion="reduce")


def walk(app: Flask) -> Walk:
    """Follow the links of everyone, one after another."""
    found = Walk()
    for login in LOGINS:
        client = app.test_client()
        if login:
            assert enter(client, login).status_code == 303, login
        _follow(app, client, login, found)
    return found


def _follow(app: Flask, client: FlaskClient, login: str, found: Walk) -> None:
    waiting = deque([*held(app, login), *_starts(app)])
    known, times = set(waiting), Counter[str]()
    for _ in range(MOST):
        if not waiting:
            return
        path = waiting.popleft()
        endpoint = _endpoint(app, path)
        times[endpoint] += 1
        if not endpoint or times[endpoint] > EACH or endpoint in {"static", "house.language"}:
            continue
        answer = client.get(path)
        if answer.status_code >= 500:
            found.faults.append(f"{path} as {login}: {answer.status}")
        if answer.status_code in {301, 302, 303, 307, 308}:
            links = [answer.location]
            found.others.add(endpoint)
        elif answer.status_code != 200:
            continue
        elif answer.mimetype != "text/html" or "<html" not in answer.text[:300]:
            found.others.add(endpoint)
            continue
        else:
            found.pages.setdefault(endpoint, (login, path))
            links = [html.unescape(link) for link in re.findall(r'(?:href|action)="([^"#]+)', answer.text)]
        for link in links:
            target = urlsplit(urljoin(f"http://localhost{path}", link))
            local = target.path + (f"?{target.query}" if target.query else "")
            if target.netloc == "localhost" and local not in known:
                known.add(local)
                waiting.append(local)
    found.faults.append(f"more than {MOST} answers as {login}")


def _starts(app: Flask) -> list[str]:
    """Every address without a part to fill in."""
    return sorted(
        {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments and "GET" in (rule.methods or ())}
    )


def held(app: Flask, login: str) -> list[str]:
    """What someone comes with: a person with the link of a live voucher, the coordination with its page."""
    services = services_of(app)
    with services.database.read() as session:
        shown = showcase.live_voucher(session, services, utc_now())
    assert shown is not None, "the demonstration has a voucher to present"
    by_coordination = f"/admin/vouchers/{open_link(services.vault, shown.token)}"
    return {"": [f"/mon-bon/{shown.token}"], "coordination": [by_coordination]}.get(login, [])


def _endpoint(app: Flask, path: str) -> str:
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method="GET")
    except RequestRedirect as redirect:
        return _endpoint(app, urlsplit(redirect.new_url).path)
    except HTTPException:
        return ""
    return str(endpoint)


def unreached(app: Flask, found: Walk) -> list[str]:
    """Routes that can be read, that the walk did not come by and that no reason excuses; and outdated excuses."""
    readable = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    seen = {*found.pages, *found.others} | {"house.language"}
    missing = [f"{name}: no link leads there" for name in readable - seen - NOT_FOUND_BY_LINKS.keys()]
    outdated = [f"{name}: is reached now, or is gone: take it off the list" for name in NOT_FOUND_BY_LINKS
                if name in seen or name not in readable]  # fmt: skip
    return sorted(missing + outdated)
