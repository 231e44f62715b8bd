"""The guided first statement: guessed, corrected, kept as a profile; refused when the shape changes; never lost."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.flows.reconciliation.builders import Wanted, add_orders, make_world
from tests.house import LOGIN_OF, client_as, make_app, services_of, token
from tests.unit.statements.shapes import SHAPES
from voucher_service.reconciliation.intake.models import ReaderProfile
from voucher_service.reconciliation.models import Statement
from voucher_service.staff.models import Role, Staff

OWN = SHAPES["own_words"]().content


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = make_app(sqlite_url, tmp_path)
    with services_of(made).database.begin() as session:
        world = make_world(session, "Opérateur test")
        add_orders(session, world, [Wanted()])
        session.scalars(select(Staff).where(Staff.login == LOGIN_OF[Role.PARTNER])).one().partner_id = world.partner_id
    yield made
    services_of(made).database.close()


def own(app: Flask) -> UUID:
    with services_of(app).database.read() as session:
        found = session.scalar(select(Staff.partner_id).where(Staff.login == LOGIN_OF[Role.PARTNER]))
        assert found is not None
        return found


def count(app: Flask, table: type[Statement] | type[ReaderProfile]) -> int:
    with services_of(app).database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def send(client: FlaskClient, partner: UUID, content: bytes, name: str = "mars.csv") -> TestResponse:
    address = f"/partner/{partner}/upload"
    data = {"csrf_token": token(client.get(address)), "statement": (io.BytesIO(content), name)}
    return client.post(address, data=data, content_type="multipart/form-data")


def fields(page: str) -> dict[str, str]:
    """What the form of the settings would send as it stands."""
    form = page[page.index("novalidate") :]
    found = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[unescape(name)] = unescape(chosen[1]) if chosen else ""
    return {name: unescape(value) for name, value in found.items()}


def confirm(client: FlaskClient, partner: UUID, page: str, **more: str) -> TestResponse:
    def value(name: str) -> str:
        found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
        assert found is not None, name
        return unescape(found[1])

    names = ("csrf_token", "digest", "settings", "first_day", "last_day")
    return client.post(f"/partner/{partner}/statements", data={name: value(name) for name in names} | more)


def test_a_first_file_nobody_understands_is_explained_kept_and_imported(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    sent = send(client, partner, OWN)
    assert sent.status_code == 303
    page = client.get(sent.location).text
    assert "Statut : Nous n’avons pas trouvé cette colonne" in page
    assert "Rien ne dit en quelle unité" in page
    assert "Aboutie" in page, "the first lines as they stand"
    missing = client.post(sent.location, data=fields(page))
    assert (missing.status_code, "Statut : Choisissez la colonne" in missing.text) == (422, True)
    words = client.post(sent.location, data=fields(page) | {"column_status": "3", "unit": "EUR"})
    assert words.status_code == 422
    assert "Dites ce que veut dire chaque mot" in words.text
    told = fields(words.text)
    assert {"said:aboutie", "said:ko reseau", "said:avoir emis"} <= told.keys()
    told |= {"said:aboutie": "delivered", "said:ko reseau": "refused", "said:avoir emis": "reversed"}
    shown = client.post(sent.location, data=told)
    assert shown.status_code == 200, shown.text
    assert (count(app, Statement), count(app, ReaderProfile)) == (0, 0)
    for raw, read in (
        ("1.234,56", "1\u202f234,56"),
        ("13.03.26 08:11:00", "13/03/2026\u00a008:11"),
        ("Avoir émis", "reprise"),
    ):
        assert raw in shown.text
        assert read in shown.text
    done = confirm(client, partner, shown.text, number="12")
    assert done.status_code == 303, done.text
    assert (count(app, Statement), count(app, ReaderProfile)) == (1, 1)
    result = client.get(done.location).text
    assert "Relevé n° 12" in result
    assert "réglages de lecture n° 1" in result
    again = send(client, partner, OWN)
    assert again.location == done.location
    assert "déjà importé" in client.get(again.location).text
    assert "« aboutie »" in client.get(f"/partner/{partner}/reading").text


def test_the_next_file_is_read_the_same_way_or_refused(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    french = SHAPES["french_semicolons"]().content
    first = client.get(send(client, partner, french).location)
    assert confirm(client, partner, first.text).status_code == 303
    renamed = send(client, partner, french.replace(b"Montant (EUR)", b"Valeur (EUR)"))
    assert renamed.status_code == 422
    assert "ligne 3, colonne Montant (EUR)" in unescape(renamed.text)
    rows = [row.split(b";") for row in french.replace(b"TX-1001", b"TX-2001").splitlines()]
    moved = b"\n".join(b";".join([*row[1:], row[0], b"Lille"] if len(row) == 5 else row) for row in rows)
    moved = moved.replace(b"client;Lille", b"client;Agence")
    page = client.get(send(client, partner, moved).location).text
    assert "Le fichier a changé de forme" in page
    assert "Nouvelles, non lues : Agence" in page
    assert "Ont changé de place : Identifiant transaction" in page
    assert confirm(client, partner, page).status_code == 303
    assert count(app, ReaderProfile) == 1, "the profile finds its columns by their names"


def test_a_file_waits_unchanged_is_forgotten_and_belongs_to_its_partner(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    sent = send(client, partner, OWN)
    folder = services_of(app).settings.data_dir / "uploads"
    (kept,) = folder.glob("*.csv")
    assert (OWN[:20] in kept.read_bytes(), kept.stat().st_mode & 0o777) == (False, 0o400)
    assert client.get(sent.location).status_code == 200
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"x")  # whoever changes it on the disk is seen
    assert client.get(sent.location).status_code == 409
    send(client, partner, OWN)
    page = client.get(sent.location)
    assert page.status_code == 200
    coordinator = client_as(app, Role.COORDINATOR)
    assert coordinator.get(sent.location).status_code == 200
    assert client_as(app, Role.COUNTER).get(sent.location).status_code == 403
    csrf = {"csrf_token": token(page)}
    assert client.post(sent.location + "/drop", data=csrf).status_code == 303
    assert list(folder.iterdir()) == []
    assert client.get(sent.location).status_code == 409
    assert client.get(f"/partner/{partner}/upload/{'../' * 3}x").status_code == 404
    assert client.get(f"/partner/{partner}/upload/{'z' * 64}").status_code == 409


def test_a_number_twice_is_said_beside_the_form_and_a_correction_takes_its_place(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    french = SHAPES["french_semicolons"]().content
    first = confirm(client, partner, client.get(send(client, partner, french).location).text, number="7")
    statement = first.location.rpartition("/")[2]
    changed = french.replace(b"TX-1001", b"TX-9001")
    page = client.get(send(client, partner, changed).location).text
    twice = confirm(client, partner, page, number="7")
    assert twice.status_code == 409
    assert "n° 7 existe déjà" in twice.text
    done = confirm(client, partner, twice.text, replaces=statement)
    assert done.status_code == 303
    assert "version corrigée 2" in client.get(done.location).text
    old = client.get(first.location).text
    assert "<h1>Relevé remplacé</h1>" in old
    assert "Refaire le rapprochement" not in old
    csrf = token(client.get(f"/partner/{partner}/upload"))
    assert client.post(first.location + "/run", data={"csrf_token": csrf}).status_code == 409
    third = client.get(send(client, partner, french.replace(b"TX-1001", b"TX-5001")).location).text
    confirm(client, partner, third, number="9")
    assert "Il manque un relevé" in client.get(f"/partner/{partner}/").text


def test_the_settings_are_changed_on_the_last_statement_by_the_coordination_too(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    book = SHAPES["serial_book"]().content
    confirm(client, partner, client.get(send(client, partner, book, "mars.xlsx").location).text)
    coordinator = client_as(app, Role.COORDINATOR)
    home = coordinator.get(f"/partner/{partner}/reading").text
    found = re.search(rf'href="(/partner/{partner}/upload/[0-9a-f]{{64}})"', home)
    assert found is not None
    page = coordinator.get(found[1]).text
    assert "Ce relevé ne change pas" in page
    told = fields(page) | {"zone": "Mars/Olympus", "act": "keep", "csrf_token": token(coordinator.get(found[1]))}
    assert coordinator.post(found[1], data=told).status_code == 422
    kept = coordinator.post(found[1], data=told | {"zone": "UTC"}, follow_redirects=True)
    assert "version 2" in kept.text
    assert count(app, ReaderProfile) == 2
    assert count(app, Statement) == 1
    auditor = client_as(app, Role.AUDITOR)
    assert auditor.get(f"/partner/{partner}/reading").status_code == 200
    assert auditor.get(found[1]).status_code == 403


@pytest.mark.parametrize("settings", ["{}", "[]", "null", "x", '{"kind":"csv"}'])
def test_settings_that_are_none_are_refused(app: Flask, settings: str) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    page = client.get(send(client, partner, SHAPES["french_semicolons"]().content).location)
    assert confirm(client, partner, page.text, settings=settings).status_code == 422
    assert count(app, Statement) == 0
