"""The tree, the notes and the verifier, each against an implementation that nobody here wrote."""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from pymerkle import InmemoryTree
from pymerkle.proof import InvalidProof, verify_inclusion

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
    for _ in range(150):
        size = rng.randint(1, 300)
        number, old = rng.randrange(size), rng.randint(1, size)
        leaf, root, roots = ours.leaves[number], theirs.get_root(size), (theirs.get_root(old), theirs.get_root(size))
        path, grown = tree.inclusion(ours, number, size), tree.consistency(ours, old, size)
        assert verify_books.climb(leaf, number + 1, size, path, leaf=True)[1] == root
        assert verify_books.climb(roots[0], old, size, grown) == roots
        assert verify_books.climb(bytes(32), old, size, grown) != (bytes(32), root)
        for good, start, end, is_leaf in ((path, leaf, number + 1, True), (grown, roots[0], old, False)):
            told = partial(verify_books.climb, start, leaf=is_leaf)
            for at in range(len(good)):  # each hash counts, and its place
                bent = [*good[:at], bytes(32), *good[at + 1 :]]
                assert told(end, size, bent) != told(end, size, good)
            wrong = [[*good, bytes(32)], *([good[:-1]] if good else [])]
            for short in wrong:
                with pytest.raises(ValueError, match="path"):
                    told(end, size, short)
        for place in (0, size + 1):
            with pytest.raises(ValueError, match="no such place"):
                verify_books.climb(leaf, place, size, path, leaf=True)


def test_the_verifier_and_an_independent_implementation_take_each_other_s_proofs(theirs: InmemoryTree) -> None:
    rng, ours = random.Random(10), Plain()
    for _ in range(200):
        size = rng.randint(1, 300)
        number, root = rng.randrange(size), theirs.get_root(size)
        leaf, proof = ours.leaves[number], theirs.prove_inclusion(number + 1, size)
        assert verify_books.climb(leaf, number + 1, size, proof.path[1:], leaf=True)[1] == root  # theirs names the leaf
        proof.path = [leaf, *tree.inclusion(ours, number, size)]
        verify_inclusion(leaf, root, proof, index=number + 1, size=size)
        proof.path[0] = bytes(32)
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, root, proof, index=number + 1, size=size)


# The reference tree of the Certificate Transparency code base: eight leaves, its roots, and proofs in it.
CONTENTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
A, B, C, D, E, F, G, H = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
)
ROOTS = {1: H, 2: G, 8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}
INCLUDED = [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [D, E, F]), (3, 3, [G]), (2, 5, [H, B, D])]
GROWN = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", E, F]),
    (2, 5, [B, D]),
]


def test_roots_and_proofs_of_the_tree_of_certificate_transparency() -> None:
    leaves = [tree.leaf_hash(bytes.fromhex(content)) for content in CONTENTS]

    def hashes(level: int, number: int) -> bytes:
        return tree.fold(leaves[number << level : (number + 1) << level])

    for size, root in ROOTS.items():
        assert tree.root_of(hashes, size) == bytes.fromhex(root)
    for place, size, told in INCLUDED:
        path = [bytes.fromhex(part) for part in told]
        assert path == tree.inclusion(hashes, place - 1, size)
        assert verify_books.climb(leaves[place - 1], place, size, path, leaf=True)[1] == tree.root_of(hashes, size)
    for old, size, told in GROWN:
        path, roots = [bytes.fromhex(part) for part in told], (tree.root_of(hashes, old), tree.root_of(hashes, size))
        assert path == tree.consistency(hashes, old, size)
        assert verify_books.climb(roots[0], old, size, path) == roots


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
    assert verify_books.open_checkpoint(note, {one.key.text(): 7}) == (7, bytes(32))


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
    with pytest.raises(
        ValueError, match="another log"
    ):  # it is signed; but no text of a log, which begins with its name
        verify_books.opened(note, key)
    with pytest.raises(InvalidSignature):
        verify_books.opened(note.replace("cryptography", "Cryptography"), key)
