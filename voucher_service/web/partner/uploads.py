"""A file between its preview and its confirmation: on disk under its partner and hash, for a day at most."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from voucher_service.errors import Conflict

KEPT = timedelta(days=1)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(folder: Path, partner_id: UUID, content: bytes, now: datetime) -> str:
    """Keep `content` and return its SHA-256 in hex; what was never confirmed is removed after a day."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if now.timestamp() - old.stat().st_mtime > KEPT.total_seconds():
            old.unlink(missing_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{partner_id}-{digest}.csv"
    path.write_bytes(content)
    path.chmod(0o600)
    return digest


def take(folder: Path, partner_id: UUID, digest: str) -> bytes:
    """Return what `keep` kept for this partner.

    Raises:
        Conflict: it is gone: the file must be chosen again.
    """
    path = folder / f"{partner_id}-{digest}.csv"
    if not _DIGEST.fullmatch(digest) or not path.exists():
        raise Conflict("Ce fichier n’est plus en attente : choisissez-le à nouveau.", code="upload_gone")
    return path.read_bytes()


def drop(folder: Path, partner_id: UUID, digest: str) -> None:
    """Forget the file once it is imported."""
    (folder / f"{partner_id}-{digest}.csv").unlink(missing_ok=True)
