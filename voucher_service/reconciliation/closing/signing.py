"""The signature on a manifest: Ed25519, under a key of its own derived from the master key."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from voucher_service.crypto import Vault


def _private(vault: Vault) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(vault.subkey("agreed-statements"))


def public_key(vault: Vault) -> bytes:
    """Return the 32 bytes to check manifests with."""
    return _private(vault).public_key().public_bytes_raw()


def sign(vault: Vault, manifest: str) -> bytes:
    """Return the 64 bytes of the signature."""
    return _private(vault).sign(manifest.encode())


def holds(public: bytes, manifest: str, signature: bytes) -> bool:
    """Say whether the signature is that of the manifest."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, manifest.encode())
    except InvalidSignature:
        return False
    return True
