"""The tree, the notes and the verifier, each against an implementation that nobody here wrote."""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree

from voucher_service.crypto import Vault
from voucher_service.ledger.seal import canonical, tree, verify_books
from voucher_service.ledger.seal.note import LogSigner, NoteBroken, open_note

LEAVES = [str(number).encode() for number in range(300)]


class Plain:
    """A tree's hashes, made from the leaves each time."""

    def __init__(self) -> None:
        self.leaves = [tree.leaf_hash(content) for content in LEAVES]

    def __call__(self, level: int, number: int) -> bytes:
        return tree.fold(self.leaves[number << level : (number + 1) << level])


@pytest.fixture(scope="module")
def theirs() -> InmemoryTree:
    """The same tree as pymerkle makes it (RFC 9162)."""
    made = InmemoryTree(algorithm="sha256")
    for content in LEAVES:
        made.append_entry(content)
    return made


def test_roots_are_those_of_an_independent_implementation(theirs: InmemoryTree) -> None:
    for size in range(1, len(LEAVES) + 1):
        assert tree.root_of(Plain(), size) == theirs.get_root(size)
    assert tree.root_of(Plain(), 0) == hashlib.sha256(b"").digest()


def test_the_verifier_follows_our_paths_to_their_roots_and_no_other(theirs: InmemoryTree) -> None:
    rng, ours = random.Random(9), Plain()
    for _ in range(400):
        size = rng.randint(1, 300)
        number, old = rng.randrange(size), rng.randint(1, size)
        path, root = tree.inclusion(ours, number, size), theirs.get_root(size)
        assert verify_books.root_from(ours.leaves[number], number, size, path) == root
        grown = tree.consistency(ours, old, size)
        assert verify_books.grows(old, theirs.get_root(old), size, root, grown)
        assert not verify_books.grows(old, bytes(32), size, root, grown)
        assert not verify_books.grows(old, theirs.get_root(old), size, bytes(32), grown)
        if path:
            bent = [*path[:-1], bytes(32)]
            assert verify_books.root_from(ours.leaves[number], number, size, bent) != root
            for wrong in (path[:-1], [*path, bytes(32)]):
                with pytest.raises(ValueError, match="path"):
                    verify_books.root_from(ours.leaves[number], number, size, wrong)


def test_known_roots_of_the_tree_of_certificate_transparency() -> None:
    # The reference tree of the Certificate Transparency code base: eight leaves.
    contents = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [tree.leaf_hash(bytes.fromhex(content)) for content in contents]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, root in roots.items():
        assert tree.root_of(lambda level, number: tree.fold(leaves[number << level : (number + 1) << level]), size) == (
            bytes.fromhex(root)
        )


ROW = (
    UUID("01981a5e-0000-7000-8000-000000000001"), "eur_cent", 500, 120, 130, "redeemed", "order", "a\\b\nc",
    datetime(2026, 3, 4, 11, 0, tzinfo=UTC), datetime(2026, 3, 4, 11, 0, 1, 250, tzinfo=UTC),
    UUID("01981a5e-0000-7000-8000-000000000002"), None, "redeem:1", bytes(range(32)), "staff:1",
)  # fmt: skip
GOLDEN = (
    b"coup-de-pouce transfer 1\n01981a5e-0000-7000-8000-000000000001\neur_cent\n500\n120\n130\nredeemed\norder\n"
    b"a\\\\b\\nc\n2026-03-04T11:00:00.000000Z\n2026-03-04T11:00:01.000250Z\n01981a5e-0000-7000-8000-000000000002\n\n"
)
PRIVATE = b"redeem:1\n000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nstaff:1\n"


def test_the_canonical_bytes_are_pinned() -> None:
    told = canonical.facts(ROW)
    expected = GOLDEN + hashlib.sha256(PRIVATE).hexdigest().encode() + b"\n"
    assert canonical.leaf_bytes(told) == expected
    row = dict(zip(verify_books.FIELDS, told, strict=True))
    assert tuple(verify_books.FIELDS) == canonical.FIELDS
    assert verify_books.leaf_of(row) == hashlib.sha256(b"\0" + expected).digest()
    assert hashlib.sha256(expected).hexdigest() == ("07bb6e9121a54b68e5a400fdd22bb88e13bbb7d64499419292069c4cf35bba4a")


def test_every_fact_changes_the_leaf() -> None:
    told = canonical.facts(ROW)
    leaves = {canonical.leaf_bytes([*told[:at], told[at] + "0", *told[at + 1 :]]) for at in range(len(told))}
    assert len(leaves | {canonical.leaf_bytes(told)}) == len(told) + 1


def signer() -> LogSigner:
    return LogSigner(Vault(bytes(range(32))), 1)


def test_a_checkpoint_is_a_signed_note_and_its_bytes_are_pinned() -> None:
    one = signer()
    note = one.sign(7, bytes(32))
    name = one.key.name
    text, signature = note.split("\n\n")
    assert text == f"{name}\n7\n{base64.b64encode(bytes(32)).decode()}"
    assert signature.startswith(f"\u2014 {name} ")
    assert signature.endswith("\n")
    assert (
        hashlib.sha256(note.encode()).hexdigest() == "551bef7bd0841dde27124b231e88869805e65b2b8ed426186b9bd97eb1376932"
    )
    assert verify_books.open_checkpoint(note, [(one.key.text(), 7)]) == (7, bytes(32))


@pytest.mark.parametrize("at", range(0, 260, 3))
def test_a_changed_character_of_a_checkpoint_is_refused(at: int) -> None:
    one = signer()
    note = one.sign(7, bytes(range(32)))
    # The last character of base64 may carry bits that mean nothing; all others count.
    bent = note[: at % len(note)] + chr(ord(note[at % len(note)]) ^ 1) + note[at % len(note) + 1 :]
    with pytest.raises(NoteBroken):
        open_note(bent, one.key)


def test_the_known_key_of_the_signed_note_package_of_go() -> None:
    # The example of golang.org/x/mod/sumdb/note: PeterNeumann's key and note.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6K"
        "E6RyyBwJnAM=\n"
    )
    name, key_id, public = key.split("+", 2)
    raw = base64.b64decode(public)
    assert verify_books.sha(name.encode() + b"\n" + raw)[:4].hex() == key_id
    text, _, line = note.partition("\n\n")
    signature = base64.b64decode(line.split(" ")[2])
    assert signature[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], f"{text}\n".encode())
