"""The link to a voucher's own page: nothing is stored, and nobody can make one up.

A token is the voucher's id (16 bytes) and 16 bytes of a keyed hash over it, in URL-safe base64: 43 characters.
Guessing one means guessing 128 bits.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final
from uuid import UUID

from voucher_service.crypto import Vault

_MAC_SIZE: Final = 16
_LENGTH: Final = 43  # 32 bytes in base64, without padding


def link_token(vault: Vault, voucher_id: UUID) -> str:
    """Return the token of the page of this voucher: always the same, 43 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(voucher_id.bytes + _mac(vault, voucher_id)).decode().rstrip("=")


def open_link(vault: Vault, token: str) -> UUID | None:
    """Return the id of the voucher whose page this is, or None when the token is not one of ours."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    voucher_id = UUID(bytes=raw[:16])
    # Compared as text, so that the last character's spare bits cannot make a second token for one voucher.
    ours = link_token(vault, voucher_id)
    return voucher_id if hmac.compare_digest(ours.encode(), token.encode()) else None


def _mac(vault: Vault, voucher_id: UUID) -> bytes:
    return vault.lookup("voucher-link", str(voucher_id))[:_MAC_SIZE]
