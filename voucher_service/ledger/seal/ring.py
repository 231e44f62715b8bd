"""Keys over time: the first follows from the master key, each later one is made by chance and sealed by it.

Whoever signs, the log or what closes months, keeps its name. A change is a note signed by both keys, the old and the
new: it says over how many leaves the old key still speaks. Whoever trusts any key of the chain can follow it to all
others. `kind` is the table that holds the changes: those of the log's key unless it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place
from voucher_service.ledger.seal.models import Change, KeyChange
from voucher_service.ledger.seal.note import LogKey, NoteBroken, Signer, Tree, open_note, signed_by
from voucher_service.ledger.seal.tiles import size_of

MARK = "key change"
LOCK = 7265111
"""Who holds it, seals or changes a key, alone."""

S = TypeVar("S", bound=Signer)


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys, oldest first, and over how many leaves each of them but the last still speaks."""

    keys: tuple[LogKey, ...]
    ends: tuple[int, ...]

    @property
    def current(self) -> LogKey:
        """Return the key that signs what comes next."""
        return self.keys[-1]

    def of(self, size: int) -> LogKey:
        """Return the key that signs what is about `size` leaves."""
        return self.keys[self.place(size)]

    def place(self, size: int) -> int:
        """Return which of the keys that is, counted from 0: also the number of the change that brought it."""
        return sum(1 for end in self.ends if size > end)

    def open(self, note: str) -> Tree:
        """Return what the checkpoint states. Raises NoteBroken, also when its key no longer, or not yet, spoke."""
        lines = note.split("\n", 2)
        size = int(lines[1]) if len(lines) > 2 and re.fullmatch(r"[0-9]{1,19}", lines[1]) else 0
        return open_note(note, self.of(size))


def ring_of(first: LogKey, changes: Iterable[str]) -> Ring:
    """Return the ring that begins with `first` and follows the notes of its changes, oldest first.

    Raises:
        NoteBroken: a change is not signed by both its keys, or does not follow the one before.
    """
    keys, ends = [first], [0]
    for number, note in enumerate(changes, start=1):
        text = note.partition("\n\n")[0].split("\n")
        if not note.endswith("\n") or len(text) != 4 or text[0] != f"{first.name} {MARK}" or text[1] != keys[-1].text():
            raise NoteBroken(f"key change {number} does not follow the key before it")
        fresh = LogKey.read(text[2])
        if fresh.name != first.name or not text[3].isdecimal() or int(text[3]) < ends[-1]:
            raise NoteBroken(f"key change {number} is not in the form")
        for key in (keys[-1], fresh):
            if not signed_by(note, key):
                raise NoteBroken(f"key change {number} is not signed by {key.key_id.hex()}")
        keys.append(fresh)
        ends.append(int(text[3]))
    return Ring(tuple(keys), tuple(ends[1:]))


def changes(session: Session, kind: type[Change] = KeyChange) -> Sequence[str]:
    """Return the notes of every change of the key, oldest first."""
    return session.scalars(select(kind.note).order_by(kind.number)).all()


def signer_now(session: Session, first: S, kind: type[Change] = KeyChange) -> S:
    """Return what signs next: the first key, or that of the newest change."""
    last = session.scalar(select(func.max(kind.number)))
    return signer_of(session, first, last or 0, kind)


def signer_of(session: Session, first: S, number: int, kind: type[Change] = KeyChange) -> S:
    """Return what signs with the key that change `number` brought: 0 is the first. Raises SealBroken."""
    if number == 0:
        return first
    sealed = session.execute(select(kind.private_sealed).where(kind.number == number)).scalar_one()
    return first.with_key(Ed25519PrivateKey.from_private_bytes(first.vault.unseal(_place(kind, number), sealed)))


def key_of(session: Session, first: LogKey, size: int) -> LogKey:
    """Return the key that a checkpoint over `size` leaves is checked with."""
    return ring_of(first, changes(session)).of(size)


def rotate(session: Session, first: Signer, *, now: datetime, kind: type[Change] = KeyChange) -> LogKey:
    """Make a new key and return it: it signs everything about more leaves than are sealed now."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))  # no sealer signs with the old key meanwhile
    told, old, size = changes(session, kind), signer_now(session, first, kind), size_of(session)
    assert ring_of(first.key, told).current == old.key, "what is changed is a ring that holds"
    private = Ed25519PrivateKey.generate()
    new = first.with_key(private)
    text = f"{first.key.name} {MARK}\n{old.key.text()}\n{new.key.text()}\n{size}\n"
    number = len(told) + 1
    session.execute(
        insert(kind).values(
            number=number,
            size=size,
            private_sealed=first.vault.seal(_place(kind, number), private.private_bytes_raw()),
            note=f"{text}\n{old.line(text)}{new.line(text)}",
            changed_at=now,
        )
    )
    return new.key


def _place(kind: type[Change], number: int) -> Place:
    return Place(kind.__tablename__, "private_sealed", str(number))
