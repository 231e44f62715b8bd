"""Checkpoints leave the database: a file that is replaced, and a history that is only added to.

`latest` holds the newest signed checkpoint, `YYYY-MM.notes` all of a month, `keys` and `statement-keys` each change of
the log's key and of that of months. Copies
of them elsewhere (a partner's mailbox, another machine) are what a rewritten database cannot reach.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.ledger.seal.models import Checkpoint
from voucher_service.ledger.seal.note import LogSigner, NoteBroken, Tree
from voucher_service.ledger.seal.ring import Ring, changes, ring_of
from voucher_service.ledger.seal.sealer import seal_all
from voucher_service.ledger.seal.tiles import Tiles, size_of
from voucher_service.ledger.seal.tree import root_of

LATEST = "latest"
KEYS = "keys"
STATEMENT_KEYS = "statement-keys"
"""Changes of the key that signs the manifests of months."""


class LogForked(Exception):
    """The database does not begin with what was published: it was rolled back or rewritten. Nothing is sealed."""


def seal_and_publish(database: Database, signer: LogSigner, folder: Path, *, now: datetime, sweep: bool = False) -> int:
    """Seal what is not sealed yet and publish the checkpoints; return how many transfers were sealed.

    Raises:
        LogForked: what was published before is not what the database begins with.
    """
    with database.read() as session:
        told = changes(session)
        _refuse_other_keys(folder, told, KEYS)
        try:
            ring = ring_of(signer.key, told)
        except (NoteBroken, ValueError) as error:
            raise LogForked(f"{KEYS}: {error}") from error
        published = newest(folder, ring)
        if published is not None:
            _refuse_a_fork(session, published)
    sealed = seal_all(database, signer, now=now, sweep=sweep)
    known = 0 if published is None else published.size
    with database.read() as session:
        fresh = session.scalars(select(Checkpoint).where(Checkpoint.size > known).order_by(Checkpoint.size)).all()
        publish_keys(folder, changes(session))
    publish(folder, [(one.sealed_at, one.note) for one in fresh])
    return sealed


def _refuse_a_fork(session: Session, published: Tree) -> None:
    size = size_of(session)
    if size < published.size:
        raise LogForked(f"{published.size} leaves were published, the database holds {size}")
    if Tiles(session).make(lambda hashes: root_of(hashes, published.size)) != published.root:
        raise LogForked(f"the first {published.size} leaves are not those that were published")


def publish(folder: Path, notes: Iterable[tuple[datetime, str]]) -> None:
    """Add the checkpoints to the history, oldest first, and put the last of them into `latest`."""
    last = ""
    for at, last in notes:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{at:%Y-%m}.notes").open("a", encoding="utf-8", newline="") as file:
            file.write(last + "\n")
            file.flush()
            os.fsync(file.fileno())
    if last:
        _replace(folder, LATEST, last)


def publish_keys(folder: Path, told: Sequence[str], name: str = KEYS) -> None:
    """Put the notes of all changes of a key into the file of that name.

    Raises:
        LogForked: another change was published before.
    """
    _refuse_other_keys(folder, told, name)
    if told:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder, name, joined(told))


def joined(notes: Iterable[str]) -> str:
    """Return the notes as one text, a blank line after each."""
    return "".join(note + "\n" for note in notes)


def _replace(folder: Path, name: str, body: str) -> None:
    fresh = folder / f"{name}.new"
    fresh.write_text(body, encoding="utf-8", newline="")
    fresh.replace(folder / name)


def _refuse_other_keys(folder: Path, told: Sequence[str], name: str) -> None:
    path = folder / name
    if path.exists() and not joined(told).startswith(path.read_text(encoding="utf-8")):
        raise LogForked(f"{name}: a key was changed, and the database does not know of it")


def newest(folder: Path, ring: Ring) -> Tree | None:
    """Return what the newest published checkpoint states; None when nothing was published.

    Raises:
        LogForked: the file holds something else than a checkpoint of this log.
    """
    path = folder / LATEST
    if not path.exists():
        return None
    try:
        return ring.open(path.read_text(encoding="utf-8"))
    except NoteBroken as error:
        raise LogForked(f"{LATEST}: {error}") from error


def outside(folder: Path) -> list[str]:
    """Return every published checkpoint as it stands in the folder's files, unchecked."""
    return _notes([*sorted(folder.glob("*.notes")), folder / LATEST])


def outside_changes(folder: Path) -> list[str]:
    """Return every published change of a key, unchecked."""
    return _notes([folder / KEYS, folder / STATEMENT_KEYS])


def _notes(paths: Iterable[Path]) -> list[str]:
    found: dict[str, None] = {}
    for path in paths:
        if path.exists():
            found.update(dict.fromkeys(split_notes(path.read_text(encoding="utf-8"))))
    return list(found)


def split_notes(text: str) -> Iterator[str]:
    """Yield the notes of a file: text, blank line, signatures, blank line, and so on."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    for body, signatures in zip(parts[::2], parts[1::2], strict=False):
        yield f"{body.strip()}\n\n{signatures.strip()}\n"
