"""Lies told to the stand-alone verifier: each is refused in a plain sentence, with exit code 1 and no traceback."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.databases import fresh_sqlite
from tests.programme import Programme
from tests.seal.log import Log
from voucher_service.ledger.seal import ring, verify_books
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.reconciliation.books import proofs

Proof = dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Proof, LogSigner]:
    """A gift's proof of nine movements with its growth from five, in a folder with the notes, and the log's signer."""
    folder = tmp_path_factory.mktemp("lies")
    programme = Programme.make(fresh_sqlite(folder))
    log = Log.of(programme, folder / "notes")
    log.redeem(2)
    log.seal()
    log.redeem(2)
    log.seal()
    with programme.database.read() as session:
        proof = proofs.proof(session, proofs.of_gift(programme.allocation_id), key=log.signer.key, old=5)
        (folder / "list.csv").write_text("".join(proofs.leaves_csv(session, proofs.of_gift(programme.allocation_id))))
    programme.database.run(ring.rotate, log.signer, now=programme.now)
    with programme.database.read() as session:
        (folder / "keys").write_text("\n".join([*ring.changes(session), ""]))
    programme.database.close()
    early, late = log.outside()
    (folder / "early.note").write_text(early)
    (folder / "late.note").write_text(late)
    assert (len(proof["leaves"]), proof["checkpoint"]) == (9, late)
    return folder, proof, log.signer


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Run the script in this process; return what it ends with: nothing when all holds."""
    monkeypatch.setattr(sys, "argv", ["verify_books.py", *arguments])
    ends: list[object] = []
    try:
        runpy.run_path(verify_books.__file__, run_name="__main__")
    except SystemExit as end:
        ends.append(end.code)
    assert all(isinstance(end, str) for end in ends), "argparse refused the command line"
    return str(ends[0]) if ends else ""


def leaf(proof: Proof, at: int, **facts: object) -> None:
    proof["leaves"][at] |= facts


def swap_paths(proof: Proof) -> None:
    one, two = proof["leaves"][0], proof["leaves"][8]
    one["path"], two["path"] = two["path"], one["path"]


def another(signer: LogSigner) -> LogSigner:
    """What signs in the log's name with a key of its own."""
    return signer.with_key(Ed25519PrivateKey.from_private_bytes(bytes(32)))


LIES: dict[str, tuple[Callable[[Proof, LogSigner], Any], str]] = {
    "another quantity": (lambda p, _: leaf(p, 1, quantity="501"), "NOT in the books"),
    "another private hash": (lambda p, _: leaf(p, 1, private="0" * 64), "NOT in the books"),
    "another number": (lambda p, _: leaf(p, 1, number=2), "NOT in the books"),
    "a number outside": (lambda p, _: leaf(p, 8, number=9), "no such place"),
    "a negative number": (lambda p, _: leaf(p, 0, number=-1), "no such place"),
    "a path too short": (lambda p, _: p["leaves"][3]["path"].pop(), "path"),
    "a path too long": (lambda p, _: p["leaves"][3]["path"].append("00" * 32), "path"),
    "swapped paths": (lambda p, _: swap_paths(p), ""),
    "told twice": (lambda p, _: p["leaves"].append(p["leaves"][0]), "told twice"),
    "another root": (
        lambda p, s: p.update(checkpoint=s.sign(9, bytes(32))), "NOT in the books"
    ),
    "a root that nobody signed": (
        lambda p, _: p.update(checkpoint=p["checkpoint"].replace("\n9\n", "\n10\n")), "InvalidSignature"
    ),
    "signed by another": (lambda p, s: p.update(checkpoint=another(s).sign(9, bytes(32))), "not signed with the key"),
    "a shortened tree": (lambda p, s: p.update(checkpoint=s.sign(8, bytes(32))), ""),
    "a forged extension": (lambda p, _: p["consistency"]["path"].__setitem__(0, "00" * 32), "do NOT begin"),
    "no extension": (lambda p, _: p.update(consistency={"path": []}), "path"),
    "no consistency": (lambda p, _: p.pop("consistency"), "KeyError"),
    "no leaves": (lambda p, _: p.pop("leaves"), "KeyError"),
    "leaves that are none": (lambda p, _: p.update(leaves=[1, 2]), "TypeError"),
    "no hexadecimal": (lambda p, _: leaf(p, 0, path=["zz"]), "hexadecimal"),
    "a half surrogate": (lambda p, _: leaf(p, 0, reason="\ud800"), "UnicodeEncodeError"),
    "no note": (lambda p, _: p.update(checkpoint="nothing"), "IndexError"),
    "a note that is no text": (lambda p, _: p.update(checkpoint=7), "AttributeError"),
    "an endless size": (lambda p, s: p.update(checkpoint=s.sign(10**30, bytes(32))), "StopIteration"),
}  # fmt: skip


def test_what_is_true_is_proved(told: tuple[Path, Proof, LogSigner], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, proof, signer = told
    monkeypatch.chdir(folder)
    Path("good.json").write_text(json.dumps(proof))
    key = signer.key.text()
    assert check(monkeypatch, "good.json", "--key", key, "--old", "early.note") == ""
    assert check(monkeypatch, "good.json", "--key", f" {key}\n", "--old", "late.note", "--keys", "keys") != ""
    assert check(monkeypatch, "good.json", "--key", key, "--keys", "keys", "--old", "early.note") == ""
    assert check(monkeypatch, "list.csv", "--key", key, "--checkpoint", "late.note") == ""


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_in_a_plain_sentence(
    told: tuple[Path, Proof, LogSigner], lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, proof, signer = told
    monkeypatch.chdir(folder)
    bent, (tell, words) = json.loads(json.dumps(proof)), LIES[lie]
    tell(bent, signer)
    assert bent != proof
    Path("lie.json").write_text(json.dumps(bent))
    said = check(monkeypatch, "lie.json", "--key", signer.key.text(), "--old", "early.note")
    assert said.startswith("NOT PROVED: ")
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["good.json", "--key", "a+b+c"], "Error"),
        (["good.json", "--key", "nothing"], "name+id+key"),
        (["good.json", "--key", "KEY", "--keys", "early.note"], "key"),
        (["none.json", "--key", "KEY"], "FileNotFoundError"),
        (["list.csv", "--key", "KEY"], "JSONDecodeError"),
        (["list.csv", "--key", "KEY", "--checkpoint", "early.note"], "path"),
        (["early.note", "--key", "KEY", "--checkpoint", "late.note"], "KeyError"),
        (["deep.json", "--key", "KEY"], "RecursionError"),
        (["bytes.json", "--key", "KEY"], "UnicodeDecodeError"),
    ],
)
def test_a_file_or_key_that_is_none_is_refused_in_a_plain_sentence(
    told: tuple[Path, Proof, LogSigner], arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, proof, signer = told
    monkeypatch.chdir(folder)
    Path("good.json").write_text(json.dumps(proof))
    Path("deep.json").write_text("[" * 100_000)
    Path("bytes.json").write_bytes(b"\xff\xfe\x00")
    given = [signer.key.text() if one == "KEY" else one for one in arguments]
    said = check(monkeypatch, *given)
    assert said.startswith("NOT PROVED: ")
    assert words in said
