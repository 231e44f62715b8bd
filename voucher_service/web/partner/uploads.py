"""A file between its first sight and its import: on disk under its partner and hash, sealed, for a day at most."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from voucher_service.crypto import Place, SealBroken, Vault
from voucher_service.errors import Conflict

KEPT = timedelta(days=1)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(vault: Vault, folder: Path, partner_id: UUID, content: bytes, now: datetime, name: str = "") -> str:
    """Keep `content` and return its SHA-256 in hex; what was never confirmed is removed after a day."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if now.timestamp() - old.stat().st_mtime > KEPT.total_seconds():
            old.unlink(missing_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{partner_id}-{digest}.csv"
    path.unlink(missing_ok=True)  # the same bytes again wait their day anew
    with path.open("wb") as file:
        file.writelines(vault.seal_pieces(_place(partner_id, digest), content))
    path.chmod(0o400)
    beside = path.with_suffix(".name")
    beside.write_text("".join(c for c in name if c.isprintable())[-200:])
    beside.chmod(0o600)
    return digest


def take(vault: Vault, folder: Path, partner_id: UUID, digest: str) -> bytes:
    """Return what `keep` kept for this partner.

    Raises:
        Conflict: it is gone, or not what was kept: the file must be chosen again.
    """
    path = folder / f"{partner_id}-{digest}.csv"
    sealed = path.read_bytes() if _DIGEST.fullmatch(digest) and path.exists() else b""
    try:
        return vault.open_file(_place(partner_id, digest), sealed)
    except SealBroken:
        raise Conflict("Ce fichier n’est plus en attente : choisissez-le à nouveau.", code="upload_gone") from None


def _place(partner_id: UUID, digest: str) -> Place:
    return Place("upload", digest, str(partner_id))


def name_of(folder: Path, partner_id: UUID, digest: str) -> str:
    """Return the name the file came under."""
    beside = folder / f"{partner_id}-{digest}.name"
    return beside.read_text() if _DIGEST.fullmatch(digest) and beside.exists() else ""


def drop(folder: Path, partner_id: UUID, digest: str) -> None:
    """Forget the file once it is imported, or when it is not wanted."""
    if _DIGEST.fullmatch(digest):
        for suffix in ("csv", "name"):
            (folder / f"{partner_id}-{digest}.{suffix}").unlink(missing_ok=True)
