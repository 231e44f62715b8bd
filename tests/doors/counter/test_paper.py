"""The pages of the paper log: line after line, faults named, nothing typed lost; and the pack that is printed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import func, select

from tests.desk import Desk
from tests.doors.test_screens import faults
from tests.paper.pack import Pack
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.visits.models import Visit
from voucher_service.visits.paper.models import EmergencyPack, PaperLine
from voucher_service.vouchers.typed_code import with_check
from voucher_service.web.counter.guessing import PER_QUARTER

NUMBER = "06 39 98 12 34"


def make(client: Any, *, branch_id: int = 1, pages: int = 2) -> Any:
    """Prepare a pack over the page."""
    return client.form("/counter/paper/", key=str(new_id()), branch_id=branch_id, pages=pages)


def an_hour_later(desk: Desk) -> Any:
    """Prepare a pack an hour before noon; return who keys it in at noon."""
    desk.programme.now -= timedelta(hours=1)
    Pack.made(desk)
    return desk.client()


def line(desk: Desk, code: str, **changes: object) -> dict[str, object]:
    """The fields of a line, an hour before noon."""
    fields: dict[str, object] = {
        "day": desk.programme.now.date().isoformat(), "page": 1, "line": 1, "time": "11h05", "code": code,
        "number": NUMBER, "paid": "2", "handed": "", "next_visit_on": "", "initials": "AB",
    }  # fmt: skip
    return fields | changes


def test_line_after_line_from_the_pages(desk: Desk) -> None:
    client = an_hour_later(desk)
    for path in ("/counter/paper/", "/counter/paper/1"):
        assert faults(client.http.get(path).text) == []
    first, second = desk.programme.issue(), desk.programme.issue()
    done = client.form("/counter/paper/1", **line(desk, desk.programme.typed(first)))
    assert (done.status_code, faults(done.text)) == (200, [])
    assert "Ligne 1-1 enregistrée" in done.text
    assert 'name="line" type="number" value="2"' in done.text
    assert "Imprimer (PDF)" not in done.text, "a pack in use is not printed again"
    again = client.form("/counter/paper/1", **line(desk, desk.programme.typed(first)))
    assert "déjà saisie : rien n’est compté deux fois" in again.text
    other = client.form("/counter/paper/1", **line(desk, desk.programme.typed(first), paid="1"))
    assert "avec autre chose écrit" in other.text
    desk.programme.scan(desk.programme.digits(second))
    conflict = client.form("/counter/paper/1", **line(desk, desk.programme.typed(second), line=2))
    assert "Les deux faits sont gardés" in conflict.text
    assert "À régler : Déjà utilisé" in conflict.text
    assert "Antenne Nord" in conflict.text
    mine = client.http.get("/counter/shift").text
    assert ("Accepté, à régler par la coordination" in mine, "Déjà utilisé" in mine) == (True, False)
    assert desk.programme.findings() == []


def test_a_line_of_yesterday_is_finished_from_today_s_list(desk: Desk) -> None:
    desk.ask_questions(required=True)
    desk.programme.later(days=-1)
    Pack.made(desk)
    desk.programme.later(hours=23)
    client = desk.client()
    yesterday = (desk.programme.now.date() - timedelta(days=1)).isoformat()
    sent = line(desk, desk.programme.typed(desk.programme.issue()), day=yesterday, time="13h10")
    assert "Ligne 1-1 enregistrée" in client.form("/counter/paper/1", **sent).text
    listed = client.http.get("/counter/visits").text
    assert ("3 mars 2026 à 13\u00a0h\u00a010" in listed, "À compléter" in listed) == (True, True)
    with desk.programme.database.read() as session:
        visit_id = session.scalars(select(Visit.id)).one()
    path = f"/counter/visits/{visit_id}"
    assert client.form(path).status_code == 422, "the question that must be answered"
    answers = {"a-type_lieu": "domicile", "a-autonomie": "autonome", "a-materiel": "aucun", "a-duree": "10"}
    done = client.form(path, **answers, **{"a-thematiques": "email"})
    assert ("Le passage est complété" in done.text, "À compléter" in done.text) == (True, False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("24/12", "2026-12-24"), ("1.2", "2027-02-01"), ("4-3", "2026-03-04"), ("5/3/27", "2027-03-05")],
)
def test_the_next_visit_is_written_as_on_paper(desk: Desk, typed: str, meant: str) -> None:
    client = an_hour_later(desk)
    sent = line(desk, desk.programme.typed(desk.programme.issue()), next_visit_on=typed)
    assert "Ligne 1-1 enregistrée" in client.form("/counter/paper/1", **sent).text
    with desk.programme.database.read() as session:
        (day,) = session.scalars(select(Visit.next_visit_on))
    assert day is not None
    assert day.isoformat() == meant


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("code", "1234 5678 9012 3456"), ("time", "midi"), ("time", "25:00"), ("number", "06 12"), ("number", ""),
        ("paid", "deux"), ("paid", "900"), ("line", "13"), ("page", "9"), ("day", ""), ("initials", ""),
        ("handed", "x" * 101), ("next_visit_on", "1/1/2020"), ("next_visit_on", "31/2"), ("next_visit_on", "bientôt"),
    ],
)  # fmt: skip
def test_a_fault_names_its_field_and_keeps_what_was_typed(desk: Desk, field: str, typed: str) -> None:
    client = an_hour_later(desk)
    sent = line(desk, desk.programme.typed(desk.programme.issue()), handed="une carte SIM") | {field: typed}
    answer = client.form("/counter/paper/1", **sent)
    assert (answer.status_code, faults(answer.text)) == (422, [])
    assert f'href="#f-{field}"' in answer.text
    for name, value in sent.items():
        assert f'name="{name}"' in answer.text
        assert f'value="{value}"' in answer.text, name
    with desk.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PaperLine)) == 0
        assert session.scalar(select(func.count()).select_from(Visit)) == 0


def test_unknown_codes_are_limited_and_the_line_stays_typed(desk: Desk) -> None:
    client = an_hour_later(desk)
    unknown = [with_check(f"{number:014d}") for number in range(PER_QUARTER.tries + 1)]
    said = [client.form("/counter/paper/1", **line(desk, code)) for code in unknown]
    assert [answer.status_code for answer in said] == [422] * PER_QUARTER.tries + [429]
    assert f'value="{unknown[-1]}"' in said[-1].text
    mistyped = desk.programme.typed(desk.programme.issue())[:-1]
    for digit in "0123456789":
        answer = desk.client(Role.COORDINATOR).form("/counter/paper/1", **line(desk, mistyped + digit))
        assert answer.status_code in {200, 422}, "what fails its own check is no guess"


def test_only_one_s_own_branch_and_no_volunteer(desk: Desk) -> None:
    coordinator, counter = desk.client(Role.COORDINATOR), desk.client()
    assert make(coordinator, branch_id=2).status_code == 200
    assert make(counter, branch_id=2).status_code == 422
    for path in ("/counter/paper/1", "/counter/paper/1/pack.pdf", "/counter/paper/99", f"/counter/paper/{2**40}"):
        assert counter.http.get(path).status_code == 404, path
    assert counter.form("/counter/paper/1", **line(desk, "1" * 16)).status_code == 404
    assert "Carnet 1" in coordinator.http.get("/counter/paper/1").text
    volunteer = desk.client(Role.VOLUNTEER)
    assert volunteer.http.get("/counter/paper/").status_code == 403
    assert "Papier" not in volunteer.http.get("/counter/visits").text
    assert make(counter, pages=21).status_code == 422


def words_of(pdf: bytes) -> list[str]:
    """The text of each page, on one line."""
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in pypdfium2.PdfDocument(pdf)]


def test_the_pack_holds_what_the_day_needs(desk: Desk) -> None:
    client = desk.client()
    make(client, pages=3)
    answer = client.http.get("/counter/paper/1/pack.pdf")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        200,
        "application/pdf",
        "no-store",
    )
    front, *log = words_of(answer.data)
    for text in ("Carnet de secours n° 1", "Antenne Nord", "Clé 1-1 (en service)", "Coordination", "115", "que faire"):
        assert text in front, text
    assert len(log) == 3
    for number, page in enumerate(log, start=1):
        assert f"Page {number} sur 3" in page
        assert [f"1-{number}-{at}" in page for at in range(1, 13)] == [True] * 12
    assert "?" not in "".join(log), "the font holds every letter"


def test_the_command_makes_one_too(desk: Desk, tmp_path: Any) -> None:
    runner, out = desk.app.test_cli_runner(), tmp_path / "carnet.pdf"
    make_it = ["emergency-pack", "--branch", "Antenne Sud", "--pages", "2", "--out", str(out), "--as"]
    assert runner.invoke(args=[*make_it, desk.login(Role.COUNTER)]).exit_code == 1
    done = runner.invoke(args=[*make_it, desk.login(Role.COORDINATOR)])
    assert done.exception is None, repr(done.exception)
    assert (done.exit_code, "Pack 1" in done.output) == (0, True)
    assert len(words_of(out.read_bytes())) == 3
    with desk.programme.database.read() as session:
        assert session.scalars(select(EmergencyPack.branch_id)).all() == [2]
