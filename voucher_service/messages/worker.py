"""The messenger: sends what is due, hears what comes back. One turn at a time, or a thread that takes turns."""

from __future__ import annotations

import threading
from typing import Protocol
from uuid import UUID

import structlog

from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.ids import utc_now
from voucher_service.messages.gateways import Factories, Gateway, Inbound, NotSent, Outcome, Receipt, Unknown
from voucher_service.messages.models import MessageGateway
from voucher_service.messages.receipts import keep
from voucher_service.messages.sending import Claim, Clock, book, claim, outgoing
from voucher_service.messages.settings import gateways, settings_of

_LONGEST_WAIT = 60.0

_log = structlog.get_logger(__name__)


class Messenger:
    """Open gateways, kept between turns. Belongs to one thread. `close` hangs up."""

    def __init__(self, database: Database, factories: Factories, vault: Vault, now_fn: Clock = utc_now) -> None:
        self._database = database
        self._factories = factories
        self._vault = vault
        self._now = now_fn
        self._open: dict[UUID, Gateway] = {}

    def turn(self, *, limit: int = 50, wait: float = 0.0) -> int:
        """Send up to `limit` messages that are due, then listen for `wait` seconds; return how many were sent on."""
        done = 0
        while done < limit and self._send_next():
            done += 1
        self._listen(wait)
        return done

    def close(self) -> None:
        """Hang up everywhere."""
        while self._open:
            self._open.popitem()[1].close()

    def _send_next(self) -> bool:
        with self._database.begin() as session:
            claimed = claim(session, self._now())
        if claimed is None:
            return False
        self._database.run(book, claimed, self._hand_over(claimed), now=self._now())
        return True

    def _hand_over(self, claimed: Claim) -> Outcome:
        settings = settings_of(self._vault, claimed.gateway)
        message = outgoing(self._vault, claimed, ucs2_only=settings.get("alphabet") == "ucs2")
        if isinstance(message, NotSent):
            return message
        gateway = self._gateway(claimed.gateway)
        due_at = claimed.message.due_at
        if due_at is not None and self._now() >= due_at:
            return NotSent("lease_passed")  # this worker slept through its lease: nothing has left
        try:
            return gateway.send(message)
        except Exception as fault:  # whatever leaves a gateway means: nobody can tell
            _log.warning("message_unclear", message=str(claimed.message.id), fault=type(fault).__name__)
            return Unknown(type(fault).__name__)

    def _gateway(self, row: MessageGateway) -> Gateway:
        if row.id not in self._open:
            self._open[row.id] = self._factories[row.kind](settings_of(self._vault, row))
        return self._open[row.id]

    def _listen(self, wait: float) -> None:
        with self._database.read() as session:
            rows = list(gateways(session).values())
        for row in rows:
            gateway_id = row.id

            def handle(came: Receipt | Inbound, gateway_id: UUID = gateway_id) -> None:
                self._database.run(keep, self._vault, gateway_id, came, now=self._now())

            try:
                self._gateway(row).receive(handle, wait=wait)
            except Exception as fault:
                _log.warning("gateway_silent", gateway=str(row.id), fault=type(fault).__name__)
                self._open.pop(row.id).close()


def take_turn(database: Database, factories: Factories, vault: Vault, *, listen: float) -> int:
    """Send what is due, hear what came back for `listen` seconds, and hang up; return how many were sent on."""
    messenger = Messenger(database, factories, vault)
    try:
        return messenger.turn(wait=listen)
    finally:
        messenger.close()


class Turning(Protocol):
    """What takes turns at an outbox, in one thread."""

    def turn(self, *, limit: int) -> int:
        """Work on up to `limit` rows that are due; return how many."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class MessageWorker:
    """A thread that takes turns. No exception ends it: it logs, waits twice as long each time, and goes on."""

    def __init__(self, messenger: Turning, *, idle: float = 2.0, name: str = "messenger") -> None:
        self._messenger = messenger
        self._idle = idle
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, *, within: float = 10.0) -> bool:
        """Ask the thread to end after the message in hand; say whether it has ended `within` so many seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        wait = self._idle
        while not self._stopping.wait(wait):
            try:
                self._messenger.turn(limit=20)
                wait = self._idle
            except Exception:
                wait = min(wait * 2, _LONGEST_WAIT)
                _log.exception("messenger_failed", thread=self._thread.name, again_in_seconds=wait)
        self._messenger.close()
