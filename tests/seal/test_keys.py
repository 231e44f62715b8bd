"""The log's key is changed: old checkpoints stay good, a partner follows from any key it has, forgeries are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.doors.partner.test_books import verify
from tests.house import services_of
from tests.programme import Programme
from tests.seal.log import Log
from tests.seal.tampering import superuser
from voucher_service.ledger.seal import inspect, publish, ring
from voucher_service.ledger.seal.note import LogKey, NoteBroken, open_note
from voucher_service.ledger.seal.publish import LogForked
from voucher_service.staff.models import Role


@pytest.fixture
def log(programme: Programme, tmp_path: Path) -> Log:
    return Log.of(programme, tmp_path / "checkpoints")


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    made = Desk.make(sqlite_url, tmp_path)
    yield made
    made.close()


def change(log: Log) -> LogKey:
    return log.programme.database.run(ring.rotate, log.signer, now=log.programme.now)


def changes(log: Log) -> list[str]:
    with log.programme.database.read() as session:
        return list(ring.changes(session))


def test_each_checkpoint_is_signed_with_the_key_of_its_time(log: Log) -> None:
    keys = [log.signer.key]
    for _ in range(3):
        log.redeem(1)
        assert log.seal() > 0
        keys.append(change(log))
    assert {key.name for key in keys} == {log.signer.key.name}
    assert len({key.key_id for key in keys}) == 4
    held = ring.ring_of(log.signer.key, changes(log))
    assert held.keys == tuple(keys)
    notes = log.outside()
    assert len(notes) == 3
    for at, note in enumerate(notes):
        assert held.open(note) == open_note(note, keys[at])
        for other in (*keys[:at], *keys[at + 1 :]):
            with pytest.raises(NoteBroken):
                open_note(note, other)
    assert log.findings() == []
    # Whoever stole the first key cannot speak for more leaves than it spoke for.
    stolen = log.signer.sign(held.ends[0] + 1, bytes(32))
    with pytest.raises(NoteBroken):
        held.open(stolen)
    assert {finding.rule for finding in log.findings([*notes, stolen])} == {inspect.OUTSIDE}


def test_a_change_that_is_not_signed_by_both_keys_is_no_change(log: Log) -> None:
    change(log)
    change(log)
    first, told = log.signer.key, changes(log)
    for bad in (
        [told[1]],
        [told[0], told[0]],
        [told[0].replace("\n0\n", "\n9\n", 1)],
        ["\n".join(told[0].split("\n")[:-2]) + "\n"],
        [told[0].split("\n\n")[0] + "\n\n" + told[0].split("\n")[-2] + "\n"],
        ["no note"],
        [told[0][:-1] + "\x0b"],  # what ends a line is a line feed, not what looks like one
    ):
        with pytest.raises(NoteBroken):
            ring.ring_of(first, bad)


def test_the_audit_names_a_change_that_was_tampered_with(log: Log) -> None:
    log.redeem(1)
    log.seal()
    change(log)
    change(log)
    log.redeem(1)
    log.seal()
    planted = {
        "change 1": "UPDATE ledger_key_change SET note = replace(note, 'key change', 'key chance') WHERE number = 1",
        "change 2": "UPDATE ledger_key_change SET size = size + 1 WHERE number = 2",
    }
    for row, statement in planted.items():
        with superuser(log) as owner:
            owner.do(statement)
            found = owner.findings()
            assert (inspect.KEYS, row) in [(finding.rule, finding.row) for finding in found]
    with superuser(log) as owner:
        owner.do("DELETE FROM ledger_key_change WHERE number = 2")
        assert {finding.rule for finding in owner.findings()} == {inspect.KEYS, inspect.KEPT, inspect.OUTSIDE}
    assert log.findings() == []


def test_nothing_is_sealed_where_the_database_has_forgotten_a_change(log: Log) -> None:
    log.redeem(1)
    log.seal()
    before = changes(log)
    change(log)
    log.seal()
    assert (log.folder / publish.KEYS).read_text() == publish.joined(changes(log))
    (log.folder / publish.KEYS).write_text("another change\n")
    with pytest.raises(LogForked, match="does not know"):
        log.seal()
    with pytest.raises(LogForked, match="does not know"):
        publish.publish_keys(log.folder, before)


def test_a_partner_follows_from_the_key_it_has(desk: Desk, tmp_path: Path) -> None:
    programme, services = desk.programme, services_of(desk.app)
    client, home = desk.client(Role.PARTNER).http, f"/partner/{programme.partner_id}"
    files = {"verify_books.py": client.get("/ledger/verify_books.py").text}

    def keep(name: str, path: str) -> None:
        files[name] = client.get(path).text

    services.seal(programme.now, sweep=True)
    keep("old.note", "/ledger/checkpoint")
    first = client.get("/ledger/key").text.strip()
    assert client.get("/ledger/keys").text == ""
    assert "--keys" not in client.get(f"{home}/proofs").text
    line = desk.app.test_cli_runner().invoke(args=["ledger", "rotate-key", "--yes"]).output.split("\n")[0]
    assert client.get("/ledger/key").text.strip() == first, "the newest checkpoint is still the first key's"
    assert "--keys" in client.get(f"{home}/proofs").text
    programme.scan(programme.digits(programme.issue()))
    services.seal(programme.now, sweep=True)
    assert client.get("/ledger/key").text.strip() == line != first
    assert desk.app.test_cli_runner().invoke(args=["ledger", "key"]).output.strip() == line
    keep("keys.txt", "/ledger/keys")
    keep("gift.json", f"{home}/gifts/{programme.allocation_id}/proof.json?old=1")
    other = files["keys.txt"].replace("key change\n", "key chance\n")
    files |= {"bent.txt": other, "none.txt": "", "twice.txt": files["keys.txt"] * 2}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    script, proof = tmp_path / "verify_books.py", ["gift.json", "--old", "old.note"]
    for key in (first, line):
        done = verify(script, *proof, "--key", key, "--keys", "keys.txt")
        assert done.returncode == 0, done.stderr
        assert (line in done.stdout) == (key == first), "whoever has the old key is told the new one"
    assert verify(script, "gift.json", "--key", line).returncode == 0
    for wrong in (
        ["--key", first],
        *(["--key", first, "--keys", name] for name in ("bent.txt", "none.txt", "twice.txt")),
        ["--key", services.log_signer().key.text()[:-4] + "AAA=", "--keys", "keys.txt"],
    ):
        done = verify(script, *proof, *wrong)
        assert (done.returncode, done.stderr[:10]) == (1, "NOT PROVED"), wrong
