"""A partner with a webhook that leads to a real HTTP receiver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest
from sqlalchemy import select

from integrations.webhooks import HttpSender
from tests.programme import Programme
from voucher_service.ids import utc_now
from voucher_service.webhooks import endpoints
from voucher_service.webhooks.courier import Courier
from voucher_service.webhooks.models import Event, WebhookDelivery


@dataclass
class Receiver:
    """A partner's server: keeps what arrives, answers with the statuses it was given, the last one for ever."""

    statuses: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    address: str = ""

    def answer(self) -> int:
        """The next status."""
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on this machine."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.answer())
            if made.location:
                self.send_header("location", made.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.address = f"http://127.0.0.1:{server.server_port}/webhooks"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Hooks:
    """A partner's webhooks and the courier that serves them."""

    programme: Programme
    receiver: Receiver
    courier: Courier
    sender: HttpSender

    def add(self, address: str = "", events: list[Event] | None = None) -> tuple[UUID, str]:
        """Make a webhook for all events; return its id and its secret."""
        row, secret = self.programme.database.run(
            endpoints.create,
            self.programme.vault,
            self.sender,
            partner_id=self.programme.partner_id,
            address=address or self.receiver.address,
            events=list(Event) if events is None else events,
            actor="staff:test",
            now=self.programme.now,
        )
        return row.id, secret

    def rows(self) -> list[WebhookDelivery]:
        """All deliveries, the oldest first."""
        with self.programme.database.read() as session:
            return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


@pytest.fixture
def arrivals() -> Iterator[Receiver]:
    """A running receiver."""
    with receiver() as made:
        yield made


@pytest.fixture
def hooks(database_url: str, arrivals: Receiver) -> Hooks:
    """A partner without a webhook yet, on both databases; the clock stands at the present."""
    programme = Programme.make(database_url)
    programme.now = utc_now()
    sender = HttpSender(private=True, limit=1.0)
    courier = Courier(programme.database, sender, programme.vault, lambda: programme.now)
    return Hooks(programme, arrivals, courier, sender)
