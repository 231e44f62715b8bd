"""The partner's pages on the books: what a gift paid for, and proofs for the verifier; nobody named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.doors.partner.test_nobody_is_named import leaks, marks_of
from tests.house import services_of
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.ledger.seal.publish import split_notes
from voucher_service.staff.models import Role


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()


def verify(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier as a partner does: alone, with no path of ours."""
    command = [sys.executable, "-I", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)


def test_what_is_downloaded_is_proved_by_the_verifier_alone(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme, services = desk.programme, services_of(desk.app)
    programme.scan(programme.digits(programme.issue()))
    services.seal(programme.now, sweep=True)
    client, home = desk.client(Role.PARTNER).http, f"/partner/{programme.partner_id}"
    early = client.get("/ledger/checkpoint").text
    recorded = programme.scan(programme.digits(programme.issue()))
    services.seal(programme.now, sweep=True)
    gift = f"{home}/gifts/{programme.allocation_id}"
    files = {
        "verify_books.py": client.get("/ledger/verify_books.py").text,
        "early.note": early,
        "now.note": client.get("/ledger/checkpoint").text,
        "gift.json": client.get(f"{gift}/proof.json?old=3").text,
        "gift.csv": client.get(f"{gift}/movements.csv").text,
        "order.json": client.get(f"{home}/orders/{recorded.order_id}/proof.json").text,
        "grown.json": client.get(f"{home}/consistency.json?old=3").text,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    script, key = tmp_path / "verify_books.py", ["--key", client.get("/ledger/key").text.strip()]
    good = [
        ["gift.json", *key, "--old", "early.note"],
        ["gift.csv", *key, "--checkpoint", "now.note"],
        ["order.json", *key],
        ["grown.json", *key, "--old", "early.note"],
    ]
    for arguments in good:
        done = verify(script, *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("PROVED\n")
    bent = json.loads(files["gift.json"])
    bent["leaves"][1]["quantity"] = "501"
    (tmp_path / "bent.json").write_text(json.dumps(bent))
    for arguments in (
        ["bent.json", *key],
        ["order.json", *key, "--old", "early.note"],
        ["gift.json", "--key", "a+b+c"],
    ):
        done = verify(script, *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("NOT PROVED")
    whole = client.get(f"{home}/checkpoints.notes").text
    assert list(split_notes(whole)) == [early, files["now.note"]]
    assert "before=" not in client.get(f"{home}/proofs").text
    monkeypatch.setattr("voucher_service.reconciliation.books.proofs.PART", 1)  # many come in parts
    (older,) = re.findall(r'href="([^"]*checkpoints.notes.before=[^"]*)"', client.get(f"{home}/proofs").text)
    assert client.get(older).text + client.get(f"{home}/checkpoints.notes").text == whole


def test_no_page_or_file_of_the_books_names_anybody(desk: Desk) -> None:
    marks = marks_of(desk)
    programme = desk.programme
    services_of(desk.app).seal(programme.now, sweep=True)
    with programme.database.read() as session:
        order = session.query(Order.id).first()
    assert order is not None
    client, home = desk.client(Role.PARTNER).http, f"/partner/{programme.partner_id}"
    gift = f"{home}/gifts/{programme.allocation_id}"
    ends = ("", "/top-ups.csv", "/proof.json", "/movements.csv")
    paths = [gift + end for end in ends] + [
        f"{home}/giver?reference={order[0]}",
        f"{home}/orders/{order[0]}/proof.json",
    ]
    texts = {}
    for path in [*paths, f"{home}/proofs", f"{home}/checkpoints.notes", f"{home}/giver", f"{home}/"]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        texts[path] = answer.text
    staff = str(programme.member(Role.COUNTER).id)
    assert leaks(marks | {staff}, texts) == []


def test_what_is_not_there_is_said_plainly(desk: Desk) -> None:
    client, home = desk.client(Role.PARTNER).http, f"/partner/{desk.programme.partner_id}"
    assert client.get("/ledger/checkpoint").status_code == 409
    assert client.get(f"{home}/gifts/{desk.programme.allocation_id}/proof.json").status_code == 409
    assert "Rien n’est encore scellé" in client.get(f"{home}/proofs").text
    services_of(desk.app).seal(desk.programme.now, sweep=True)
    for path in (
        "gifts/99",
        "gifts/99/proof.json",
        "giver?reference=x",
        "checkpoints/9.note",
        f"orders/{new_id()}/proof.json",
        "consistency.json?old=9",
    ):
        assert client.get(f"{home}/{path}").status_code == 404, path
    other = f"/partner/{new_id()}"
    for path in ("proofs", f"gifts/{desk.programme.allocation_id}", "checkpoints.notes"):
        assert client.get(f"{other}/{path}").status_code == 404
