"""Check a proof from Coup de Pouce yourself, with Python 3.9 or newer and `pip install cryptography`; nothing is sent.

    python verify_books.py PROOF.json --key KEY                     is each movement told here in the books, exactly so?
    python verify_books.py PROOF.json --key KEY --old NOTE          and do these books only add to those of NOTE?
    python verify_books.py LIST.csv --key KEY --checkpoint NOTE     the same for an exported list
    ... --keys KEYS     when the log's key was changed: KEYS is /ledger/keys, KEY any of its keys, old or new

KEY is the line that you were given when the first gift was agreed, not one from beside the proof; NOTE, a checkpoint.
"""

import argparse
import base64
import csv
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELDS = [
    "id", "unit", "quantity", "source", "destination", "reason", "object_kind", "object_id", "occurred_at",
    "recorded_at", "resolves", "corrects", "private",
]  # fmt: skip


def must(holds: object, otherwise: str) -> None:
    """Stop here unless it holds."""
    if not holds:
        raise ValueError(otherwise)


def sha(*parts: bytes) -> bytes:
    """SHA-256 of the parts together: of a zero byte and a leaf, or of a one and the two halves of a tree."""
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_of(row: dict[str, str]) -> bytes:
    """A movement's leaf, made again from what is told of it."""
    return sha(b"\x00", "\n".join(["coup-de-pouce transfer 1", *(str(row[name]) for name in FIELDS), ""]).encode())


def climb(start: bytes, old: int, new: int, path: list[bytes], *, leaf: bool = False) -> tuple[bytes, bytes]:
    """The roots over the first `old` and over all `new` leaves of a tree that a path leads to.

    A tree divides at the largest power of two below its size. At each level the path holds the half beside, the top's
    last. It starts with the last of the `old` leaves, or else where these end: at their root, or at the path's first.
    """
    must(0 < old <= new, "there is no such place in the tree")
    if new == 1 or (old == new and not leaf):
        must(len(path) == (not start), "the path is too long, or too short")
        return start or path[0], start or path[0]
    must(path, "the path is too short")
    left = 1 << (new - 1).bit_length() - 1
    if old <= left:
        first, second = climb(start, old, left, path[:-1], leaf=leaf)
        return first, sha(b"\x01", second, path[-1])
    first, second = climb(start if leaf else b"", old - left, new - left, path[:-1], leaf=leaf)
    return sha(b"\x01", path[-1], first), sha(b"\x01", path[-1], second)


def opened(note: str, key: str, mark: str = "") -> list[str]:
    """The lines of a note, once the log's key is seen to have signed them."""
    must(key.count("+") > 1, "the key is no line of the form name+id+key")
    name, key_id, public = key.split("+", 2)
    raw = base64.b64decode(public)
    must(sha(name.encode(), b"\n", raw)[:4].hex() == key_id, "the key is damaged")
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        signature = base64.b64decode(line.split(" ")[2])
        if line.startswith(f"\u2014 {name} ") and signature[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], f"{text}\n".encode())
            must(text.startswith(f"{name}{mark}\n"), "the note is of another log, or of another kind")
            return text.split("\n")
    raise ValueError(f"not signed with the key {key_id}")


def follow(changes: str, key: str) -> dict[str, int]:
    """The log's keys, oldest first, each with the size of the books up to which it speaks. Both keys sign a change."""
    ring: dict[str, int] = {}
    parts = changes.strip().split("\n\n")
    for at in range(0, len(parts) - 1, 2):
        note = "\n\n".join(parts[at : at + 2])
        _, old, new, size = opened(note, note.split("\n")[1], " key change")
        opened(note, new, " key change")
        must(old == next(reversed(ring), old), "a change of the key does not follow the one before")
        ring |= {old: int(size), new: sys.maxsize}
    must(key in (ring or [key]), "your key is none of this log's")
    return ring or {key: sys.maxsize}


def open_checkpoint(note: str, ring: dict[str, int]) -> tuple[int, bytes]:
    """A checkpoint's size and root, once the key that speaks for books of this size is seen to have signed it."""
    size = int(note.split("\n")[1])
    return size, base64.b64decode(opened(note, next(key for key, end in ring.items() if size <= end))[2])


def prove(file: str, key: str, keys: str, checkpoint: str, old: str) -> None:
    """Check everything that was given."""
    told = {name: Path(name).read_text(encoding="utf-8-sig") for name in (file, keys, checkpoint, old) if name}
    ring = follow(told.get(keys, ""), key)
    proof = {} if checkpoint else json.loads(told[file])
    if checkpoint:
        rows = csv.DictReader(told[file].split("\n"), delimiter=";")
        proof = {"checkpoint": told[checkpoint], "leaves": [row | {"path": row["path"].split()} for row in rows]}
    size, root = open_checkpoint(proof["checkpoint"], ring)
    print(f"checkpoint: {size} movements, root {root.hex()}, signed by the log's key")
    for row in proof["leaves"]:
        path = [bytes.fromhex(part) for part in row["path"]]
        found = climb(leaf_of(row), int(row["number"]) + 1, size, path, leaf=True)[1]
        must(found == root, f"movement {row['id']} is NOT in the books as it is told here")
    must(len({int(row["number"]) for row in proof["leaves"]}) == len(proof["leaves"]), "a movement is told twice")
    print(f"{len(proof['leaves'])} movements told: each is in the books exactly so")
    if old:
        was, old_root = open_checkpoint(told[old], ring)
        both = climb(old_root, was, size, [bytes.fromhex(part) for part in proof["consistency"]["path"]])
        must(both == (old_root, root), f"the books do NOT begin with those of {was} movements")
        print(f"consistency: nothing of the first {was} movements was changed")
    if key != next(reversed(ring)):
        print(f"the log's key is now another, signed by yours; keep it:\n{next(reversed(ring))}")


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("file")
    wanted.add_argument("--key", required=True, type=str.strip)
    for option in ("--keys", "--checkpoint", "--old"):
        wanted.add_argument(option, default="")
    try:
        prove(**vars(wanted.parse_args()))
    except Exception as error:  # whatever goes wrong, nothing is proved
        sys.exit(f"NOT PROVED: {error if type(error) is ValueError else repr(error)}")
    print("PROVED")
