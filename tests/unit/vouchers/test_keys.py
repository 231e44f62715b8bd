"""Public key records: ranges, the points that would believe anything, and the published sets."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pycose.keys.cosekey import CoseKey

from voucher_service.vouchers import keys
from voucher_service.vouchers.keys import KeyStatus, PublicKeyRecord

IDENTITY = b"\x01" + bytes(31)


def accepts_anything(public_key: bytes) -> bool:
    """Whether one made-up signature verifies for some of a few messages nobody signed."""
    key = Ed25519PublicKey.from_public_bytes(public_key)
    for number in range(64):
        try:
            key.verify(IDENTITY + bytes(32), b"never signed %d" % number)
        except InvalidSignature:
            continue
        return True
    return False


def test_points_of_small_order_are_refused_because_they_believe_anything(record: PublicKeyRecord) -> None:
    assert len(keys._SMALL_ORDER) == 8
    for point in keys._SMALL_ORDER:
        assert accepts_anything(point)
        with pytest.raises(ValueError, match="accepts forged signatures"):
            replace(record, public_key=point)
    assert not accepts_anything(record.public_key)


def test_points_written_in_a_second_way_are_refused(record: PublicKeyRecord) -> None:
    for height in range(2**255 - 19, 2**255):
        with pytest.raises(ValueError, match="accepts forged signatures"):
            replace(record, public_key=height.to_bytes(32, "little"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"organisation": 65536}, "organisation must be"),
        ({"key_id": 256}, "key_id must be"),
        ({"public_key": bytes(31)}, "must be 32 bytes, not 31"),
    ],
)
def test_a_field_out_of_range_is_named(record: PublicKeyRecord, change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(record, **change)  # type: ignore[arg-type]


def test_two_keys_of_one_name_are_refused(record: PublicKeyRecord) -> None:
    assert keys.by_pair([record]) == {(0x29DD, 0x7A): record}
    with pytest.raises(ValueError, match="two keys claim organisation 10717, key_id 122"):
        keys.by_pair([record, replace(record, status=KeyStatus.RETIRED)])


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, 300])
def test_the_cose_key_set_is_the_canonical_cbor_of_the_keys(record: PublicKeyRecord, count: int) -> None:
    records = [replace(record, organisation=number // 100, key_id=number % 100) for number in range(count)]
    published = keys.cose_key_set(reversed(records))
    decoded = cbor2.loads(published)
    assert cbor2.dumps(decoded, canonical=True) == published
    assert [entry[2] for entry in decoded] == [bytes([0, n // 100, n % 100]) for n in range(count)]
    for entry in decoded[:2]:
        key: Any = CoseKey.from_dict(entry)
        assert (key.kty.fullname, key.crv.fullname, key.x) == ("OKP", "ED25519", record.public_key)


def test_revoked_keys_are_not_published(record: PublicKeyRecord) -> None:
    retired = replace(record, key_id=1, status=KeyStatus.RETIRED)
    revoked = replace(record, key_id=2, status=KeyStatus.REVOKED)
    assert [key["kid"] for key in keys.jwks([record, revoked, retired])["keys"]] == ["10717-1", "10717-122"]
    assert [entry[2][2] for entry in cbor2.loads(keys.cose_key_set([record, revoked, retired]))] == [1, 122]


def test_the_jwks_carries_the_key(record: PublicKeyRecord) -> None:
    (key,) = keys.jwks([record])["keys"]
    assert base64.urlsafe_b64decode(key["x"] + "=") == record.public_key
    assert (key["kty"], key["crv"], key["alg"], key["status"]) == ("OKP", "Ed25519", "EdDSA", "active")


def test_the_fingerprint_is_the_thumbprint_of_rfc_8037(record: PublicKeyRecord) -> None:
    """RFC 8037, appendix A.3: the example key and its thumbprint."""
    example = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    thumbprint = base64.urlsafe_b64decode("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k=")
    printed = keys.fingerprint(replace(record, public_key=example))
    assert bytes.fromhex(printed) == thumbprint
    assert printed.count(" ") == 15


def test_the_thumbprint_of_another_key_differs(record: PublicKeyRecord) -> None:
    other = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"other").digest()).public_key()
    assert keys.fingerprint(record) != keys.fingerprint(replace(record, public_key=other.public_bytes_raw()))
