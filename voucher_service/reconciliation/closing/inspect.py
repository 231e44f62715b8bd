"""The check of the months: signatures, files, chain, and what closed months say of statements and balances.

Its own SQL, sharing no code with what proposes and closes months but the order of keys. What nothing signs (who
proposed and agreed, and when) it cannot judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal import inspect_keys
from voucher_service.ledger.seal.note import verifies
from voucher_service.ledger.seal.ring import Ring
from voucher_service.reconciliation.closing.models import StatementKeyChange
from voucher_service.reconciliation.closing.signing import StatementSigner

KEYS = "every change of the key of months is signed by the key before it and the one after"
SIGNED = "every month is signed with the key of its time"
WHOLE = "every month's row and files are what its manifest says"
CHAINED = "each month names the one before it"
TOLD = "what a closed month says of statements and balances is what stands here"
RULES = (KEYS, SIGNED, WHOLE, CHAINED, TOLD)

_MONTHS = """
    SELECT p.id, p.partner_id, p.first_day, p.last_day, p.from_at, p.until_at, p.size, p.manifest, p.signature, p.csv,
        p.pdf, p.agreed_at IS NOT NULL, c.root
    FROM period_close p LEFT JOIN ledger_checkpoint c ON c.size = p.size ORDER BY p.partner_id, p.first_day
"""
_STATEMENTS = """
    SELECT s.id, s.file_name, s.file_sha256, s.line_count FROM statement s
    WHERE s.partner_id = :partner AND s.first_day <= :last AND s.last_day >= :first
"""
_DECLARED = """
    SELECT d.allocation_id, d.closing, d.edition, d.statement_id IS NOT NULL, d.opening, d.granted, d.delivered,
        d.reversed, d.expired, d.returned
    FROM declared_balance d WHERE d.partner_id = :partner AND d.as_of = :last
        AND NOT EXISTS (SELECT 1 FROM statement_reading r WHERE r.replaces_id = d.statement_id)
    ORDER BY d.allocation_id, d.edition
"""
_MOVEMENTS = ("opening", "granted", "delivered", "reversed", "expired", "returned")


class _Month(NamedTuple):
    """A row, each value as text where it is told as one; `said` is what its manifest says."""

    id: str
    partner: str
    days: tuple[str, str]
    instants: tuple[str, str]
    size: int
    manifest: bytes
    signature: bytes
    files: Mapping[str, bytes | None]
    agreed: bool
    root: bytes | None
    said: Mapping[str, Any]


def inspect(session: Session, signer: StatementSigner, outside: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield what is wrong with the months; `outside` are notes kept elsewhere."""
    ring, faults = inspect_keys.follow(session, signer.key, StatementKeyChange, outside, KEYS)
    yield from faults
    yield from inspect_keys.private(session, signer, StatementKeyChange, KEYS)
    months = [_month(row) for row in session.execute(text(_as_bytes(session, _MONTHS)))]
    for month in months:
        if not _is_signed(month, ring):
            yield Finding(SIGNED, month.id, "its signature is not that of its manifest")
            continue  # what it says is worth nothing
        yield from _whole(month)
        if month.agreed:
            yield from _statements(session, month)
            yield from _balances(session, month)
    for _, one in groupby(months, key=lambda month: month.partner):
        yield from _chained(list(one))


def _as_bytes(session: Session, query: str) -> str:
    """Let SQLite give bytes where it keeps text: what is no text any more is still read."""
    if session.get_bind().dialect.name != "sqlite":
        return query
    for name in ("id", "partner_id", "first_day", "last_day", "from_at", "until_at", "manifest"):
        query = query.replace(f"p.{name},", f"CAST(p.{name} AS BLOB),")
    return query.replace("s.file_name,", "CAST(s.file_name AS BLOB),")


def _month(row: Sequence[Any]) -> _Month:
    manifest = row[7] if isinstance(row[7], bytes) else str(row[7]).encode()
    try:
        said = json.loads(manifest)
    except ValueError:
        said = {}
    return _Month(
        _uuid(row[0]), _uuid(row[1]), (_said(row[2]), _said(row[3])), (_instant(row[4]), _instant(row[5])), row[6],
        manifest, bytes(row[8]), {"etat.csv": row[9], "etat.pdf": row[10]}, bool(row[11]), row[12],
        said if isinstance(said, dict) else {},
    )  # fmt: skip


def _is_signed(month: _Month, ring: Ring) -> bool:
    books = month.said.get("books")
    size = books.get("size") if isinstance(books, dict) else None
    return isinstance(size, int) and verifies(ring.of(size), month.signature, month.manifest)


def _whole(month: _Month) -> Iterator[Finding]:
    said = month.said
    books = {"size": month.size, "root": bytes(month.root or b"").hex()}
    if (said.get("partner"), said.get("first_day"), said.get("last_day")) != (month.partner, *month.days):
        yield Finding(WHOLE, month.id, "its partner or its days are not those of its manifest")
    elif month.instants != _instants(*month.days):
        yield Finding(WHOLE, month.id, "its instants are not those of its days")
    if said.get("books") != books:
        yield Finding(WHOLE, month.id, "its size and root are not those of its manifest, or no checkpoint's")
    if month.files["etat.csv"] is None and month.files["etat.pdf"] is None:
        return  # closed before files were kept
    for name, content in month.files.items():
        if said.get("files", {}).get(name) != hashlib.sha256(bytes(content or b"")).hexdigest():
            yield Finding(WHOLE, month.id, f"{name} is not the file that was agreed to")


def _chained(months: Sequence[_Month]) -> Iterator[Finding]:
    last = ""
    for month in months:
        if month.said.get("previous") != last:
            yield Finding(CHAINED, month.id, "what stands before it is not the month that it names")
        last = hashlib.sha256(month.manifest).hexdigest()


def _statements(session: Session, month: _Month) -> Iterator[Finding]:
    """Hold the files that a closed month names against those that stand here."""
    named = {(one["name"], one["sha256"], one["lines"]) for one in month.said.get("statements", ())}
    rows = session.execute(text(_as_bytes(session, _STATEMENTS)), _asked(session, month)).all()
    here = {(_said(name), bytes(digest).hex(), lines): _uuid(one) for one, name, digest, lines in rows}
    for told in sorted(here.keys() - named, key=repr):
        yield Finding(TOLD, f"statement {here[told]}", f"not what the month {month.id} says of its statements")
    for told in sorted(named - here.keys(), key=repr):
        yield Finding(TOLD, f"statement {told[1]}", f"named by the month {month.id}, and not here")


def _balances(session: Session, month: _Month) -> Iterator[Finding]:
    """Hold what a closed month says that the partner declared against what stands here: the last edition counts."""
    here: dict[int, dict[str, Any]] = {}
    for gift, closing, edition, in_file, *movements in session.execute(text(_DECLARED), _asked(session, month)):
        told = {name: value for name, value in zip(_MOVEMENTS, movements, strict=True) if value is not None}
        here[gift] = {"closing": closing, "edition": edition, "in_statement": bool(in_file)} | told
    for one in month.said.get("balances", ()):
        declared = one["declared"] if isinstance(one["declared"], dict) else None
        if here.get(one["gift"]) != declared:
            yield Finding(TOLD, f"gift {one['gift']} on {month.days[1]}", f"not what the month {month.id} says")


def _asked(session: Session, month: _Month) -> dict[str, Any]:
    """Return the parameters of a query about the partner and the days that the month's manifest tells."""
    partner, first, last = (month.said[name] for name in ("partner", "first_day", "last_day"))
    if session.get_bind().dialect.name == "sqlite":
        return {"partner": partner.replace("-", ""), "first": first, "last": last}
    return {"partner": UUID(partner), "first": _day(first), "last": _day(last)}


def _day(said: str) -> date:
    return date.fromisoformat(said)


def _instants(first: str, last: str) -> tuple[str, str]:
    ends = (_day(first), _day(last) + timedelta(days=1))
    begin, end = (datetime.combine(day, time(), PROGRAMME_ZONE) for day in ends)
    return _instant(begin), _instant(end)


def _instant(at: Any) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" if isinstance(at, datetime) else _said(at)


def _said(value: Any) -> str:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _uuid(value: Any) -> str:
    told = _said(value)
    return f"{told[:8]}-{told[8:12]}-{told[12:16]}-{told[16:20]}-{told[20:]}" if len(told) == 32 else told
