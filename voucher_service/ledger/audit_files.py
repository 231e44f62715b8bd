"""The check of kept statements: what is stored, opened where it is sealed, is the file whose SHA-256 the row says.

A file is read and opened in portions and never held whole here, so the check of many large files takes time and little
memory. The files of closed months are held against their signed manifests in `reconciliation/closing/inspect.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, SealBroken, Vault

PORTION = 8 * 2**20
"""Bytes asked for at once: a compressed value is unpacked for each portion anew."""
_PAGE = 200

STATEMENT = "a stored statement is the file that its SHA-256 says"
FILE_RULES = (STATEMENT,)


def file_findings(session: Session, vault: Vault, *, most: int = 20) -> Iterator[tuple[str, object, str]]:
    """Yield what is wrong, at most `most` rows: (rule, faulty row, what)."""
    for row in _rows(session):
        wrong = _wrong(session, vault, row)
        if wrong and most > 0:
            most -= 1
            name = row.name.decode(errors="replace") if isinstance(row.name, bytes) else row.name
            yield STATEMENT, row.id, f"{name}: {wrong}"


def _rows(session: Session) -> Iterator[Any]:
    """Yield the statements in pages, by their id, without their bytes."""
    # SQLite gives bytes: a name that is no text any more must not stop the check.
    name = "CAST(file_name AS BLOB)" if session.get_bind().dialect.name == "sqlite" else "file_name"
    of = f"SELECT id, file_sha256, {name} AS name, LENGTH(content) AS size FROM statement"  # noqa: S608  # ours
    ordered = "ORDER BY id LIMIT :most"
    page = session.execute(text(f"{of} {ordered}"), {"most": _PAGE}).all()
    after = text(f"{of} WHERE id > :last {ordered}")
    while page:
        yield from page
        page = session.execute(after, {"most": _PAGE, "last": page[-1].id}).all() if len(page) == _PAGE else []


def _wrong(session: Session, vault: Vault, row: Any) -> str:
    """Return what is wrong with a file; nothing when it is right, sealed or, as former versions kept it, in clear."""
    said, name = bytes(row.file_sha256).hex(), str(row.id)
    name = name if "-" in name else f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
    opener = vault.file_opener(Place("statement", said, name), row.size)
    stored, opened = hashlib.sha256(), hashlib.sha256()
    for part in _portions(session, row):
        stored.update(part)
        opened.update(opener.update(part))
    if stored.hexdigest() == said:
        return ""
    try:
        opener.check()
    except SealBroken:
        return f"{row.size} bytes that are not the file, and do not open as it"
    return "" if opened.hexdigest() == said else "it opens, and is another file"


def _portions(session: Session, row: Any) -> Iterator[bytes]:
    portion = text("SELECT SUBSTR(content, :start, :most) FROM statement WHERE id = :id")
    for start in range(1, row.size + 1, PORTION):
        yield bytes(session.scalar(portion, {"start": start, "most": PORTION, "id": row.id}) or b"")
