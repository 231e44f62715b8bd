"""The audit's rules for kept files: their bytes are those that the rows beside them, or their manifest, say.

A file is read in portions and never held whole here, so the check of many large files takes time and no memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

PORTION = 8 * 2**20
"""Bytes asked for at once: a compressed value is unpacked for each portion anew."""
_PAGE = 200

STATEMENT = "a stored statement is the file that its SHA-256 says"
MONTH = "the files kept of a month are those that its manifest names"
CHAIN = "a month's manifest names the one before it, and statements that are kept"
FILE_RULES = (STATEMENT, MONTH, CHAIN)

_Found = tuple[str, object, str]


def file_findings(session: Session) -> Iterator[_Found]:
    """Yield what is wrong: (rule, faulty row, what)."""
    yield from _statements(session)
    yield from _months(session)


def _statements(session: Session) -> Iterator[_Found]:
    for row in _rows(session, "SELECT id, file_sha256, file_name, LENGTH(content) AS size FROM statement"):
        found = _digest(session, "statement", "content", row.id, row.size)
        if found != bytes(row.file_sha256).hex():
            yield STATEMENT, row.id, f"{row.file_name}: {row.size} bytes of SHA-256 {found}"


def _months(session: Session) -> Iterator[_Found]:
    sizes = "LENGTH(csv) AS csv, LENGTH(pdf) AS pdf"
    for row in _rows(session, f"SELECT id, partner_id, first_day, manifest, {sizes} FROM period_close"):  # noqa: S608
        told = json.loads(row.manifest)
        for column, name in (("csv", "etat.csv"), ("pdf", "etat.pdf")):
            size = getattr(row, column)
            # Months closed before the files were kept have none: they are made again when asked for.
            if size is not None and _digest(session, "period_close", column, row.id, size) != told["files"].get(name):
                yield MONTH, row.id, f"{row.first_day}: {name} is another file"
        if told["previous"] != _previous(session, row):
            yield CHAIN, row.id, f"{row.first_day}: another manifest stood before it"
        kept = text("SELECT COUNT(*) FROM statement WHERE partner_id = :partner AND file_sha256 = :digest")
        for one in told["statements"]:
            if not session.scalar(kept, {"partner": row.partner_id, "digest": bytes.fromhex(one["sha256"])}):
                yield CHAIN, row.id, f"{row.first_day}: {one['name']} is not kept"


def _previous(session: Session, row: Any) -> str:
    before = text(
        "SELECT manifest FROM period_close WHERE partner_id = :partner AND first_day < :day "
        "ORDER BY first_day DESC LIMIT 1"
    )
    found = session.scalar(before, {"partner": row.partner_id, "day": row.first_day})
    return hashlib.sha256(found.encode()).hexdigest() if found else ""


def _rows(session: Session, query: str) -> Iterator[Any]:
    """Yield the rows of the table in pages, by their id."""
    ordered = "ORDER BY id LIMIT :most"
    page = session.execute(text(f"{query} {ordered}"), {"most": _PAGE}).all()
    while page:
        yield from page
        after = text(f"{query} WHERE id > :last {ordered}")
        page = session.execute(after, {"most": _PAGE, "last": page[-1].id}).all() if len(page) == _PAGE else []


def _digest(session: Session, table: str, column: str, row_id: object, size: int) -> str:
    """Return the SHA-256 of a value, in hex."""
    portion = text(f"SELECT SUBSTR({column}, :start, :most) FROM {table} WHERE id = :id")  # noqa: S608  # our own names
    digest = hashlib.sha256()
    for start in range(1, size + 1, PORTION):
        digest.update(bytes(session.scalar(portion, {"start": start, "most": PORTION, "id": row_id}) or b""))
    return digest.hexdigest()
