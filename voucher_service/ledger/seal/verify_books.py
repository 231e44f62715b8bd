"""Check a proof from Coup de Pouce yourself. It needs Python 3.9 or newer and `pip install cryptography`.

    python verify_books.py PROOF.json --key KEY               a gift, a voucher, a top-up: is it in the books?
    python verify_books.py PROOF.json --key KEY --old OLD     and do these books only add to those of OLD?
    python verify_books.py LEAVES.csv --key KEY --checkpoint NOTE     the same for an exported list
    ... --keys KEYS      when the log's key was changed: KEYS is /ledger/keys, each change signed by both its keys

KEY is the line that you were given when the first gift was agreed; do not take it from the same page as the proof.
OLD and NOTE are files that hold a checkpoint. With --keys, KEY may be any of the log's keys, old or new.
Exit code 0: everything holds. Formats: RFC 6962, C2SP tlog-checkpoint.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

VERSION = "coup-de-pouce transfer 1"
FIELDS = [
    "id", "unit", "quantity", "source", "destination", "reason", "object_kind", "object_id",
    "occurred_at", "recorded_at", "resolves", "corrects", "private",
]  # fmt: skip


def sha(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def leaf_of(row: Mapping[str, object]) -> bytes:
    """The leaf hash of one transfer, taken again from its facts."""
    return sha(b"\x00" + "\n".join([VERSION] + [str(row[name]) for name in FIELDS] + [""]).encode())


def signed(text: str, signatures: str, key: str) -> str:
    """Check that the key signed the text; return the log's name."""
    name, key_id, public = key.strip().split("+", 2)
    raw = base64.b64decode(public)
    if sha(name.encode() + b"\n" + raw)[:4].hex() != key_id or raw[0] != 1:
        raise ValueError("the key is damaged")
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], (text + "\n").encode())
            return name
    raise ValueError(f"not signed with the key {key_id}")


def follow(told: str, key: str) -> list[tuple[str, int]]:
    """The log's keys, oldest first, each with the number of movements from which on it no longer speaks."""
    parts = [part.strip() for part in told.split("\n\n") if part.strip()]
    ring: list[tuple[str, int]] = []
    last = key
    for at in range(0, len(parts), 2):
        text, signatures = parts[at : at + 2]
        mark, old, new, size = text.split("\n")
        if (ring and old != last) or int(size) < (ring[-1][1] if ring else 0):
            raise ValueError("a change of the key does not follow the one before")
        names = {signed(text, signatures, one) + " key change" for one in (old, new)}
        if names != {mark}:
            raise ValueError("a change of the key is of another log")
        ring.append((old, int(size)))
        last = new
    ring.append((last, sys.maxsize))
    if key not in [one for one, _ in ring]:
        raise ValueError("your key is none of this log's")
    return ring


def open_checkpoint(note: str, ring: Sequence[tuple[str, int]]) -> tuple[int, bytes]:
    """Return (size, root) once the signature is checked, by the key that spoke for so many movements."""
    text, _, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if lines[0] != signed(text, signatures, next(key for key, end in ring if int(lines[1]) <= end)):
        raise ValueError("the checkpoint is of another log")
    return int(lines[1]), base64.b64decode(lines[2])


def root_from(leaf: bytes, number: int, size: int, path: Sequence[bytes]) -> bytes:
    """RFC 9162, section 2.1.3.2: the root that the leaf and its path lead to."""
    if not 0 <= number < size:
        raise ValueError("the leaf's number lies outside the tree")
    at, last, root = number, size - 1, leaf
    for part in path:
        if last == 0:
            raise ValueError("the path is too long")
        if at & 1 or at == last:
            root = sha(b"\x01" + part + root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = sha(b"\x01" + root + part)
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return root


def grows(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2: does the new tree begin with the old one?"""
    if old == new:
        return old_root == new_root and not path
    if not 0 < old < new or not path:
        return False
    path = [old_root, *path] if old & (old - 1) == 0 else path
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = sha(b"\x01" + part + first), sha(b"\x01" + part + second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = sha(b"\x01" + second + part)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def unhex(words: Sequence[str]) -> list[bytes]:
    """Hashes from their hexadecimal form."""
    return [bytes.fromhex(word) for word in words]


def read(name: str, checkpoint: str) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """Return (note, rows, consistency) of a proof or of an exported list."""
    text = Path(name).read_text(encoding="utf-8-sig")
    if name.endswith(".csv"):
        rows = [dict(row, path=row["path"].split()) for row in csv.DictReader(io.StringIO(text), delimiter=";")]
        return Path(checkpoint).read_text(encoding="utf-8"), rows, {}
    proof = json.loads(text)
    return proof["checkpoint"], proof["leaves"], proof.get("consistency") or {}


def prove(given: argparse.Namespace) -> None:
    """Check everything; the first thing that does not hold raises."""
    note, rows, grown = read(given.file, given.checkpoint or "")
    key = given.key.strip()
    ring = follow(Path(given.keys).read_text(encoding="utf-8"), key) if given.keys else [(key, sys.maxsize)]
    size, root = open_checkpoint(note, ring)
    print(f"checkpoint: {size} movements, root {root.hex()}: the signature holds")
    for row in rows:
        if root_from(leaf_of(row), int(row["number"]), size, unhex(row["path"])) != root:
            raise ValueError(f"movement {row['id']} is NOT in the books as it is told here")
    print(f"{len(rows)} movements told: each is in the books exactly so")
    if given.old:
        old, old_root = open_checkpoint(Path(given.old).read_text(encoding="utf-8"), ring)
        if not grows(old, old_root, size, root, unhex(grown.get("path", []))):
            raise ValueError(f"it is not shown that the books begin with those of {old} movements")
        print(f"consistency: nothing of the first {old} movements was changed")
    if ring[-1][0] != key:
        print(f"the log's key is now another, signed by yours; keep it:\n{ring[-1][0]}")


def main() -> None:
    """Read the command line; say what was found."""
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("file")
    wanted.add_argument("--key", required=True)
    wanted.add_argument("--checkpoint", help="the checkpoint that a CSV list is held against")
    wanted.add_argument("--old", help="a checkpoint that you kept")
    wanted.add_argument("--keys", help="the changes of the log's key: what /ledger/keys says")
    try:
        prove(wanted.parse_args())
    except InvalidSignature:
        sys.exit("NOT PROVED: the signature is not of this checkpoint")
    except (ValueError, KeyError, TypeError, OSError) as error:
        sys.exit(f"NOT PROVED: {error!r}")
    print("PROVED")


if __name__ == "__main__":
    main()
