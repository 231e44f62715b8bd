"""Connections: made, tested and switched on by people; their secrets are never shown, and every fault is named."""

from __future__ import annotations

import logging
import re
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.doors.admin.connections.conftest import changed, dump, only, told
from tests.house import client_as, services_of
from tests.integrations.reloadly_server import ID, SECRET
from tests.integrations.talk import Served, served
from tests.integrations.tmf654_server import TOKEN, Tmf654Server
from voucher_service.crypto import SealBroken
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.connection_models import ConnectionChange
from voucher_service.ids import new_id
from voucher_service.staff.models import Role


def test_an_empty_room_says_what_to_do(awa: Desk, programme: Programme) -> None:
    page = awa.get("/admin/connections/").text
    assert "Aucun raccordement encore" in page
    assert "/admin/connections/new/reloadly" in page
    assert "/admin/connections/new/dt_one" in page
    form = awa.get("/admin/connections/new/tmf654").text
    assert 'type="password"' in form
    assert awa.get("/admin/connections/new/nobody").status_code == 404


def test_a_connection_is_tested_with_a_plain_answer(awa: Desk, made: str, there: Served) -> None:
    page = awa.follow(f"{made}/test").text
    assert "La connexion marche" in page
    assert "1\u202f234,56\xa0€" in page
    page = awa.follow(f"{made}/edit", **changed(there, client_secret="wrong"), version=1).text
    page = awa.follow(f"{made}/test").text
    assert "refuse nos identifiants" in page
    assert "Connexion testée" in page
    assert there.orders == []


def test_a_dry_run_orders_nothing_and_keeps_no_number(app: Flask, awa: Desk, made: str, there: Served) -> None:
    sent = {"number": "06 12 34 56 78", "product_code": "auto", "unit": "eur_cent", "quantity": "5"}
    page = awa.follow(f"{made}/try", **sent).text
    assert "Cette recharge pourrait partir. Rien n’a été envoyé." in page
    assert there.orders == []
    assert "612345678" not in dump(app)
    for field, value in (("number", "12"), ("product_code", ""), ("unit", "x"), ("quantity", "5,555")):
        answer = awa.send(f"{made}/try", **(sent | {field: value}))
        assert (answer.status_code, [name for name, _ in faults(answer)]) == (422, [field])


def test_the_callback_address_is_changed_after_a_look_at_what_that_does(app: Flask, awa: Desk, made: str) -> None:
    page = awa.get(made).text
    (old,) = re.findall(r"/callbacks/ondine/([0-9a-f]{32})", page)
    asked = awa.get(f"{made}/callback").text
    assert "sert encore sept jours" in asked
    assert "cesse aussitôt" not in asked
    assert old in awa.get(made).text, "a look changes nothing"
    page = awa.follow(f"{made}/callback").text
    (new,) = re.findall(r"/callbacks/ondine/([0-9a-f]{32})", page)
    assert new != old
    assert "Adresse de rappel changée" in page
    assert "cesse aussitôt" in awa.get(f"{made}/callback").text, (
        "a second change within the week ends the first address"
    )
    call = {"data": {"transactionId": 7, "status": "SUCCESSFUL"}}
    public = app.test_client()
    answers = [public.post(f"/callbacks/ondine/{one}", json=call).status_code for one in (old, new, "0" * 32)]
    assert answers == [204, 204, 404]
    assert Desk(client_as(app, Role.AUDITOR)).send(f"{made}/callback").status_code == 403
    assert new in awa.get(made).text


def test_the_catalogue_and_the_operator_of_a_number_are_asked_for(
    app: Flask, awa: Desk, made: str, there: Served
) -> None:
    page = awa.get(made).text
    assert f"{made}/selling" in page
    before = len(there.asked)
    assert "Demander le catalogue" in awa.get(f"{made}/selling").text
    assert len(there.asked) == before, "nothing is asked before a person asks"
    page = awa.send(f"{made}/selling", word="ondine").text
    for words in ("535", "Ondine France", "de 1\xa0€ à 50\xa0€", "sur la ligne", "1 produit."):
        assert words in page, words
    page = awa.send(f"{made}/selling").text
    assert "2 produits." in page
    assert "par un code à montrer" in page
    assert "Rien ne contient ce mot" in awa.send(f"{made}/selling", word="zzz").text
    page = awa.send(f"{made}/selling/number", number="06 12 34 56 78").text
    assert "Sans doute Ondine France" in page
    assert "ce n’est pas une preuve" in page
    there.partner.codes["33612345679"] = (404, "COULD_NOT_AUTO_DETECT_OPERATOR")  # type: ignore[attr-defined]  # ours
    assert "Il ne sait pas" in awa.send(f"{made}/selling/number", number="06 12 34 56 79").text
    assert awa.send(f"{made}/selling/number", number="12").status_code == 422
    assert "612345678" not in dump(app)
    awa.follow(f"{made}/edit", **changed(there, client_secret="wrong"), version=1)
    for path in ("selling", "selling/number"):
        assert "refuse nos identifiants" in awa.send(f"{made}/{path}", number="06 12 34 56 78").text
    assert there.orders == []


def test_the_list_is_asked_for_once_the_connection_is_on(awa: Desk, made: str) -> None:
    assert "Demander sa liste" in awa.get(made).text
    assert 'name="first_day"' in awa.get(f"{made}/list").text
    days = {"first_day": "2026-03-01", "last_day": "2026-03-02"}
    off = awa.send(f"{made}/list", **days)
    assert (off.status_code, "mettez-le en service" in off.text) == (409, True), faults(off)
    awa.follow(f"{made}/on")
    assert awa.send(f"{made}/list", first_day="2026-03-02", last_day="2026-03-01").status_code == 422
    empty = awa.send(f"{made}/list", **days)  # it has delivered nothing: there is no statement of nothing
    assert (empty.status_code, "aucune ligne" in empty.text) == (422, True)


def test_secrets_are_sealed_and_shown_nowhere(
    app: Flask, awa: Desk, made: str, there: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    awa.follow(f"{made}/test")
    pages = "".join(awa.get(path).text for path in ("/admin/connections/", made, f"{made}/edit"))
    wrong = awa.send(f"{made}/edit", **changed(there, client_secret="a b", country="x"), version=1).text
    said = capfd.readouterr()
    for secret in (ID, SECRET, "a b"):
        for place in (pages, wrong, dump(app), caplog.text, said.out, said.err):
            assert secret not in place
    held = only(app)
    plan = connections.plan_of(services_of(app).vault, held)
    assert (plan.secrets, SECRET in repr(plan)) == ({"client_id": ID, "client_secret": SECRET}, False)
    held.id = new_id()
    with pytest.raises(SealBroken):
        connections.plan_of(services_of(app).vault, held)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partner_id", "x"),
        ("route", "A b"),
        ("route", "x" * 99),
        ("base", "partner"),
        ("base", "https://user:secret@partner.example"),
        ("base", "https://partner.example?x=1"),
        ("auth_base", "ftp://partner.example"),
        ("audience", ""),
        ("audience", "x" * 5000),
        ("client_id", "a b"),
        ("client_secret", ""),
        ("client_secret", "é"),
        ("country", "FRA"),
        ("local_amount", "perhaps"),
        ("wait", ""),
        ("zone", "Paris"),
        ("zone", "../../etc/passwd"),
    ],
)
def test_a_fault_is_named_at_its_field(
    app: Flask, awa: Desk, there: Served, programme: Programme, field: str, value: str
) -> None:
    answer = awa.send("/admin/connections/new/reloadly", **told(there, programme, **{field: value}))
    assert (answer.status_code, [name for name, _ in faults(answer)]) == (422, [field])
    assert dump(app) == "[][]"
    assert SECRET not in answer.text


def test_a_short_name_is_taken_once_and_not_from_the_program(
    awa: Desk, made: str, there: Served, programme: Programme
) -> None:
    for route in ("ondine", "sandbox"):
        answer = awa.send("/admin/connections/new/reloadly", **told(there, programme, route=route))
        assert (answer.status_code, [name for name, _ in faults(answer)]) == (409, ["route"])


def test_http_is_for_trials_only(awa: Desk, there: Served, programme: Programme) -> None:
    answer = awa.send("/admin/connections/new/reloadly", **told(there, programme, trial="no"))
    assert [name for name, _ in faults(answer)] == ["base"]


def test_an_operator_with_its_own_codes(awa: Desk, programme: Programme) -> None:
    with served(Tmf654Server()) as there:
        sent = {
            "partner_id": programme.partner_id,
            "route": "direct",
            "base": there.base,
            "trial": "yes",
            "auth": "bearer",
            "login": "",
            "secret": TOKEN,
            "party_account": "PA-1",
            "bucket": "{number}",
            "codes": "400 21 beneficiary",
        }
        answer = awa.send("/admin/connections/new/tmf654", **(sent | {"codes": "400 21"}))
        assert [name for name, _ in faults(answer)] == ["codes"]
        answer = awa.send("/admin/connections/new/tmf654", **(sent | {"auth": "basic"}))
        assert [name for name, _ in faults(answer)] == ["login"]
        page = awa.follow("/admin/connections/new/tmf654", **sent).text
        assert "ne pas la trouver ne prouve rien" in page
        path = re.findall(r"/admin/connections/([0-9a-f-]{36})", awa.get("/admin/connections/").text)[0]
        assert "La connexion marche" in awa.follow(f"/admin/connections/{path}/test").text


def test_a_change_is_written_down_without_its_values(app: Flask, awa: Desk, made: str, there: Served) -> None:
    awa.follow(f"{made}/edit", **changed(there, country="BE", client_secret="new-secret-1"), version=1)
    answer = awa.send(f"{made}/edit", **changed(there, country="DE"), version=1)
    assert answer.status_code == 409
    assert "Quelqu’un vient de modifier" in answer.text
    awa.follow(f"{made}/edit", **changed(there, country="BE"), version=2)  # nothing changed: nothing written
    awa.follow(f"{made}/on")
    with services_of(app).database.read() as session:
        lines = session.scalars(select(ConnectionChange).order_by(ConnectionChange.number)).all()
    assert [(line.kind, line.fields) for line in lines] == [
        ("created", []),
        ("edited", ["country", "client_secret"]),
        ("enabled", []),
    ]
    assert all(line.actor.startswith("staff:") for line in lines)
    plan = connections.plan_of(services_of(app).vault, only(app))
    assert plan.secrets == {"client_id": ID, "client_secret": "new-secret-1"}
    with pytest.raises(IntegrityError, match="written once"), services_of(app).database.begin() as session:
        session.execute(text("UPDATE connection_change SET actor = 'x'"))


def test_an_auditor_reads_and_changes_nothing(app: Flask, made: str) -> None:
    hugo = Desk(client_as(app, Role.AUDITOR))
    assert hugo.get(made).status_code == 200
    assert "Mettre en service" not in hugo.get(made).text
    assert hugo.send(f"{made}/on").status_code == 403
    assert only(app).enabled is False


def test_a_connection_of_nobody_is_not_found(awa: Desk) -> None:
    for path in ("", "/edit", "/try"):
        assert awa.get(f"/admin/connections/{UUID(int=7)}{path}").status_code == 404
