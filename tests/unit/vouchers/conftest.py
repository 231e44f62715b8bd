"""Keys and tokens for the voucher tests: the published test vector and seeded random ones."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from voucher_service.vouchers.code import FIRST_DAY, VoucherBody, sign
from voucher_service.vouchers.keys import KeyAlgorithm, KeyStatus, PublicKeyRecord

ORGANISATION, KEY_ID = 0x29DD, 0x7A


@pytest.fixture(scope="session")
def private_key() -> Ed25519PrivateKey:
    """The key of the test vector."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"bench-ed").digest())


@pytest.fixture(scope="session")
def record(private_key: Ed25519PrivateKey) -> PublicKeyRecord:
    """The active public record of the test vector's key."""
    return PublicKeyRecord(
        organisation=ORGANISATION,
        key_id=KEY_ID,
        algorithm=KeyAlgorithm.ED25519,
        public_key=private_key.public_key().public_bytes_raw(),
        status=KeyStatus.ACTIVE,
    )


@pytest.fixture(scope="session")
def tokens(private_key: Ed25519PrivateKey) -> Callable[[int], list[bytes]]:
    """So many different signed tokens, the same at each run."""

    def make(count: int) -> list[bytes]:
        chance = random.Random(2020)
        return [
            sign(
                VoucherBody(
                    organisation=ORGANISATION,
                    key_id=KEY_ID,
                    serial=chance.getrandbits(32),
                    nonce=chance.getrandbits(32),
                    offer_code=chance.getrandbits(16),
                    value=chance.getrandbits(24),
                    last_day=FIRST_DAY + timedelta(days=chance.getrandbits(16)),
                ),
                private_key,
            )
            for _ in range(count)
        ]

    return make
