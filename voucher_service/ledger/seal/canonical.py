"""The canonical bytes of a transfer: what its leaf hash is taken of. Documented in docs/ledger.md, version 1.

Lines of UTF-8, each ended by a line feed: the version, then thirteen facts in this order. What only the
house may read (the client's key, the request's hash, who acted) stands as one SHA-256, and so does a voucher's id:
a partner can take the leaf hash of its own lines again and learns nothing about persons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from voucher_service.ledger.models import Transfer

VERSION = "coup-de-pouce transfer 1"

FIELDS = (
    "id", "unit", "quantity", "source", "destination", "reason", "object_kind", "object_id",
    "occurred_at", "recorded_at", "resolves", "corrects", "private",
)  # fmt: skip

COLUMNS = (
    Transfer.id, Transfer.unit, Transfer.quantity, Transfer.source_id, Transfer.destination_id, Transfer.reason,
    Transfer.object_kind, Transfer.object_id, Transfer.occurred_at, Transfer.recorded_at, Transfer.resolves_id,
    Transfer.corrects_id, Transfer.key, Transfer.request_hash, Transfer.actor,
)  # fmt: skip
"""What `facts` takes, in its order."""


def facts(row: Sequence[Any]) -> list[str]:
    """Return the thirteen facts of `FIELDS` as text, from a row of `COLUMNS`."""
    (name, unit, quantity, source, destination, reason, kind, thing, occurred, recorded, resolves, corrects,
     key, request, actor) = row  # fmt: skip
    return [
        str(name), one_line(unit), str(quantity), str(source), str(destination), one_line(reason), one_line(kind),
        _thing(kind, thing), _instant(occurred), _instant(recorded), "" if resolves is None else str(resolves),
        "" if corrects is None else str(corrects), _private(key, request, actor),
    ]  # fmt: skip


def leaf_bytes(told: Sequence[str]) -> bytes:
    """Return the canonical bytes of the thirteen facts."""
    return "\n".join([VERSION, *told, ""]).encode()


def one_line(text: str) -> str:
    r"""Return the text with backslash and line feed written `\\` and `\n`, so that a line is one fact."""
    return text.replace("\\", "\\\\").replace("\n", "\\n") if "\n" in text or "\\" in text else text


def _thing(kind: str, thing: str) -> str:
    return hashlib.sha256(thing.encode()).hexdigest() if kind == "voucher" else one_line(thing)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _private(key: str, request: bytes, actor: str) -> str:
    return hashlib.sha256("\n".join([one_line(key), request.hex(), one_line(actor), ""]).encode()).hexdigest()
