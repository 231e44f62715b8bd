"""People under a reference; who they are, for a purpose and never to an auditor. Accounts, branches, stock."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import enter, services_of
from voucher_service.fulfilment.lists import shelves
from voucher_service.fulfilment.models import StockItem
from voucher_service.ids import local_day, new_id, utc_now
from voucher_service.people.models import Person, PersonKey
from voucher_service.staff.models import Staff
from voucher_service.web.log import make_logger

CANARIES = ("Zoé Canari", "06 98 76 54 32", "0698765432", "1983")
HELP = Path(__file__).parents[3] / "admin" / "templates" / "admin" / "stock" / "lot_format.html"


def register(desk: Desk) -> str:
    """Register someone; return the address of the page."""
    sent = {"name": "Zoé Canari", "phone": "06 98 76 54 32", "birth_year": "1983", "language": "uk"}
    answer = desk.send("/admin/people/new", key=str(new_id()), **sent)
    assert answer.status_code == 303, faults(answer)
    return str(answer.location)


def test_who_someone_is_shows_once_for_a_purpose_and_is_logged(
    app: Flask, awa: Desk, hugo: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = register(awa), io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    app.extensions["log"] = make_logger("INFO")  # takes hold of the standard error of the moment
    for page in (awa.get(path).text, hugo.get(path).text, awa.get("/admin/people/").text):
        assert not any(canary in page.replace("\u202f", " ") for canary in CANARIES)
    assert faults(awa.send(f"{path}/identity"))[0][0] == "purpose"
    shown = awa.send(f"{path}/identity", purpose="reminder")
    assert "Zoé Canari" in shown.text
    assert "06 98 76 54 32" in shown.text.replace("\u202f", " ")
    assert shown.headers["Cache-Control"] == "no-store"
    assert hugo.send(f"{path}/identity", purpose="reminder").status_code == 403
    lines = [line for line in written.getvalue().splitlines() if "identity_revealed" in line]
    assert len(lines) == 1
    assert path.rsplit("/", 1)[1] in lines[0]
    assert '"purpose": "reminder"' in lines[0]
    assert not any(canary in lines[0] for canary in CANARIES)


def test_someone_is_found_by_reference_or_number(app: Flask, awa: Desk, hugo: Desk) -> None:
    path = register(awa)
    with services_of(app).database.read() as session:
        reference = session.scalars(select(Person.reference)).one()
    for text in (reference.lower().replace("-", " "), "+33 6 98 76 54 32"):
        assert awa.send("/admin/people/search", text=text).location == path
    assert hugo.send("/admin/people/search", text=reference).status_code == 403
    other = register(awa)
    both = awa.send("/admin/people/search", text="0698765432").text
    assert path in both
    assert other in both


def test_a_number_changes_and_an_erased_person_stays_unreadable(app: Flask, awa: Desk) -> None:
    path = register(awa)
    awa.follow(f"{path}/phone", phone="06 12 34 56 78")
    assert "06 12 34 56 78" in awa.send(f"{path}/identity", purpose="correction").text.replace("\u202f", " ")
    assert faults(awa.send(f"{path}/erase", reference="NON"))[0][0] == "reference"
    with services_of(app).database.read() as session:
        reference = session.scalars(select(Person.reference)).one()
    assert "Effacée le" in awa.follow(f"{path}/erase", reference=reference.lower()).text
    with services_of(app).database.read() as session:
        assert session.scalar(select(func.count()).select_from(PersonKey)) == 0
    for answer in (awa.send(f"{path}/identity", purpose="reminder"), awa.get(f"{path}/phone")):
        assert answer.status_code == 404


def test_a_new_colleague_signs_in_with_the_password_shown_once(app: Flask, awa: Desk, programme: Programme) -> None:
    sent = {"login": "nour.b", "name": "Nour B.", "role": "counter", "branch_ids": str(programme.branch_id)}
    page = awa.send("/admin/team/new", key=str(new_id()), **sent)
    shown = re.search(r'id="password">([^<]+)<', page.text)
    assert shown
    assert page.headers["Cache-Control"] == "no-store"
    client = app.test_client()
    assert enter(client, "nour.b", shown[1]).status_code == 303
    with services_of(app).database.read() as session:
        member: UUID = session.scalars(select(Staff.id).where(Staff.login == "nour.b")).one()
    again = re.search(r'id="password">([^<]+)<', awa.send(f"/admin/team/{member}/password").text)
    assert again
    assert enter(app.test_client(), "nour.b", shown[1]).status_code == 422
    assert enter(app.test_client(), "nour.b", again[1]).status_code == 303
    awa.follow(f"/admin/team/{member}/close")
    assert enter(app.test_client(), "nour.b", again[1]).status_code == 422
    assert "nour.b" in awa.get("/admin/team/?role=counter").text


def test_nobody_closes_their_own_account(app: Flask, awa: Desk) -> None:
    with services_of(app).database.read() as session:
        own = session.scalars(select(Staff.id).where(Staff.login == "coordination")).one()
    assert "une autre personne doit le fermer" in awa.follow(f"/admin/team/{own}/close").text
    assert awa.get("/admin/").status_code == 200


def test_a_branch_opens_with_its_till(awa: Desk) -> None:
    page = awa.follow("/admin/branches/new", name="Nantes Centre", city="Nantes", address="1 rue A", hours="9 h – 17 h")
    assert "Nantes Centre" in page.text
    assert re.search(r"/admin/books/\?book_id=\d+", page.text)


def example() -> str:
    """Return the file that the help shows."""
    found = re.search(r'<pre class="code">(.*?)</pre>', HELP.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_file_shown_as_an_example_is_taken_in_once(app: Flask, awa: Desk, programme: Programme) -> None:
    def send(text: str) -> object:
        file = (io.BytesIO(text.encode()), "lot.csv")
        return awa.send("/admin/stock/import", partner_id=str(programme.partner_id), file=file)

    assert "Vide" in awa.get("/admin/stock/").text
    assert send(example()).status_code == 303  # type: ignore[attr-defined]  # an answer
    assert send(example()).status_code == 303  # type: ignore[attr-defined]  # an answer
    with services_of(app).database.read() as session:
        assert session.scalar(select(func.count()).select_from(StockItem)) == 2
        assert [shelf.in_stock for shelf in shelves(session, local_day(utc_now()))] == [2]
    assert "Bas : moins de" in awa.get("/admin/stock/").text


def test_a_broken_file_is_refused_whole_with_line_and_column(app: Flask, awa: Desk, programme: Programme) -> None:
    broken = example().replace("1234567897", "1234567890")
    answer = awa.send(
        "/admin/stock/import",
        partner_id=str(programme.partner_id),
        file=(io.BytesIO(broken.encode()), "lot.csv"),
    )
    assert answer.status_code == 422
    field, sentence = faults(answer)[0]
    assert field == "file"
    assert sentence.startswith("ligne 6, colonne serial")
    with services_of(app).database.read() as session:
        assert session.scalar(select(func.count()).select_from(StockItem)) == 0


def test_nobody_gives_themselves_a_second_signature(app: Flask, awa: Desk) -> None:
    sent = {"login": "moi.bis", "name": "Moi Bis", "role": "coordinator"}
    answer = awa.send("/admin/team/new", key=str(new_id()), **sent)
    assert answer.status_code == 422
    assert faults(answer)[0][0] == "role"
    with services_of(app).database.read() as session:
        other = session.scalars(select(Staff).where(Staff.login == "coordination2")).one()
        assert session.scalar(select(Staff.id).where(Staff.login == "moi.bis")) is None
    assert "deuxième signature" in awa.follow(f"/admin/team/{other.id}/password").text
    with services_of(app).database.read() as session:
        assert session.get_one(Staff, other.id).password_hash == other.password_hash
    assert enter(app.test_client(), "coordination2").status_code == 303
