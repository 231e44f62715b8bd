"""What a program takes away: a month's files, differences, a gift's movements; its own partner's only."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

from tests.doors.api.conftest import Program, token_for
from tests.flows.reconciliation.builders import DAY, NOON
from tests.house import services_of
from tests.sides import sides
from voucher_service.ids import new_id
from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation.closing.models import PeriodClose

CSV, PDF = b"dotation;nom\r\n", b"%PDF-1.4"


def closed(program: Program, month: int = 1) -> str:
    """A month as the closing leaves it; how its files are made is shown elsewhere."""
    digests = {f"etat.{name}": hashlib.sha256(body).hexdigest() for name, body in (("csv", CSV), ("pdf", PDF))}
    manifest = json.dumps({"files": digests})
    first = DAY.replace(month=month, day=1)  # the statements of the tests speak of another
    with services_of(program.app).database.begin() as session:
        ours, theirs = sides(session, program.partner_id)
        row = PeriodClose(
            id=new_id(), partner_id=program.partner_id, first_day=first, last_day=first.replace(day=28),
            from_at=NOON - timedelta(days=99), until_at=NOON - timedelta(days=68), size=1, manifest=manifest,
            signature=b"s" * 64, csv=CSV, pdf=PDF, proposed_by=ours, proposed_at=NOON,
            agreed_by=theirs, agreed_at=NOON,
        )  # fmt: skip
        session.add(row)
    return str(row.id)


def test_a_months_files_come_as_they_were_agreed(program: Program, stranger: Program) -> None:
    period = closed(program)
    listed = program.get("/periods").get_json()
    assert (listed["total"], listed["next"], listed["items"][0]["id"]) == (1, None, period)
    assert "staff" not in str(listed)
    (key,) = listed["keys"]
    assert (key["since"], key["until"], key["line"]) == (None, None, listed["items"][0]["key"])
    fresh = services_of(program.app).change_statement_key(NOON).text()  # while nothing is sealed
    again = program.get("/periods").get_json()
    assert [(one["line"], one["until"]) for one in again["keys"]] == [(key["line"], 0), (fresh, None)]
    assert again["items"][0]["key"] == fresh
    file = f"/periods/{period}/file"
    assert (program.get(f"{file}?name=csv").data, program.get(file).data) == (CSV, PDF)
    manifest = program.get(f"{file}?name=manifest").data
    assert hashlib.sha256(manifest).hexdigest() == listed["items"][0]["manifest_sha256"]
    assert program.get(f"{file}?name=manifest").headers["Content-Disposition"].endswith("-01-manifest.json")
    assert base64.b64decode(program.get(f"{file}?name=signature").data) == b"s" * 64
    assert program.get(f"{file}?name=else").status_code == 422
    assert stranger.get(file).status_code == 404
    assert stranger.get("/periods").get_json()["total"] == 0
    program.token = token_for(program.app, program.partner_id, [Scope.STATEMENTS_READ])[1]
    assert program.get(file).status_code == 403


def test_differences_and_gifts_come_as_tables(program: Program, stranger: Program) -> None:
    sent = program.send(program.statement().replace(b"5,00", b"4,00"))
    file = f"/statements/{sent.get_json()['id']}/differences/file"
    assert "amount_differs" in program.get(file).text
    assert program.get(f"{file}?form=xlsx").data.startswith(b"PK")
    (gift,) = program.get("/allocations").get_json()["items"]
    services_of(program.app).seal(NOON + timedelta(days=400), sweep=True)
    home = f"/allocations/{gift['id']}"
    assert len(program.get(f"{home}/file").text.splitlines()) == 8, "a head, the gift and three steps of two top-ups"
    assert len(program.get(f"{home}/file?name=top-ups").text.splitlines()) == 3
    told = program.get(f"{home}/draw-down").get_json()
    assert (told["vouchers"], told["outside"], told["earmarks"]) == (2, 0, [])
    assert told["shares"] == [{"state": "redeemed", "count": 2, "quantity": 1500}]
    assert {stranger.get(path).status_code for path in (file, f"{home}/file", f"{home}/draw-down")} == {404}
