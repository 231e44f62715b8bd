"""The page of months: proposed by a coordinator, agreed to by the partner, downloaded the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from tests.desk import Desk
from tests.guards.tree import ROOT
from tests.house import services_of, token
from voucher_service.ids import new_id
from voucher_service.ledger.seal import verify_books
from voucher_service.reconciliation.closing import signing
from voucher_service.staff.models import Role


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()


NAMES = ("etat.csv", "etat.pdf", "soldes.csv", "manifest.json", "manifest.sig")


def as_an_auditor(
    folder: Path, files: dict[str, bytes], key: str, keys: str = "", month: str = "2026-03", before: bytes = b""
) -> bool:
    """Do what docs/auditor.md says, with nothing but the files and the script; return whether it holds."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{month}-{name}").write_bytes(content)
    (folder / "2026-02-manifest.json").write_bytes(before)
    (folder / "statement-keys").write_text(keys)
    (folder / "verify_books.py").write_text(Path(verify_books.__file__).read_text())
    script = (ROOT / "docs/auditor.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    changes = {
        '"the second line"': f'"{key}"', 'KEYS = ""': 'KEYS = "statement-keys"' if keys else 'KEYS = ""',
        '"2026-03"': f'"{month}"', '"2026-02"  #': '"2026-02"  #' if before else '""  #',
    }  # fmt: skip
    for was, becomes in changes.items():
        assert script.count(was) == 1
        script = script.replace(was, becomes)
    (folder / "month.py").write_text(script)
    with chdir(folder), pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        try:
            runpy.run_path("month.py")
        except (SystemExit, InvalidSignature, ValueError):
            return False
        finally:
            sys.modules.pop("verify_books", None)
    return True


def test_a_month_is_closed_by_both_sides(desk: Desk, tmp_path: Path) -> None:
    programme, page = desk.programme, f"/partner/{desk.programme.partner_id}/closing/"
    us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
    programme.scan(programme.digits(programme.issue()))
    assert "Aucun mois clos" in them.get(page).text
    for month, status in (("2026-03", 409), ("2026-13", 422), ("0000-01", 422), ("", 422)):
        answer = us.post(page, data={"csrf_token": token(us.get(page)), "month": month})
        assert answer.status_code == status, month
    programme.now = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
    us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
    services_of(desk.app).seal(programme.now, sweep=True)
    proposed = us.post(page, data={"csrf_token": token(us.get(page)), "month": "2026-03"})
    assert proposed.status_code == 303
    assert proposed.location in them.get(page).text
    shown, close_id = them.get(proposed.location), proposed.location.split("/")[-2]
    assert "Approuver cet état" in shown.text
    assert "Approuver cet état" not in us.get(proposed.location).text
    assert "01/03 – 31/03." in shown.text  # no statement speaks of any day
    before = {name: them.get(f"{page}{close_id}/{name}").data for name in NAMES}
    assert them.post(f"{page}{close_id}/agree", data={"csrf_token": token(shown)}).status_code == 303
    assert "Clos" in them.get(page).text
    assert "Approuver cet état" not in them.get(proposed.location).text
    assert {name: us.get(f"{page}{close_id}/{name}").data for name in NAMES} == before
    told = json.loads(before["manifest.json"])["files"]
    assert {name: hashlib.sha256(before[name]).hexdigest() for name in told} == told
    key = them.get(proposed.location).text.partition('<code class="break">')[2].partition("<")[0]
    assert as_an_auditor(tmp_path / "alone", before, key)
    command = [sys.executable, "-E", "-s", "month.py"]  # as an auditor does: with no path of ours
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path / "alone")
    assert (done.returncode, done.stdout[:6]) == (0, "holds,"), done.stderr
    for name in ("etat.csv", "soldes.csv", "manifest.json"):
        assert not as_an_auditor(tmp_path / name, before | {name: before[name] + b" "}, key)
    again = us.post(page, data={"csrf_token": token(us.get(page)), "month": "2026-03"})
    assert again.status_code == 409
    assert them.get(f"{page}{close_id}/other.txt").status_code == 404
    for end in ("etat.csv", ""):
        assert them.get(f"{page}{new_id()}/{end}").status_code == 404
    assert them.get(f"/partner/{new_id()}/closing/").status_code == 404


def test_an_auditor_checks_an_old_and_a_new_month_when_the_key_was_changed(sqlite_url: str, tmp_path: Path) -> None:
    desk = Desk.make(sqlite_url, tmp_path)
    programme, page = desk.programme, f"/partner/{desk.programme.partner_id}/closing/"
    runner, services = desk.app.test_cli_runner(), services_of(desk.app)
    (first,) = runner.invoke(args=["ledger", "statement-key"]).output.splitlines()
    first = first.partition("\t")[0]
    months = {}
    for month in (3, 4):
        programme.scan(programme.digits(programme.issue()))
        programme.deliver()
        programme.now = datetime(2026, month + 1, 2, 9, 0, tzinfo=UTC)
        us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
        services.seal(programme.now, sweep=True)
        home = us.post(page, data={"csrf_token": token(us.get(page)), "month": f"2026-0{month}"}).location
        assert them.post(f"{home}agree", data={"csrf_token": token(them.get(home))}).status_code == 303
        months[month] = {name: them.get(f"{home}{name}").data for name in NAMES}
        if month == 3:
            assert them.get("/ledger/statement-keys").text == ""
            said = runner.invoke(args=["ledger", "rotate-statement-key", "--yes"]).output
    second, keys = said.split("\n")[0], them.get("/ledger/statement-keys").text
    assert second != first
    listed = [line.split("\t")[0] for line in runner.invoke(args=["ledger", "statement-key"]).output.splitlines()]
    assert listed == [first, second]
    assert all(line in them.get(page).text for line in listed)
    assert (second in them.get(home).text, first in them.get(home).text) == (True, False)
    assert runner.invoke(args=["ledger", "check"]).exit_code == 0
    march, april, before = months[3], months[4], months[3]["manifest.json"]
    bent = keys.replace("key change", "key chance")
    for at, (key, told, old, new) in enumerate(
        (
            (first, "", True, False), (second, "", False, True), (first, keys, True, True), (second, keys, True, True),
            (first, bent, False, False),
        )
    ):  # fmt: skip
        assert as_an_auditor(tmp_path / f"march{at}", march, key, told) == old
        assert as_an_auditor(tmp_path / f"april{at}", april, key, told, "2026-04", before) == new
    # With the file of changes the old key speaks for no month that was read from more movements.
    stolen = base64.b64encode(signing.StatementSigner(services.vault).signature(april["manifest.json"])) + b"\n"
    forged = april | {"manifest.sig": stolen}
    assert as_an_auditor(tmp_path / "unaware", forged, first, "", "2026-04", before)
    assert not as_an_auditor(tmp_path / "forged", forged, first, keys, "2026-04", before)
    desk.close()
