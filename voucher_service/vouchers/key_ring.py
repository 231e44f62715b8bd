"""The organisation's signing keys: making, rotating, revoking; and the secrets of typed codes and serials."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.errors import N_, Conflict, NotFound, NotReady
from voucher_service.vouchers import typed_code
from voucher_service.vouchers.code import VoucherBody, sign, to_digits
from voucher_service.vouchers.keys import KeyAlgorithm, KeyStatus, PublicKeyRecord, by_pair
from voucher_service.vouchers.models import SigningKey, Voucher

FRESH_FOR = timedelta(seconds=30)
"""How long a process may believe its copy of the key set: a revoked key is known everywhere after this."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What goes on paper: the digits in the QR code and the 16 typed digits."""

    digits: str
    typed: str


class KeyRing:
    """The keys of one process. Opened private keys stay in memory only; public keys are re-read every 30 s."""

    def __init__(self, vault: Vault, organisation: int) -> None:
        self.organisation = organisation
        self._vault = vault
        self._lock = threading.Lock()
        self._records: Mapping[tuple[int, int], PublicKeyRecord] = {}
        self._read_at: datetime | None = None
        self._private: dict[int, Ed25519PrivateKey] = {}

    @cached_property
    def serial_secret(self) -> bytes:
        """The secret that shuffles serials."""
        return self._vault.subkey("serials")

    @cached_property
    def _typed_secret(self) -> bytes:
        return self._vault.subkey("typed-code")

    @cached_property
    def _typed_pepper(self) -> bytes:
        return self._vault.subkey("typed-code-lookup")

    def public_keys(self, session: Session, now: datetime) -> Mapping[tuple[int, int], PublicKeyRecord]:
        """Return every public key by (organisation, key id), at most 30 s old."""
        with self._lock:
            if self._read_at is not None and now - self._read_at < FRESH_FOR:
                return self._records
        rows = session.execute(
            select(
                SigningKey.organisation,
                SigningKey.key_id,
                SigningKey.algorithm,
                SigningKey.public_key,
                SigningKey.status,
            )
        ).all()
        records = by_pair(
            PublicKeyRecord(organisation, key_id, KeyAlgorithm(algorithm), public_key, KeyStatus(status))
            for organisation, key_id, algorithm, public_key, status in rows
        )
        with self._lock:
            self._records, self._read_at = records, now
        return records

    def forget(self) -> None:
        """Drop the copies, so that the next use reads the keys again."""
        with self._lock:
            self._read_at = None
            self._private.clear()

    def add_key(self, session: Session, now: datetime) -> int:
        """Make a new active key and return its id; the key active before retires and goes on verifying.

        Raises:
            Conflict: `key_ids_used_up`: 256 keys were made.
        """
        last = session.scalar(select(func.max(SigningKey.key_id)).where(SigningKey.organisation == self.organisation))
        key_id = 1 if last is None else last + 1
        if key_id > 255:
            raise Conflict("Les 255 numéros de clé sont pris.", code="key_ids_used_up")
        session.execute(
            update(SigningKey)
            .where(SigningKey.organisation == self.organisation, SigningKey.status == KeyStatus.ACTIVE.value)
            .values(status=KeyStatus.RETIRED.value, status_at=now)
        )
        private = Ed25519PrivateKey.generate()
        session.add(
            SigningKey(
                organisation=self.organisation,
                key_id=key_id,
                algorithm=KeyAlgorithm.ED25519.value,
                public_key=private.public_key().public_bytes_raw(),
                private_sealed=self._vault.seal(self._place(key_id), private.private_bytes_raw()),
                status=KeyStatus.ACTIVE.value,
                next_serial=0,
                created_at=now,
                status_at=now,
            )
        )
        session.flush()
        self.forget()
        return key_id

    def revoke(self, session: Session, key_id: int, now: datetime) -> None:
        """Stop believing the key on its own: its vouchers pass only where the books are at hand.

        Raises:
            NotFound: there is no such key.
        """
        revoked = session.scalar(
            update(SigningKey)
            .where(SigningKey.organisation == self.organisation, SigningKey.key_id == key_id)
            .values(status=KeyStatus.REVOKED.value, status_at=now)
            .returning(SigningKey.key_id)
        )
        if revoked is None:
            raise NotFound("Il n’y a pas de clé n° {key_id}.", key_id=key_id)
        self.forget()

    def wait_turn(self, session: Session) -> None:
        """Wait until every issue that began before has ended; the turn lasts as long as the transaction.

        What is read after it (the cap, what a gift has left, whether this very request was served) is then
        final: nobody is refused for a race. It is always taken first, so that no two issues wait crosswise.
        """
        session.execute(
            select(SigningKey.key_id)
            .where(SigningKey.organisation == self.organisation, SigningKey.status == KeyStatus.ACTIVE.value)
            .with_for_update()
        )

    def take_serials(self, session: Session, count: int) -> tuple[int, int]:
        """Take `count` consecutive counters of the active key; return (key id, first counter).

        Raises:
            NotReady: no key is active.
        """
        taken = session.execute(
            update(SigningKey)
            .where(SigningKey.organisation == self.organisation, SigningKey.status == KeyStatus.ACTIVE.value)
            .values(next_serial=SigningKey.next_serial + count)
            .returning(SigningKey.key_id, SigningKey.next_serial)
        ).one_or_none()
        if taken is None:
            raise NotReady("Aucune clé de signature n’est active : créez-en une avec `flask keys rotate`.")
        return taken[0], taken[1] - count

    def printed(self, session: Session, voucher: Voucher) -> Printed:
        """Return the voucher's codes, made again from the key ring."""
        token = sign(body_of(voucher), self._private_key(session, voucher.key_id))
        return Printed(digits=to_digits(token), typed=typed_code.derive(self._typed_secret, voucher.id))

    def typed_lookup_of(self, code: str) -> bytes:
        """Return the keyed hash under which a checked 16-digit code is found."""
        return typed_code.lookup_hash(self._typed_pepper, code)

    def typed_lookup_for(self, voucher_id: UUID) -> bytes:
        """Return the keyed hash of the typed code that belongs to a voucher id."""
        return self.typed_lookup_of(typed_code.derive(self._typed_secret, voucher_id))

    def _private_key(self, session: Session, key_id: int) -> Ed25519PrivateKey:
        known = self._private.get(key_id)
        if known is not None:
            return known
        sealed = session.scalar(
            select(SigningKey.private_sealed).where(
                SigningKey.organisation == self.organisation, SigningKey.key_id == key_id
            )
        )
        if sealed is None:
            told = N_("La clé de signature n° {key_id} n’est plus conservée : ce bon doit être remplacé.")
            raise NotReady(told, key_id=key_id)
        opened = Ed25519PrivateKey.from_private_bytes(self._vault.unseal(self._place(key_id), sealed))
        self._private[key_id] = opened
        return opened

    def _place(self, key_id: int) -> Place:
        return Place("signing_key", "private_sealed", f"{self.organisation}/{key_id}")


def body_of(voucher: Voucher) -> VoucherBody:
    """Return what the voucher's code says."""
    return VoucherBody(
        organisation=voucher.organisation,
        key_id=voucher.key_id,
        serial=voucher.serial,
        nonce=voucher.nonce,
        offer_code=voucher.offer_code,
        value=voucher.quantity,
        last_day=voucher.last_day,
    )
