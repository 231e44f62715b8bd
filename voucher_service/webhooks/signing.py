"""Signatures as Standard Webhooks has them: HMAC-SHA256 over id.timestamp.payload, one for each secret in force."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"


def new_secret() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(32)


def written(secret: bytes) -> str:
    """Return a secret as a receiver is given it."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(secrets: Iterable[bytes], delivery_id: UUID, body: bytes, now: datetime) -> Mapping[str, str]:
    """Return the headers of one try: `now` is its time, which receivers hold against their clock."""
    stamp = str(int(now.timestamp()))
    content = f"{delivery_id}.{stamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode() for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": str(delivery_id),
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
