"""Checkpoints as signed notes: C2SP tlog-checkpoint and signed-note, Ed25519 (https://c2sp.org/signed-note).

The first key is derived from the master key for this purpose alone. Its name, the log's origin, carries the first
digits of its hash: the same master key always means the same log, and another key can never be mistaken for it.
Later keys keep the name (`ring.py`); the digits before a signature tell them apart.
"""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from voucher_service.crypto import Vault

_ED25519 = b"\x01"
_DASH = "\u2014"


class NoteBroken(Exception):
    """A checkpoint is not in the form, or not signed by this log."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a checkpoint states: the root over the first `size` leaves of the log `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note's text, which the signature covers."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class LogKey:
    """The public side of the log's key: its name and its 32 bytes."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that stand before a signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def text(self) -> str:
        """Return the verifier key, the one line a partner keeps: name+id+key."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the key that the line says. Raises NoteBroken when it is not the way we write one."""
        name, _, rest = text.partition("+")
        try:
            key = cls(name, base64.b64decode(rest[9:], validate=True)[1:])
        except binascii.Error as error:
            raise NoteBroken("not a verifier key") from error
        if len(key.public) != 32 or key.text() != text:
            raise NoteBroken("not a verifier key")
        return key


class Signer:
    """Signs in one name: with its first key, made from the master key for `label`, unless `with_key` says another."""

    def __init__(self, vault: Vault, label: str, name: str) -> None:
        self.vault = vault
        self._private = Ed25519PrivateKey.from_private_bytes(vault.subkey(label))
        public = self._private.public_key().public_bytes_raw()
        self.key = LogKey(f"{name}/{hashlib.sha256(public).hexdigest()[:8]}", public)

    def with_key(self, private: Ed25519PrivateKey) -> Self:
        """Return what signs in the same name with another key."""
        made = copy.copy(self)
        made._private = private
        made.key = LogKey(self.key.name, private.public_key().public_bytes_raw())
        return made

    def signature(self, content: bytes) -> bytes:
        """Return the 64 bytes that sign `content`."""
        return self._private.sign(content)

    def line(self, text: str) -> str:
        """Return the line of a note's end that signs `text`."""
        signature = base64.b64encode(self.key.key_id + self.signature(text.encode())).decode()
        return f"{_DASH} {self.key.name} {signature}\n"


class LogSigner(Signer):
    """Signs checkpoints of this installation's log."""

    def __init__(self, vault: Vault, organisation: int) -> None:
        super().__init__(vault, "ledger-log", f"coup-de-pouce/ledger/{organisation}")

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed checkpoint."""
        text = Tree(self.key.name, size, root).text()
        return f"{text}\n{self.line(text)}"


def open_note(note: str, key: LogKey) -> Tree:
    """Return what the checkpoint states, once its signature is checked.

    Raises:
        NoteBroken: it is not in the form, or not signed with `key`.
    """
    text, blank, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not blank or not note.endswith("\n") or len(lines) < 3 or lines[0] != key.name or not lines[1].isdecimal():
        raise NoteBroken("not a checkpoint of this log")
    try:
        root = _from_base64(lines[2])
        good = signed_by(note, key)
    except (binascii.Error, ValueError) as error:
        raise NoteBroken("not in the form of a checkpoint") from error
    if len(root) != 32 or not good:
        raise NoteBroken("not signed by this log")
    return Tree(lines[0], int(lines[1]), root)


def signed_by(note: str, key: LogKey) -> bool:
    """Say whether the key signed the note. Raises ValueError when a line of its end is no signature at all."""
    text, _, signatures = note.partition("\n\n")
    signed = [_signature(line, key) for line in signatures.removesuffix("\n").split("\n")]
    return any(one is not None and verifies(key, one, f"{text}\n".encode()) for one in signed)


def _signature(line: str, key: LogKey) -> bytes | None:
    """Return the signature on the line if it names the key; lines of other keys are for others."""
    dash, name, encoded = line.split(" ")
    raw = _from_base64(encoded)
    return raw[4:] if dash == _DASH and name == key.name and raw[:4] == key.key_id else None


def _from_base64(text: str) -> bytes:
    """Return the bytes, if this is the one way to write them: bits that mean nothing must be zero."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def verifies(key: LogKey, signature: bytes, message: bytes) -> bool:
    """Say whether the signature is that of the message, by the key."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
