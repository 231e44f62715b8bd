"""The check of how a signing key changed over time: rows against their notes, and against what was published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.crypto import SealBroken
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal.models import Change
from voucher_service.ledger.seal.note import LogKey, NoteBroken, Signer
from voucher_service.ledger.seal.ring import MARK, Ring, ring_of, signer_of


def is_change(note: str) -> bool:
    """Say whether a note kept outside is about a change of a key, of whichever."""
    return note.partition("\n")[0].endswith(f" {MARK}")


def follow(
    session: Session, key: LogKey, kind: type[Change], outside: Sequence[str], rule: str
) -> tuple[Ring, list[Finding]]:
    """Return the keys as far as their changes hold, and what does not.

    `key` is the first. `outside` are notes kept elsewhere: each change among them must be here.
    """
    rows = _rows(session, kind)
    ring, good, faults = ring_of(key, []), list[str](), list[Finding]()
    for at, (number, size, told) in enumerate(rows, start=1):
        try:
            grown = ring_of(key, [*good, told])
        except (NoteBroken, ValueError) as error:
            faults.append(Finding(rule, f"change {number}", str(error)))
            break
        if (number, size) != (at, grown.ends[-1]):
            faults.append(Finding(rule, f"change {number}", "the row is not what its note says, or one is missing"))
            break
        ring, good = grown, [*good, told]
    here = {told for _, _, told in rows}
    published = [one for one in outside if one.startswith(f"{key.name} {MARK}\n")]
    for at, one in enumerate(published, start=1):
        if one not in here:
            faults.append(Finding(rule, f"outside change {at}", "a change of the key that was published is not here"))
    return ring, faults


def private(session: Session, first: Signer, kind: type[Change], rule: str) -> Iterator[Finding]:
    """Yield the changes whose private key is lost: nothing more could be signed with it."""
    for number, _, told in _rows(session, kind):
        try:
            key = signer_of(session, first, number, kind).key.text()
        except (SealBroken, ValueError) as error:
            yield Finding(rule, f"change {number}", f"its private key: {error}")
            continue
        if key not in told.split("\n"):
            yield Finding(rule, f"change {number}", "its private key is of another public key")


def _rows(session: Session, kind: type[Change]) -> list[tuple[int, int, str]]:
    """Return number, size and note of each change; SQLite gives bytes, since what is no text any more is read too."""
    note = "CAST(note AS BLOB)" if session.get_bind().dialect.name == "sqlite" else "note"
    query = f"SELECT number, size, {note} FROM {kind.__tablename__} ORDER BY number"  # noqa: S608  # our names
    return [(number, size, _said(told)) for number, size, told in session.execute(text(query))]


def _said(value: object) -> str:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)
