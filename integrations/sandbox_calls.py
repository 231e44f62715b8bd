"""The calls of the sandbox partner: late, some twice, signed over their bytes. They say what its book says."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from integrations.answers import called_back, ours, reference, word
from integrations.sandbox_book import Movement, line_of, signing_key
from voucher_service.fulfilment.abilities import BadCallback, Call, Notice

SIGNATURE: Final = "sandbox-signature"

_CALLED_ABOUT: Final = ("08", "09", "10", "11")
_TWICE: Final = "10"


def calls_due(book: sqlite3.Connection, now: datetime) -> list[Call]:
    """Return the calls to make by `now` that were not made before, each written down as made."""
    key, made = signing_key(book), []
    for row in book.execute("SELECT * FROM movement ORDER BY number").fetchall():
        line = line_of(row)
        if line.tail[0] not in "123" or line.tail[1:] not in _CALLED_ABOUT:
            continue
        for status in _said(line, now):
            fresh = "INSERT OR IGNORE INTO called (number, status) VALUES (?, ?) RETURNING number"
            if book.execute(fresh, (line.number, status)).fetchone() is not None:
                made += [_call(key, line, status)] * (2 if line.tail[1:] == _TWICE else 1)
    return made


def _said(line: Movement, now: datetime) -> Iterator[str]:
    if now >= line.done_at:
        yield line.code
    if line.reversed_at is not None and now >= line.reversed_at:
        yield "reversed"


def _call(key: bytes, line: Movement, status: str) -> Call:
    told = {"id": line.partner_ref, "reference": line.reference, "status": status}
    raw = json.dumps(told, separators=(",", ":")).encode()
    return Call({SIGNATURE: _signed(key, raw)}, raw)


def notice(key: bytes, headers: Mapping[str, str], raw: bytes) -> Notice:
    """Read a call whose signature is right.

    Raises:
        BadCallback: it is not, or the call names no order.
    """
    if not hmac.compare_digest(_signed(key, raw).encode(), headers.get(SIGNATURE, "").encode()):
        raise BadCallback("callback_signature")
    body = called_back(raw)
    theirs = reference(body.get("id"))
    if theirs is None:
        raise BadCallback("callback_without_order")
    return Notice(ours(body.get("reference")), theirs, word(body.get("status")), verified=True)


def _signed(key: bytes, raw: bytes) -> str:
    return hmac.new(key, raw, hashlib.sha256).hexdigest()
