"""Public signing keys as plain records, and the two forms in which a key set is published.

Private keys never pass through here; the sealed ones live beside the table of keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_FIELD_PRIME: Final = 2**255 - 19
# One COSE_Key in CBOR, all keys having the same shape: {1 kty: OKP, 2 kid: 3 bytes, …
_COSE_KEY_START: Final = bytes.fromhex("a6 0101 0243")
# … 3 alg: EdDSA, 4 key_ops: [verify], -1 crv: Ed25519, -2 x: 32 bytes}.
_COSE_KEY_REST: Final = bytes.fromhex("0327 048102 2006 215820")
# The eight points of small order. A "signature" under one of them verifies for messages nobody signed.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)


class KeyAlgorithm(StrEnum):
    """How signatures under a key are made; it belongs to the key, a token cannot choose it."""

    ED25519 = "Ed25519"


class KeyStatus(StrEnum):
    """Where a key stands in its life."""

    ACTIVE = "active"  # signs and verifies
    RETIRED = "retired"  # verifies until its last voucher has expired
    REVOKED = "revoked"  # no longer believed: its vouchers need the server's word


@dataclass(frozen=True, slots=True)
class PublicKeyRecord:
    """One public key of one organisation: `organisation` 0–65535, `key_id` 0–255, 32 raw key bytes.

    Raises: ValueError naming the field that is out of its range, or a public key that proves nothing.
    """

    organisation: int
    key_id: int
    algorithm: KeyAlgorithm
    public_key: bytes
    status: KeyStatus

    def __post_init__(self) -> None:
        """Refuse a record that could not verify anything, or would verify everything."""
        if not 0 <= self.organisation < 2**16:
            raise ValueError(f"organisation must be 0 to 65535, not {self.organisation}")
        if not 0 <= self.key_id < 2**8:
            raise ValueError(f"key_id must be 0 to 255, not {self.key_id}")
        if len(self.public_key) != 32:
            raise ValueError(f"public_key must be 32 bytes, not {len(self.public_key)}")
        height = int.from_bytes(self.public_key, "little") & (2**255 - 1)
        if height >= _FIELD_PRIME or self.public_key in _SMALL_ORDER:
            raise ValueError("public_key is a point that accepts forged signatures; make a new key pair")

    @property
    def pair(self) -> tuple[int, int]:
        """(organisation, key_id), the name under which a token asks for this key."""
        return (self.organisation, self.key_id)


def by_pair(records: Iterable[PublicKeyRecord]) -> dict[tuple[int, int], PublicKeyRecord]:
    """The records as the mapping that `code.verify` asks for.

    Raises: ValueError when two records claim one (organisation, key_id).
    """
    mapping: dict[tuple[int, int], PublicKeyRecord] = {}
    for record in records:
        if record.pair in mapping:
            raise ValueError(f"two keys claim organisation {record.organisation}, key_id {record.key_id}")
        mapping[record.pair] = record
    return mapping


def fingerprint(record: PublicKeyRecord) -> str:
    """The RFC 7638 thumbprint (SHA-256) as 64 hexadecimal digits in groups of four, to read out loud."""
    member = f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64url(record.public_key)}"}}'
    digits = hashlib.sha256(member.encode("ascii")).hexdigest()
    return " ".join(digits[start : start + 4] for start in range(0, 64, 4))


def cose_key_set(records: Iterable[PublicKeyRecord]) -> bytes:
    """The keys that may still verify, as a COSE_KeySet (RFC 9052 section 7), ordered by pair.

    A key's `kid` is organisation (2 bytes) then key id (1 byte), big endian. Revoked keys are left out:
    a reader that finds no key must ask the server, which is what a revoked key demands.
    """
    keys = [_COSE_KEY_START + _kid(record) + _COSE_KEY_REST + record.public_key for record in _published(records)]
    if len(keys) > 0xFFFF:
        raise ValueError(f"a key set holds at most 65535 keys, not {len(keys)}")
    # A CBOR array head in its shortest form: inside the first byte, one byte after it, or two.
    count = len(keys)
    head = bytes([0x80 + count]) if count < 24 else bytes([0x98, count]) if count < 256 else b""
    return (head or b"\x99" + count.to_bytes(2, "big")) + b"".join(keys)


def jwks(records: Iterable[PublicKeyRecord]) -> dict[str, list[dict[str, str]]]:
    """The keys that may still verify, as a JSON Web Key Set (RFC 7517, RFC 8037), ordered by pair.

    `kid` is "<organisation>-<key_id>" in decimal. Revoked keys are left out, as in `cose_key_set`.
    """
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": f"{record.organisation}-{record.key_id}",
                "x": _base64url(record.public_key),
                "status": record.status.value,
            }
            for record in _published(records)
        ]
    }


def _published(records: Iterable[PublicKeyRecord]) -> list[PublicKeyRecord]:
    kept = by_pair(record for record in records if record.status is not KeyStatus.REVOKED)
    return [kept[pair] for pair in sorted(kept)]


def _kid(record: PublicKeyRecord) -> bytes:
    return record.organisation.to_bytes(2, "big") + record.key_id.to_bytes(1, "big")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
