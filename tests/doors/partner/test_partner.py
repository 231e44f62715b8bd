"""The partner's door: upload, preview, result, export, and nobody else's statements."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.flows.reconciliation.builders import DAY, Wanted, add_orders, make_world
from tests.house import LOGIN_OF, client_as, make_app, services_of, token
from voucher_service.ids import local_day, utc_now
from voucher_service.partners.models import Agreement
from voucher_service.partners.policies import set_threshold
from voucher_service.reconciliation.models import Break, Statement
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.staff.models import Role, Staff
from voucher_service.units import Unit


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application with orders of the partner that the partner's account belongs to."""
    made = make_app(database_url, tmp_path)
    with services_of(made).database.begin() as session:
        world = make_world(session, "Opérateur test")
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        staff = session.scalars(select(Staff).where(Staff.login == LOGIN_OF[Role.PARTNER])).one()
        staff.partner_id = world.partner_id
        make_world(session, "Autre opérateur")
    yield made
    services_of(made).database.close()


def own(app: Flask) -> UUID:
    with services_of(app).database.read() as session:
        found = session.scalar(select(Staff.partner_id).where(Staff.login == LOGIN_OF[Role.PARTNER]))
        assert found is not None
        return found


def send(client: FlaskClient, partner: UUID, content: bytes) -> TestResponse:
    address = f"/partner/{partner}/upload"
    data = {"csrf_token": token(client.get(address)), "statement": (io.BytesIO(content), "mars.csv")}
    return client.post(address, data=data, content_type="multipart/form-data", follow_redirects=True)


def accept(client: FlaskClient, partner: UUID, shown: TestResponse) -> TestResponse:
    digest = shown.text.partition('name="digest" value="')[2][:64]
    days = {"first_day": DAY.isoformat(), "last_day": DAY.isoformat()}
    data = {"csrf_token": token(shown), "digest": digest, "file_name": "mars.csv", **days}
    return client.post(f"/partner/{partner}/statements", data=data)


def upload_and_confirm(client: FlaskClient, partner: UUID, content: bytes) -> tuple[str, str]:
    """Send a statement through both forms; return the preview, and the address of the result."""
    shown = send(client, partner, content)
    assert shown.status_code == 200, shown.text
    days = {
        name: shown.text.partition(f'name="{name}" type="date" value="')[2][:10] for name in ("first_day", "last_day")
    }
    digest = shown.text.partition('name="digest" value="')[2][:64]
    answer = client.post(
        f"/partner/{partner}/statements",
        data={"csrf_token": token(shown), "digest": digest, "file_name": "a.csv", **days},
    )
    assert answer.status_code == 303, answer.text
    return shown.text, answer.location


def sample(app: Flask, partner: UUID) -> bytes:
    with services_of(app).database.read() as session:
        return make_statement_csv(session, partner, DAY, DAY)


def test_a_right_statement_ends_at_zero_unexplained_lines(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    assert client.get("/partner/").location == f"/partner/{partner}/"
    shown = send(client, partner, sample(app, partner))
    assert shown.status_code == 200
    assert "Total de contrôle vérifié" in shown.text
    with services_of(app).database.read() as session:
        assert session.scalar(select(func.count()).select_from(Statement)) == 0
    answer = accept(client, partner, shown)
    assert answer.status_code == 303
    assert "<h1>0 ligne inexpliquée</h1>" in client.get(answer.location).text
    assert "mars.csv" in client.get(f"/partner/{partner}/").text
    assert "D’accord" in client.get(answer.location + "/lines").text
    assert accept(client, partner, shown).status_code == 409  # the file waits once


def test_each_difference_is_named_exported_and_written_about(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    content = sample(app, partner).replace(b"5,00", b"6,00").replace(b"TOTAL;2;15,00", b"TOTAL;2;16,00")
    answer = accept(client, partner, send(client, partner, content))
    page = client.get(answer.location)
    assert "<h1>1 écart à traiter</h1>" in page.text
    assert "Montant différent" in page.text
    body = client.get(answer.location + "/differences.csv")
    assert body.mimetype == "text/csv"
    assert "amount_differs;2;Montant différent" in body.text
    filtered = client.get(answer.location + "?kind=missing_at_partner")
    assert "Montant différent</a></h2>" not in filtered.text
    assert client.get(answer.location + "?kind=nonsense").status_code == 422
    with services_of(app).database.read() as session:
        found = session.scalars(select(Break.id)).one()
    home = f"/partner/{partner}/breaks/"
    assert f"{home}{found}" in page.text
    assert "Montant différent" in client.get(home).text
    assert "Montant différent</a>" not in client.get(f"{home}?state=closed").text
    assert client.get(f"{home}?age=never").status_code == 422
    shown = client.get(f"{home}{found}")
    assert "ligne 2" in shown.text or "ligne 3" in shown.text
    said = {"csrf_token": token(shown), "words": "Nous avons livré 6 € : voir la facture."}
    assert client.post(f"{home}{found}/notes", data=said | {"words": "a"}).status_code == 422
    assert "voir la facture" in client.post(f"{home}{found}/notes", data=said, follow_redirects=True).text
    coordinator = client_as(app, Role.COORDINATOR)
    assert "voir la facture" in coordinator.get(f"/admin/breaks/{found}").text
    assert coordinator.post(f"{home}{found}/notes", data=said).status_code in {400, 403}
    assert "L’opérateur a écrit" in coordinator.get("/admin/breaks/").text
    ours = {"csrf_token": token(coordinator.get("/admin/")), "words": "Nous regardons."}
    assert coordinator.post(f"/admin/breaks/{found}/notes", data=ours).status_code == 303
    assert "L’opérateur a écrit" not in coordinator.get("/admin/breaks/").text
    assert "L’association a écrit" in client.get(home).text
    booking = {"csrf_token": ours["csrf_token"], "way": "theirs", "note": "Vu ensemble"}
    answers = [coordinator.post(f"/admin/breaks/{found}/settle", data=booking) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 409], "what was typed stays on the page that refuses"
    assert "Une proposition attend déjà" in answers[1].text
    with services_of(app).database.read() as session:
        other = session.scalars(select(Agreement.partner_id).where(Agreement.partner_id != partner)).first()
    for path in ("", str(found)):
        assert client.get(f"/partner/{other}/breaks/{path}").status_code == 404
        assert coordinator.get(f"/partner/{other}/breaks/{path}").status_code == (404 if path else 200)
    again = coordinator.post(answer.location + "/run", data={"csrf_token": token(coordinator.get(answer.location))})
    assert again.status_code == 303


def test_what_may_be_the_same_top_up_is_shown_on_both_doors(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    rows = sample(app, partner).decode("utf-8-sig").splitlines()
    at = next(place for place, row in enumerate(rows) if ";Livré;" in row)
    cells = rows[at].split(";")
    rows[at] = ";".join([cells[0], "une-autre", "", "", *cells[4:]])
    accept(client, partner, send(client, partner, "\n".join(rows).encode()))
    with services_of(app).database.read() as session:
        found = {one.kind: one.id for one in session.scalars(select(Break))}
    coordinator = client_as(app, Role.COORDINATOR)
    sides = ("unexpected_at_partner", "missing_at_partner")
    for here, there in (sides, sides[::-1]):
        for door, path in ((client, f"/partner/{partner}/breaks/"), (coordinator, "/admin/breaks/")):
            page = door.get(f"{path}{found[here]}").text
            assert "Peut-être la même recharge" in page
            assert f'href="{path}{found[there]}"' in page
    _match_by_hand(app, partner, found)


def _match_by_hand(app: Flask, partner: UUID, found: dict[str, UUID]) -> None:
    """Walk from a suggestion to its end, wrong input on the way; the partner reads what was done, and by which side."""
    coordinator, auditor = client_as(app, Role.COORDINATOR), client_as(app, Role.AUDITOR)
    home = f"/admin/breaks/{found['unexpected_at_partner']}"
    assert "C’est la même : rapprocher" not in auditor.get(home).text
    with services_of(app).database.begin() as session:
        order = session.get_one(Break, found["missing_at_partner"]).order_id
        today = local_day(utc_now())
        set_threshold(session, unit=Unit.EUR_CENT, effective_from=today, quantity=100_000, today=today)
    said = {"csrf_token": token(coordinator.get(home)), "answer": "same", "candidate": str(order), "pair_note": "Vu"}
    for wrong, anchor in (
        ({}, "f-pair_note"),
        ({"candidate": ""}, "f-order_ref"),
        ({"order_ref": "12"}, "f-order_ref"),
    ):
        refused = coordinator.post(f"{home}/pairings/", data={key: one for key, one in (said | wrong).items() if one})
        assert (refused.status_code, f'href="#{anchor}"' in refused.text) == (422, True), wrong
    assert (
        auditor.post(f"{home}/pairings/", data=said | {"csrf_token": token(auditor.get("/admin/"))}).status_code == 403
    )
    said["pair_note"] = "Confirmé au téléphone"
    apart = coordinator.post(f"{home}/pairings/", data=said | {"answer": "apart"}, follow_redirects=True).text
    assert "Pas la même recharge" in apart
    undone = {"csrf_token": said["csrf_token"], "pairing_id": apart.split('name="pairing_id" value="')[1][:36]}
    assert coordinator.post(f"{home}/pairings/undo", data=undone | {"undo_note": "x"}).status_code == 422
    coordinator.post(f"{home}/pairings/undo", data=undone | {"undo_note": "Erreur de saisie"})
    ours = f"/admin/breaks/{found['missing_at_partner']}/pairings/"
    said["candidate"] = str(found["unexpected_at_partner"])
    done = coordinator.post(ours, data=said, follow_redirects=True)
    assert "Rapproché à la main" in done.text
    assert "La même recharge" in done.text
    theirs = client_as(app, Role.PARTNER).get(f"/partner/{partner}/breaks/{found['unexpected_at_partner']}").text
    assert "Rapproché à la main" in theirs
    assert "Confirmé au téléphone" in theirs


def test_a_bad_file_names_line_and_column_and_keeps_the_form(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    for content, words in (
        (sample(app, partner).replace(b";5,00;", b";cinq;"), ", colonne Quantité : « cinq »"),
        (b"PK\x03\x04", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"", "vide"),
    ):
        answer = send(client, partner, content)
        assert answer.status_code == 422
        assert words in answer.text
        assert 'name="statement"' in answer.text


def test_a_partner_sees_its_own_things_only(app: Flask) -> None:
    client, partner = client_as(app, Role.PARTNER), own(app)
    answer = accept(client, partner, send(client, partner, sample(app, partner)))
    with services_of(app).database.read() as session:
        other = session.scalars(select(Agreement.partner_id).where(Agreement.partner_id != partner)).first()
    statement = answer.location.rpartition("/")[2]
    for path in ("/", "/upload", f"/statements/{statement}", f"/statements/{statement}/lines"):
        assert client.get(f"/partner/{other}{path}").status_code == 404
    assert client.get(f"/partner/{other}/statements/{statement}/differences.csv").status_code == 404
    coordinator = client_as(app, Role.COORDINATOR)
    assert "Autre opérateur" in coordinator.get("/partner/").text
    assert coordinator.get(f"/partner/{partner}/statements/{statement}").status_code == 200
    assert coordinator.get(f"/partner/{other}/statements/{statement}").status_code == 404
    assert client_as(app, Role.COUNTER).get(f"/partner/{partner}/").status_code == 403
