"""Breaks, notes and proofs for a partner's program: its own only, once, and never a person's name."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from flask import Flask

from tests.doors.api.conftest import Program, token_for
from tests.doors.partner.test_books import verify
from tests.flows.breaks.conftest import CLAIRE
from tests.house import client_as, services_of
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation.work import notes
from voucher_service.reconciliation.work.models import Side
from voucher_service.staff.models import Role


def spoiled(program: Program) -> str:
    """Send a statement with one amount that differs; return the address of its break."""
    content = program.statement().replace(b"5,00", b"6,00").replace(b"TOTAL;2;15,00", b"TOTAL;2;16,00")
    assert program.send(content).status_code == 201
    (found,) = program.get("/breaks").get_json()["items"]
    assert (found["kind"], found["life"], found["age"], found["days"]) == ("amount_differs", "new", "0-1", 0)
    return f"/breaks/{found['id']}"


def say(program: Program, path: str, words: str, key: str = "") -> tuple[int, dict[str, object]]:
    headers = program.headers(**{"Idempotency-Key": key or str(new_id())})
    answer = program.client.post(f"/api/v1{path}/notes", json={"words": words}, headers=headers)
    return answer.status_code, answer.get_json()


def test_a_note_is_written_once_and_read_by_both_sides(program: Program, stranger: Program) -> None:
    path = spoiled(program)
    status, first = say(program, path, "Nous avons livré 6 €.", "note-0001")
    assert status == 201
    assert say(program, path, "Nous avons livré 6 €.", "note-0001") == (201, first)
    assert say(program, path, "autre chose", "note-0001")[0] == 422
    assert say(program, path, "a")[0] == 422
    break_id = UUID(path.rpartition("/")[2])
    services_of(program.app).database.run(notes.take, break_id, actor=CLAIRE, now=utc_now())
    told = program.get(f"{path}/notes").get_json()["items"]
    assert [(one["step"], one["side"], one["words"]) for one in told] == [
        ("note", "partner", "Nous avons livré 6 €."), ("taken", "programme", None),
    ]  # fmt: skip
    assert CLAIRE not in json.dumps(told)
    for where in (path, f"{path}/notes"):
        assert stranger.get(where).status_code == 404
    assert say(stranger, path, "pas à moi")[0] == 404
    assert stranger.get("/breaks").get_json()["total"] == 0


def test_notes_come_by_pages_oldest_first(program: Program) -> None:
    path = spoiled(program)
    break_id, many = UUID(path.rpartition("/")[2]), notes.PAGE + 2
    with services_of(program.app).database.begin() as session:
        for number in range(many):
            notes.add_note(
                session, break_id, words=f"note {number:03}", side=Side.PARTNER, actor=CLAIRE,
                now=utc_now() + timedelta(seconds=number),
            )  # fmt: skip
    first = program.get(f"{path}/notes").get_json()
    assert (first["total"], len(first["items"])) == (many, notes.PAGE)
    second = program.client.get(first["next"], headers=program.headers()).get_json()
    assert [one["words"] for one in first["items"] + second["items"]] == [f"note {n:03}" for n in range(many)]
    assert (second["next"], program.get(f"{path}/notes?page=3").get_json()["items"]) == (None, [])
    client = client_as(program.app, Role.COORDINATOR)
    newest = client.get(f"/admin{path}").text
    assert ("note 051" in newest, "note 049" in newest, "Trouvé" in newest) == (True, False, False)
    older = re.search(r'rel="prev" href="([^"]+)"', newest)
    assert older is not None
    oldest = client.get(html.unescape(older[1])).text
    assert ("note 000" in oldest, "note 050" in oldest, "Trouvé" in oldest) == (True, False, True)
    assert 'rel="next"' in oldest


def test_breaks_are_filtered_and_a_narrow_key_opens_nothing(program: Program, app: Flask) -> None:
    path = spoiled(program)
    for query, total in (("kind=amount_differs", 1), ("kind=unexpected_at_partner", 0), ("age=31-", 0),
                         ("open=false", 0), ("priority=2", 1), ("priority=1", 0),
                         ("open=true&age=0-1", 1)):  # fmt: skip
        assert program.get(f"/breaks?{query}").get_json()["total"] == total, query
    assert program.get("/breaks?kind=nonsense").status_code == 422
    assert program.get(path).get_json()["theirs"]["line"] in {2, 3}
    narrow = Program(app, program.client, program.partner_id, token_for(app, program.partner_id, [Scope.BOOKS_READ])[1])
    assert narrow.get("/breaks").status_code == 403
    assert say(narrow, path, "bonjour")[0] == 403


def test_proofs_hold_for_the_verifier_alone(program: Program, stranger: Program, tmp_path: Path) -> None:
    assert program.get("/consistency").status_code == 409
    services = services_of(program.app)
    services.seal(utc_now(), sweep=True)
    (gift,) = program.get("/allocations").get_json()["items"]
    listed = program.get("/checkpoints").get_json()
    old = listed["items"][0]
    script, early = tmp_path / "verify_books.py", tmp_path / "early.note"
    script.write_text(program.client.get("/ledger/verify_books.py").text, encoding="utf-8")
    early.write_text(old["note"], encoding="utf-8", newline="")
    proof = program.get(f"/allocations/{gift['id']}/proof?old={old['size']}")
    (tmp_path / "gift.json").write_text(proof.text, encoding="utf-8")
    done = verify(script, "gift.json", "--key", listed["key"], "--old", "early.note")
    assert done.returncode == 0, done.stderr
    assert "PROVED" in done.stdout
    for path in (f"/allocations/{gift['id']}/proof", f"/orders/{new_id()}/proof"):
        assert stranger.get(path).status_code == 404
    assert program.get("/consistency?old=999").status_code == 404
    assert program.get("/checkpoints?before=1").get_json()["items"] == []
