"""A sealed log of the test programme, and what the check says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.programme import Programme
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal import publish
from voucher_service.ledger.seal.inspect import inspect
from voucher_service.ledger.seal.note import LogSigner


@dataclass(slots=True)
class Log:
    """The programme, its signer and the folder its checkpoints are published to."""

    programme: Programme
    signer: LogSigner
    folder: Path

    @classmethod
    def of(cls, programme: Programme, folder: Path) -> Log:
        return cls(programme, LogSigner(programme.vault, 1), folder)

    def redeem(self, count: int) -> None:
        """Issue and redeem so many vouchers: two transfers each."""
        for _ in range(count):
            self.programme.scan(self.programme.digits(self.programme.issue()))

    def seal(self, *, sweep: bool = False) -> int:
        """Seal and publish, a second after the last time."""
        self.programme.later(seconds=1)
        return publish.seal_and_publish(
            self.programme.database, self.signer, self.folder, now=self.programme.now, sweep=sweep
        )

    def outside(self) -> list[str]:
        """The checkpoints that were published."""
        return publish.outside(self.folder)

    def kept(self) -> list[str]:
        """What was published: checkpoints, and changes of keys."""
        return [*self.outside(), *publish.outside_changes(self.folder)]

    def findings(self, outside: Sequence[str] | None = None) -> list[Finding]:
        """What the check of the log finds, two hours later."""
        now = self.programme.now + timedelta(hours=2)
        with self.programme.database.read() as session:
            return list(
                inspect(session, self.signer.key, self.kept() if outside is None else outside, now=now, most=10**6)
            )
