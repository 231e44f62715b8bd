"""The doors of the counter and the beneficiary over a small programme: for test clients and for real browsers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import BaseWSGIServer, make_server

from integrations.code_stock import CodeStock
from integrations.sandbox import SandboxPartner
from tests.flows.delivery.lots import lot_file, pin
from tests.programme import NOON, Programme
from voucher_service.app import create_app
from voucher_service.fulfilment.deliver import sweep
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.providers import Provider
from voucher_service.fulfilment.worker import EmbeddedWorker
from voucher_service.ids import new_id
from voucher_service.partners.models import CampaignPolicy
from voucher_service.people import identity
from voucher_service.services import Services
from voucher_service.settings import Settings
from voucher_service.staff.accounts import set_password
from voucher_service.staff.models import Role, Staff, StaffBranch
from voucher_service.visits.questions import DEFAULT_QUESTIONS
from voucher_service.web.beneficiary.views import blueprint as beneficiary
from voucher_service.web.counter.api import blueprint as counter_api
from voucher_service.web.counter.articles import blueprint as counter_articles
from voucher_service.web.counter.kept import blueprint as counter_kept
from voucher_service.web.counter.offline import blueprint as counter_offline
from voucher_service.web.counter.pages import blueprint as counter
from voucher_service.web.counter.paper import blueprint as counter_paper
from voucher_service.web.counter.parcels import blueprint as counter_parcels
from voucher_service.web.counter.receipts import blueprint as counter_receipts
from voucher_service.web.counter.visits import blueprint as counter_visits
from voucher_service.web.ledger.views import blueprint as ledger_door
from voucher_service.web.partner.balances import blueprint as partner_balances
from voucher_service.web.partner.books import blueprint as partner_books
from voucher_service.web.partner.breaks import blueprint as partner_breaks
from voucher_service.web.partner.closing import blueprint as partner_closing
from voucher_service.web.partner.hooks import blueprint as partner_hooks
from voucher_service.web.partner.intake import blueprint as partner_intake
from voucher_service.web.partner.keys import blueprint as partner_keys
from voucher_service.web.partner.views import blueprint as partner_door
from voucher_service.web.session.views import blueprint as session_door

PASSWORD = "une phrase de quatre mots"
PHONE = "06 12 34 51 00"
"""A number whose top-up the sandbox partner confirms."""


@dataclass(slots=True)
class Desk:
    """A programme with its doors. Counter and volunteer work at the first branch; the clock is the programme's."""

    programme: Programme
    app: Flask
    worker: EmbeddedWorker

    @classmethod
    def make(cls, url: str, folder: Path, *, gift: int = 100_000) -> Desk:
        """Build everything on the migrated, empty database at `url`; the gift is in cents."""
        programme = Programme.make(url, gift=gift)
        settings = Settings.model_validate({"database_url": url, "data_dir": folder, "secure_cookies": False})
        partner = SandboxPartner(folder / "sandbox.db", clock=lambda: programme.now)
        providers: dict[str, Provider] = {"sandbox": partner, "code_stock": CodeStock()}
        services = Services(settings, programme.database, programme.vault, programme.ring, providers)
        doors = [
            session_door,
            counter,
            counter_api,
            counter_kept,
            counter_offline,
            counter_paper,
            counter_receipts,
            counter_visits,
            counter_articles,
            counter_parcels,
            beneficiary,
            partner_door,
            partner_books,
            partner_balances,
            partner_breaks,
            partner_closing,
            partner_keys,
            partner_hooks,
            partner_intake,
            ledger_door,
        ]
        app = create_app(services, doors)
        worker = EmbeddedWorker(
            programme.database,
            providers,
            programme.vault,
            now_fn=lambda: programme.now,
            idle=timedelta(milliseconds=200),
        )
        app.extensions["clock"] = lambda: programme.now
        app.extensions["nudge"] = lambda _order_id: worker.nudge()
        desk = cls(programme, app, worker)
        desk._open()
        return desk

    def _open(self) -> None:
        with self.programme.database.begin() as session:
            for role in (Role.COUNTER, Role.VOLUNTEER, Role.COORDINATOR, Role.PARTNER):
                member = self.programme.member(role)
                set_password(session, member.id, PASSWORD)
                if role in {Role.COUNTER, Role.VOLUNTEER}:
                    session.add(StaffBranch(staff_id=member.id, branch_id=self.programme.branches[0].id))

    def ask_questions(self, *, required: bool = False) -> None:
        """Give the campaign the default visit form; `required` makes its first question one."""
        with self.programme.database.begin() as session:
            policy = session.query(CampaignPolicy).one()
            must = "type_lieu" if required else ""
            policy.questions = [{**question, "required": question["id"] == must} for question in DEFAULT_QUESTIONS]

    def login(self, role: Role) -> str:
        """The login of the person with this role."""
        return self.programme.member(role).login

    def person(self, phone: str | None = PHONE) -> Any:
        """Register someone with a telephone; return the person's id."""
        return self.programme.database.run(
            identity.register,
            self.programme.vault,
            name="Amina",
            phone=phone,
            birth_year=1990,
            language="fr",
            branch_id=1,
            now=self.programme.now,
        ).id

    def client(self, role: Role = Role.COUNTER) -> Client:
        """A browser without a screen, in which someone of this role has signed in through the form."""
        client = Client(self.app.test_client())
        client.enter(self.login(role))
        return client

    def staff(self, role: Role) -> Staff:
        """The person with this role."""
        return self.programme.member(role)

    def bring_codes(self) -> str:
        """Receive one recharge code; return its PIN."""
        import_lot(
            self.programme.database,
            self.programme.vault,
            partner_id=self.programme.partner_id,
            file_name="lot.csv",
            content=lot_file([1]),
            actor="staff:test",
            now=self.programme.now,
        )
        return pin(1)

    def deliver(self) -> None:
        """Deliver what is due, now."""
        programme = self.programme
        sweep(programme.database, self.app.extensions["services"].providers, programme.vault, lambda: programme.now)

    def close(self) -> None:
        """End the deliverer and the connections."""
        self.worker.stop()
        self.programme.database.close()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Server]:
        """Serve on a free port, delivering as the installation does."""
        self.worker.start()
        server = Server(self.app, port)
        try:
            yield server
        finally:
            server.stop()


class Server:
    """The application on a real port; `stop` and `start` are what a power cut is to the counter."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._app = app
        self._server: BaseWSGIServer | None = None
        self.port = port
        self.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen again, on the same port."""
        self._server = make_server("127.0.0.1", self.port, self._app, threaded=True)
        self.port = self._server.port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Client:
    """A test client that carries the page's token, as the counter's own page does."""

    def __init__(self, client: FlaskClient) -> None:
        self.http = client
        self.token = ""

    def enter(self, login: str) -> None:
        """Sign in."""
        sent = {"csrf_token": self._token_of("/sign-in"), "login": login, "password": PASSWORD}
        answer = self.http.post("/sign-in", data=sent)
        assert answer.status_code == 303, answer.text
        answer = self.http.get("/counter/token")
        self.token = answer.get_json()["csrf_token"] if answer.status_code == 200 else ""

    def _token_of(self, path: str) -> str:
        page = self.http.get(path).text
        return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]

    def post(self, path: str, body: object) -> Any:
        """Send JSON to the counter; return the answer."""
        return self.http.post(f"/counter/{path}", json=body, headers={"X-CSRFToken": self.token})

    def form(self, path: str, **fields: object) -> Any:
        """Send a page's form; return the answer, redirections followed."""
        return self.http.post(path, data={"csrf_token": self.token, **fields}, follow_redirects=True)

    def scan(self, code: str, /, **fields: object) -> Any:
        """Send a scan as the page does; `fields` replace or add."""
        body: dict[str, object] = {
            "scan_id": str(new_id()),
            "code": code,
            "branch_id": 1,
            "scanned_at": NOON.isoformat(),
            "number": PHONE,
        }
        return self.post("scans", {name: value for name, value in (body | fields).items() if value is not ...})
