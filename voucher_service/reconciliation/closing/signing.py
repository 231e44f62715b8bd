"""The signature on a month's manifest: Ed25519, with keys of its own that can be changed like those of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.ledger.seal import ring
from voucher_service.ledger.seal.note import LogKey, Signer
from voucher_service.reconciliation.closing.models import StatementKeyChange


class StatementSigner(Signer):
    """Signs the manifests of months."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(vault, "agreed-statements", "coup-de-pouce/statements")


@dataclass(frozen=True, slots=True)
class StatementKey:
    """A key and when it came (None: it was the first); it speaks for months read from at most `until` movements."""

    line: str
    since: datetime | None
    until: int | None


def changes(session: Session) -> Sequence[str]:
    """Return the notes of every change of the key, oldest first."""
    return ring.changes(session, StatementKeyChange)


def keys(session: Session, vault: Vault) -> list[StatementKey]:
    """Return every key that ever signed manifests, oldest first. Raises NoteBroken: a change does not hold."""
    told = ring.ring_of(StatementSigner(vault).key, changes(session))
    since = session.scalars(select(StatementKeyChange.changed_at).order_by(StatementKeyChange.number)).all()
    spans = zip(told.keys, (None, *since), (*told.ends, None), strict=True)
    return [StatementKey(key.text(), came, until) for key, came, until in spans]


def key_of(session: Session, vault: Vault, size: int) -> str:
    """Return the line that checks a manifest of books of `size` movements. Raises NoteBroken."""
    return ring.ring_of(StatementSigner(vault).key, changes(session)).of(size).text()


def sign(session: Session, vault: Vault, manifest: str, size: int) -> bytes:
    """Return the 64 bytes that sign a manifest of books of `size` movements. Raises NoteBroken, SealBroken."""
    first = StatementSigner(vault)
    number = ring.ring_of(first.key, changes(session)).place(size)
    return ring.signer_of(session, first, number, StatementKeyChange).signature(manifest.encode())


def rotate(session: Session, vault: Vault, *, now: datetime) -> LogKey:
    """Make a new key and return it: it signs every month that is read from more movements than are sealed now."""
    return ring.rotate(session, StatementSigner(vault), now=now, kind=StatementKeyChange)
