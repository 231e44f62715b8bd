"""The file of a statement, at rest: sealed, since it may name telephone numbers in any column, read or not.

Its SHA-256 is that of the file as it came. See docs/decisions/0018-a-statement-is-kept-sealed.md.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from voucher_service.crypto import Place, Vault
from voucher_service.reconciliation.models import Statement


def sealed_file(vault: Vault, statement_id: UUID, content: bytes, digest: bytes) -> bytes:
    """Return the file, whose SHA-256 is `digest`, as it is kept, bound to its statement."""
    return vault.seal_file(_place(statement_id, digest), content)


def file_of(vault: Vault, statement: Statement) -> bytes:
    """Return the file as it came, byte for byte.

    Raises:
        SealBroken: what is kept was altered, or belongs to another statement.
    """
    kept = statement.content
    if hashlib.sha256(kept).digest() == statement.file_sha256:
        return kept  # in clear, as versions before sealing kept it
    return vault.open_file(_place(statement.id, statement.file_sha256), kept)


def _place(statement_id: UUID, digest: bytes) -> Place:
    return Place("statement", digest.hex(), str(statement_id))
