"""What a running process holds: settings, database, keys and the ways to deliver. Built once in `wsgi.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment.kinds import Kinds
from voucher_service.fulfilment.providers import Provider
from voucher_service.fulfilment.routes import Routes
from voucher_service.ledger.seal.note import LogKey, LogSigner
from voucher_service.ledger.seal.publish import STATEMENT_KEYS, publish_keys, seal_and_publish
from voucher_service.ledger.seal.ring import changes, rotate
from voucher_service.messages.gateways import Factories
from voucher_service.reconciliation.closing import signing
from voucher_service.settings import Settings
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.webhooks.outbox import tell_checkpoint
from voucher_service.webhooks.sender import NoSender, Sender


@dataclass(frozen=True, slots=True)
class Services:
    """The parts every door shares.

    `providers` maps a route's name to the partner behind it; `gateways` a kind of message gateway to how it is
    opened; `sender` posts webhooks.
    """

    settings: Settings
    database: Database
    vault: Vault
    ring: KeyRing
    providers: Mapping[str, Provider]
    kinds: Kinds = field(default_factory=dict)

    def look_again(self) -> None:
        """Let this process see at once what was just changed of the connections; the others see it in seconds."""
        if isinstance(self.providers, Routes):
            self.providers.look_again()

    gateways: Factories = field(default_factory=dict)
    sender: Sender = field(default_factory=NoSender)

    def log_signer(self) -> LogSigner:
        """Return what signs this installation's checkpoints, with the first key of its log."""
        return LogSigner(self.vault, self.settings.organisation)

    def seal(self, now: datetime, *, sweep: bool = False) -> int:
        """Seal what is committed, publish the checkpoint and send it on; return how many transfers were sealed.

        Raises:
            LogForked: the database does not begin with what was published.
        """
        folder = self.settings.checkpoints
        sealed = seal_and_publish(self.database, self.log_signer(), folder, now=now, sweep=sweep)
        self.database.run(tell_checkpoint, now)
        return sealed

    def change_log_key(self, now: datetime) -> LogKey:
        """Give the log a new key, publish what both keys signed about it, and return the new one."""
        key = self.database.run(rotate, self.log_signer(), now=now)
        with self.database.read() as session:
            publish_keys(self.settings.checkpoints, changes(session))
        return key

    def change_statement_key(self, now: datetime) -> LogKey:
        """Give the manifests of months a new key, publish what both keys signed about it, and return the new one."""
        key = self.database.run(signing.rotate, self.vault, now=now)
        with self.database.read() as session:
            publish_keys(self.settings.checkpoints, signing.changes(session), STATEMENT_KEYS)
        return key
