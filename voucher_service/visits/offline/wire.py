"""The bytes that a counter's device signs and seals, and how they are checked and opened (docs/offline.md).

Pure: no database, no clock. Numbers are whole, instants are aware, hashes are SHA-256. A device's key is ECDSA
P-256 because WebCrypto makes such keys, not extractable, on every telephone still in use; signatures are raw
r‖s (IEEE P1363), 64 bytes, as WebCrypto gives them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

POINT_SIZE: Final = 65
SIGNATURE_SIZE: Final = 64
NO_ENTRY: Final = bytes(32)
"""What the first entry of a device names as the one before it."""

_BASE64URL: Final = re.compile("[A-Za-z0-9_-]*")
_NONCE: Final = 12
_TAG: Final = 16
# The order of the group of P-256 (FIPS 186-5): a private number lies between 1 and this.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class BadWire(ValueError):
    """Bytes that are not what the protocol says: another length, a point off the curve, a seal that does not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One acceptance in a device's queue, as signed. `total` is that of `unit` over the device's whole life.

    `age_ms` is how long, by the device's monotonic clock, it had last heard our time; -1 when it does not know.
    """

    device_id: UUID
    seq: int
    scan_id: UUID
    prev: bytes
    organisation: int
    key_id: int
    serial: int
    unit: str
    value: int
    total: int
    accepted_at: datetime
    age_ms: int
    lease_id: UUID
    shift_id: UUID
    sealed_hash: bytes

    def signed_bytes(self) -> bytes:
        """Return what the device signs: one field a line, so that no two entries read alike."""
        lines = (
            "cdp-entry-v1",
            str(self.device_id),
            self.seq,
            str(self.scan_id),
            self.prev.hex(),
            self.organisation,
            self.key_id,
            self.serial,
            self.unit,
            self.value,
            self.total,
            instant(self.accepted_at),
            self.age_ms,
            str(self.lease_id),
            str(self.shift_id),
            self.sealed_hash.hex(),
        )
        return "\n".join(map(str, lines)).encode("ascii")

    def hash(self) -> bytes:
        """Return the 32 bytes by which the next entry names this one. The signature is not in it: it is random."""
        return hashlib.sha256(self.signed_bytes()).digest()


def instant(at: datetime) -> str:
    """Return an instant as JavaScript's `toISOString` writes it: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request_bytes(method: str, path: str, body: bytes) -> bytes:
    """Return what a device signs of a request."""
    return "\n".join(("cdp-request-v1", method, path, hashlib.sha256(body).hexdigest())).encode("ascii")


def enrolment_bytes(code: str, public_key: bytes) -> bytes:
    """Return what a device signs to show that the key it enrols is its own; `code` is ten capitals and digits."""
    return f"cdp-enrol-v1\n{code}\n{public_key.hex()}".encode("ascii")


def unbase64(text: str) -> bytes:
    """Return the bytes of URL-safe base64 without padding. Raises BadWire."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise BadWire("not URL-safe base64")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(raw: bytes) -> str:
    """Return URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def public_point(spki: bytes) -> bytes:
    """Return the 65-byte point of a P-256 public key in SPKI (DER). Raises BadWire: another kind of key."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, TypeError) as error:
        raise BadWire("not a public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadWire("not a P-256 key")
    return _point(key)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether the 64-byte r‖s is the signature of `message` under the 65-byte point."""
    if len(signature) != SIGNATURE_SIZE:
        return False
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def box_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key that a 32-byte secret stands for; the same secret gives the same key."""
    return ec.derive_private_key(int.from_bytes(secret) % (_ORDER - 1) + 1, ec.SECP256R1())


def box_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the 65-byte public point of a box key, which devices seal to."""
    return _point(key.public_key())


def seal_for(
    box: bytes, device_id: UUID, scan_id: UUID, plain: bytes, *, ephemeral: ec.EllipticCurvePrivateKey, nonce: bytes
) -> bytes:
    """Return ephemeral point ‖ nonce ‖ AES-256-GCM ciphertext: what a device does; ours for tests and vectors."""
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), box)
    point = _point(ephemeral.public_key())
    key = _sealing_key(ephemeral.exchange(ec.ECDH(), theirs), point, box)
    return point + nonce + AESGCM(key).encrypt(nonce, plain, _bound(device_id, scan_id))


def open_sealed(key: ec.EllipticCurvePrivateKey, device_id: UUID, scan_id: UUID, sealed: bytes) -> dict[str, Any]:
    """Return the JSON object that a device sealed for this key, device and scan.

    Raises:
        BadWire: it does not open, or what is inside is no JSON object.
    """
    if len(sealed) < POINT_SIZE + _NONCE + _TAG:
        raise BadWire("the sealed part is too short")
    point, nonce, ciphertext = sealed[:65], sealed[65:77], sealed[77:]
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        opened = _sealing_key(key.exchange(ec.ECDH(), theirs), point, box_point(key))
        found = json.loads(AESGCM(opened).decrypt(nonce, ciphertext, _bound(device_id, scan_id)))
    except (ValueError, InvalidTag) as error:
        raise BadWire("the sealed part does not open") from error
    if not isinstance(found, dict):
        raise BadWire("the sealed part holds no JSON object")
    return found


def _sealing_key(shared: bytes, ephemeral: bytes, box: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=ephemeral + box, info=b"cdp-sealed-v1").derive(shared)


def _bound(device_id: UUID, scan_id: UUID) -> bytes:
    return "\n".join(("cdp-sealed-v1", str(device_id), str(scan_id))).encode("ascii")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
