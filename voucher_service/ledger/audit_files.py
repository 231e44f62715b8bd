"""The audit's rule for statements: their bytes are those whose SHA-256 the row, and every month that names it, says.

A file is read in portions and never held whole here, so the check of many large files takes time and no memory. The
files of closed months are held against their signed manifests in `reconciliation/closing/inspect.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

PORTION = 8 * 2**20
"""Bytes asked for at once: a compressed value is unpacked for each portion anew."""
_PAGE = 200

STATEMENT = "a stored statement is the file that its SHA-256 says"
FILE_RULES = (STATEMENT,)


def file_findings(session: Session) -> Iterator[tuple[str, object, str]]:
    """Yield what is wrong: (rule, faulty row, what)."""
    for row in _rows(session):
        found = _digest(session, row.id, row.size)
        if found != bytes(row.file_sha256).hex():
            yield STATEMENT, row.id, f"{row.file_name}: {row.size} bytes of SHA-256 {found}"


def _rows(session: Session) -> Iterator[Any]:
    """Yield the statements in pages, by their id, without their bytes."""
    of, ordered = "SELECT id, file_sha256, file_name, LENGTH(content) AS size FROM statement", "ORDER BY id LIMIT :most"
    page = session.execute(text(f"{of} {ordered}"), {"most": _PAGE}).all()
    after = text(f"{of} WHERE id > :last {ordered}")
    while page:
        yield from page
        page = session.execute(after, {"most": _PAGE, "last": page[-1].id}).all() if len(page) == _PAGE else []


def _digest(session: Session, statement_id: object, size: int) -> str:
    """Return the SHA-256 of a file, in hex."""
    portion = text("SELECT SUBSTR(content, :start, :most) FROM statement WHERE id = :id")
    digest = hashlib.sha256()
    for start in range(1, size + 1, PORTION):
        digest.update(bytes(session.scalar(portion, {"start": start, "most": PORTION, "id": statement_id}) or b""))
    return digest.hexdigest()
