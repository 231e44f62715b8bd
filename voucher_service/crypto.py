"""Keys at rest: one master key, keys derived from it by name, fields sealed under keys of their own.

Personal fields are sealed with AES-256-GCM-SIV under a key that belongs to one person or one visit; that
key is itself wrapped by the master key. Destroying the wrapped key erases the person wherever no older copy
of that key is kept (docs/decisions/0010-erasing-a-person.md). Every sealed value is bound to its table,
column and row.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16


class SealBroken(Exception):
    """A sealed value does not belong where it stands, or its key is not the one it was sealed with."""


class Place(NamedTuple):
    """Where a sealed value stands. It cannot be moved to another row and still open."""

    table: str
    column: str
    row: str

    def bound(self) -> bytes:
        """Return the associated data: length-prefixed, so that no two places read alike."""
        return _VERSION + b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in self)


def seal(key: bytes, place: Place, plain: bytes) -> bytes:
    """Return version + nonce + ciphertext of `plain` under the 32-byte `key`, bound to `place`."""
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + AESGCMSIV(key).encrypt(nonce, plain, place.bound())


def unseal(key: bytes, place: Place, sealed: bytes) -> bytes:
    """Return what `seal` was given.

    Raises:
        SealBroken: the value was altered, moved, or sealed with another key.
    """
    if sealed[:1] != _VERSION:
        raise SealBroken(f"{place.table}.{place.column}: unknown seal version")
    try:
        return AESGCMSIV(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place.bound())
    except InvalidTag as error:
        raise SealBroken(f"{place.table}.{place.column}: the seal does not open") from error


class FileOpener:
    """Opens a sealed file in portions. What it gives out is worth nothing before `check` has passed."""

    def __init__(self, key: bytes, size: int) -> None:
        """Begin with the first of `size` bytes."""
        self._left = max(size - _TAG, 0)
        self._tag = b""
        self._cipher = Cipher(AES(key), GCM(bytes(_NONCE))).decryptor()

    def update(self, part: bytes) -> bytes:
        """Return the next part, opened; the seal at the end is none of it."""
        body, rest = part[: self._left], part[self._left :]
        self._left -= len(body)
        self._tag += rest
        return self._cipher.update(body)

    def check(self) -> None:
        """Raise SealBroken unless what was given is just what was sealed."""
        if len(self._tag) != _TAG:
            raise SealBroken("the file is too short for a sealed one")
        try:
            self._cipher.finalize_with_tag(self._tag)
        except InvalidTag as error:
            raise SealBroken("the file does not open") from error


class Vault:
    """The master key (32 bytes) and what is derived from it. It never leaves this object.

    Given a function, the key is read when first needed: commands that make or move the key run without one.
    """

    def __init__(self, master: bytes | Callable[[], bytes]) -> None:
        self._load = master if callable(master) else lambda: master
        self._subkeys: dict[str, bytes] = {}

    @cached_property
    def _master(self) -> bytes:
        master = self._load()
        assert len(master) == 32, "the master key is 32 bytes"
        return master

    @cached_property
    def _wrapping(self) -> bytes:
        return self.subkey("wrapping")

    def subkey(self, label: str) -> bytes:
        """Return the 32-byte key for the purpose `label` (HKDF-SHA256, RFC 5869)."""
        known = self._subkeys.get(label)
        if known is None:
            info = f"coup-de-pouce/{label}".encode()
            known = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._master)
            self._subkeys[label] = known
        return known

    def lookup(self, label: str, text: str) -> bytes:
        """Return a 32-byte keyed hash to find `text` by, without storing it in clear."""
        return hmac.digest(self.subkey(f"lookup/{label}"), text.encode(), hashlib.sha256)

    def new_key(self, place: Place) -> tuple[bytes, bytes]:
        """Return a fresh 32-byte key and its wrapped form for the row at `place`."""
        key = os.urandom(32)
        return key, seal(self._wrapping, place, key)

    def open_key(self, place: Place, wrapped: bytes) -> bytes:
        """Return the key that `new_key` wrapped for `place`. Raises SealBroken when it is not ours."""
        return unseal(self._wrapping, place, wrapped)

    def seal(self, place: Place, plain: bytes) -> bytes:
        """Seal a secret of the programme itself (a signing key, a recharge PIN) under the master key."""
        return seal(self._wrapping, place, plain)

    def seal_file(self, place: Place, plain: bytes) -> bytes:
        """Seal a whole file under a key of its own, six times faster than `seal` (AES-256-GCM).

        The column of `place` is the SHA-256 of `plain` in hex: the key never seals anything else, so that it needs no
        nonce, and nothing is copied to put one before the file.
        """
        return AESGCM(self._file_key(place)).encrypt(bytes(_NONCE), plain, None)

    def seal_pieces(self, place: Place, plain: bytes) -> Iterator[bytes]:
        """Yield what `seal_file` makes a mebibyte at a time: a large file then stands in memory once."""
        sealing = Cipher(AES(self._file_key(place)), GCM(bytes(_NONCE))).encryptor()
        view = memoryview(plain)
        for start in range(0, len(plain), 2**20):
            yield sealing.update(view[start : start + 2**20])
        yield sealing.finalize() + sealing.tag

    def open_file(self, place: Place, sealed: bytes) -> bytes:
        """Open what `seal_file` made. Raises SealBroken."""
        try:
            return AESGCM(self._file_key(place)).decrypt(bytes(_NONCE), sealed, None)
        except InvalidTag as error:
            raise SealBroken(f"{place.table}: the file does not open") from error

    def file_opener(self, place: Place, size: int) -> FileOpener:
        """Return what opens, in portions, what `seal_file` made: `size` bytes of it."""
        return FileOpener(self._file_key(place), size)

    def _file_key(self, place: Place) -> bytes:
        return hmac.digest(self.subkey("files"), place.bound(), hashlib.sha256)

    def unseal(self, place: Place, sealed: bytes) -> bytes:
        """Open what `Vault.seal` made. Raises SealBroken."""
        return unseal(self._wrapping, place, sealed)
