"""The page of months: proposed by a coordinator, agreed to by the partner, downloaded the same each time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.guards.tree import ROOT
from tests.house import services_of, token
from voucher_service.ids import new_id
from voucher_service.staff.models import Role


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()


def as_an_auditor(folder: Path, files: dict[str, bytes], key: str) -> int:
    """Do what docs/auditor.md says, with nothing but the files; return the exit code."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"2026-03-{name}").write_bytes(content)
    script = (ROOT / "docs/auditor.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    for was, becomes in (('"the second line"', f'"{key}"'), ('"2026-02"', '""')):
        assert script.count(was) == 1
        script = script.replace(was, becomes)
    command = [sys.executable, "-I", "-c", script]
    return subprocess.run(command, capture_output=True, check=False, cwd=folder).returncode


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
    names = ("etat.csv", "etat.pdf", "soldes.csv", "manifest.json", "manifest.sig")
    before = {name: them.get(f"{page}{close_id}/{name}").data for name in names}
    assert them.post(f"{page}{close_id}/agree", data={"csrf_token": token(shown)}).status_code == 303
    assert "Clos" in them.get(page).text
    assert "Approuver cet état" not in them.get(proposed.location).text
    assert {name: us.get(f"{page}{close_id}/{name}").data for name in names} == before
    told = json.loads(before["manifest.json"])["files"]
    assert {name: hashlib.sha256(before[name]).hexdigest() for name in told} == told
    key = them.get(proposed.location).text.partition('<code class="break">')[2].partition("<")[0]
    assert as_an_auditor(tmp_path / "alone", before, key) == 0
    for name in ("etat.csv", "soldes.csv", "manifest.json"):
        assert as_an_auditor(tmp_path / name, before | {name: before[name] + b" "}, key) == 1
    again = us.post(page, data={"csrf_token": token(us.get(page)), "month": "2026-03"})
    assert again.status_code == 409
    assert them.get(f"{page}{close_id}/other.txt").status_code == 404
    for end in ("etat.csv", ""):
        assert them.get(f"{page}{new_id()}/{end}").status_code == 404
    assert them.get(f"/partner/{new_id()}/closing/").status_code == 404
