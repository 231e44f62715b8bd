"""What every answer carries, and how errors are told to people and to programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Blueprint, Flask, request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from tests.house import client_as, composed, make_app, make_settings, services_of, token
from voucher_service import errors
from voucher_service.app import create_app
from voucher_service.staff.models import Role
from voucher_service.units import Unit
from voucher_service.web import doors
from voucher_service.web.session.views import blueprint as session_blueprint

JSON = {"Accept": "application/json"}
SECRET = "10042 Jean Dupont 0612345678"


class Sent(BaseModel):
    """A form with every kind of field."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=10)
    count: int = Field(ge=1, le=50)
    unit: Unit
    branches: list[int] = Field(default=[], max_length=2)


def _fault(kind: str) -> Exception:
    original = Exception(SECRET)
    faults: dict[str, Exception] = {
        "integrity": IntegrityError("INSERT", {"name": SECRET}, original),
        "away": OperationalError("SELECT", {"name": SECRET}, original),
        "data": DataError("INSERT", {"name": SECRET}, original),
        "bug": ValueError(SECRET),
        "file": errors.BadFile("Le numéro de série manque.", line=7, column="serial"),
        "conflict": errors.Conflict("Déjà fait : rechargez.", code="done_already"),
    }
    return faults[kind]


@pytest.fixture
def planted(sqlite_url: str, tmp_path: Path) -> Flask:
    """The application with views that read a form and fail in chosen ways."""
    blueprint = Blueprint("planted", __name__)

    @blueprint.post("/form")
    @doors.public
    def form() -> dict[str, object]:
        return doors.read_form(Sent).model_dump()

    @blueprint.get("/fail/<kind>")
    @doors.public
    def fail(kind: str) -> str:
        raise _fault(kind)

    @blueprint.post("/upload")
    @doors.requires(*Role, upload=True)
    def upload() -> str:
        return str(len(request.get_data()))

    @blueprint.post("/once")
    @doors.public
    def once() -> str:
        return str(doors.client_key())

    app = create_app(services_of(make_app(sqlite_url, tmp_path)), [session_blueprint, blueprint])
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def test_every_answer_carries_the_headers(app: Flask) -> None:
    for path in ("/sign-in", "/nowhere", "/healthz", "/password", "/"):
        answer = app.test_client().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';")
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Permissions-Policy"].startswith("camera=(self)")
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in answer.headers


def test_in_service_cookies_travel_on_https_only(sqlite_url: str, tmp_path: Path) -> None:
    app = make_app(sqlite_url, tmp_path, secure_cookies=True)
    answer = app.test_client().get("/sign-in", base_url="https://localhost")
    assert re.fullmatch(r"__Host-session=[^;]+; Secure; HttpOnly; Path=/; SameSite=Lax", answer.headers["Set-Cookie"])
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")


def test_pages_behind_the_sign_in_are_kept_nowhere(app: Flask) -> None:
    assert client_as(app, Role.COUNTER).get("/password").headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_for_a_year_at_an_address_of_their_content(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/sign-in").text
    found = re.search(r'href="(/static/([0-9a-f]{12})/css/app\.css)"', page)
    assert found
    with client.get(found[1]) as answer:
        assert answer.status_code == 200
    assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))
    assert "Set-Cookie" not in answer.headers
    with client.get(found[1].replace(found[2], "0" * 12)) as old:
        assert old.data
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    for outside in ("/static/x/../../app.py", "/static/x/%2e%2e/%2e%2e/app.py", "/static/x//etc/passwd"):
        assert client.get(outside, follow_redirects=True).status_code == 404


def test_healthz_is_ready_only_on_a_database_at_the_newest_step(app: Flask, tmp_path: Path) -> None:
    ready = app.test_client().get("/healthz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    with services_of(app).database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    behind = app.test_client().get("/healthz")
    assert (behind.status_code, behind.get_json()["schema"]) == (503, "0001")
    empty = composed(make_settings(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path))
    assert empty.test_client().get("/healthz").status_code == 503


def test_a_database_that_is_away_is_said_plainly(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"
    client = composed(make_settings(url, tmp_path)).test_client()
    assert client.get("/healthz").get_json() == {"status": "not_ready", "database": "away"}
    sent = {"login": "accueil", "password": "x", "csrf_token": token(client.get("/sign-in"))}
    answer = client.post("/sign-in", data=sent)
    assert answer.status_code == 503
    assert "momentanément indisponible" in answer.text
    assert client.post("/sign-in", data=sent, headers=JSON).get_json()["code"] == "not_ready"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("integrity", 409, "conflict"),
        ("away", 503, "not_ready"),
        ("data", 422, "bad_input"),
        ("bug", 500, "internal_error"),
        ("file", 422, "bad_file"),
        ("conflict", 409, "done_already"),
    ],
)
def test_each_error_is_a_page_and_a_problem(
    capsys: pytest.CaptureFixture[str], planted: Flask, kind: str, status: int, code: str
) -> None:
    page = planted.test_client().get(f"/fail/{kind}")
    problem = planted.test_client().get(f"/fail/{kind}", headers=JSON)
    assert page.status_code == problem.status_code == status
    assert "<h1>" in page.text
    assert "Que faire maintenant" in page.text
    assert problem.content_type == "application/problem+json"
    told = problem.get_json()
    assert (told["status"], told["code"], told["type"]) == (status, code, f"urn:coup-de-pouce:{code}")
    logged = capsys.readouterr().err
    for secret in SECRET.split():
        assert secret not in page.text + problem.text + logged
    if kind == "bug":
        incidents = [json.loads(line).get("incident") for line in logged.splitlines()]
        assert told["incident"] in incidents
    if kind == "file":
        assert (told["line"], told["column"]) == (7, "serial")


def test_no_path_or_form_stands_in_the_log(capsys: pytest.CaptureFixture[str], planted: Flask) -> None:
    planted.test_client().get("/fail/conflict?code=1234567890123456")
    planted.test_client().get("/b/1234567890123456")
    planted.test_client().post("/form", data={"name": "1234567890123456"})
    logged = capsys.readouterr().err
    assert "1234567890123456" not in logged
    assert [json.loads(line)["status"] for line in logged.splitlines()] == [409, 404, 422]


def test_every_wrong_field_is_named_in_words(planted: Flask) -> None:
    answer = planted.test_client().post(
        "/form", json={"name": "x" * 11, "count": 0, "unit": "gold", "branches": [1, 2, 3], "more": 1}
    )
    assert answer.status_code == 422
    assert answer.get_json()["faults"] == {
        "name": "Écrivez au plus 10 caractères.",
        "count": "Indiquez au moins 1.",
        "unit": "Choisissez une des réponses proposées.",
        "branches": "Choisissez au plus 2 réponse(s).",
        "more": "Ce champ n’existe pas ici : retirez-le.",
    }


def test_a_form_is_read_with_its_lists_and_empty_fields(planted: Flask) -> None:
    good = {"name": "  Awa ", "count": "3", "unit": "eur_cent", "branches": ["1", "", "2"], "key": "k"}
    answer = planted.test_client().post("/form", data=good)
    assert answer.get_json() == {"name": "Awa", "count": 3, "unit": "eur_cent", "branches": [1, 2]}
    empty = planted.test_client().post("/form", data={**good, "name": " "}, headers=JSON)
    assert empty.get_json()["faults"] == {"name": "Renseignez ce champ."}


@pytest.mark.parametrize("body", ["[]", "3", '"x"', "null", "{", "", '{"name": "a\\u0000b"}', '{"name": "\\ud800"}'])
def test_a_body_that_is_no_object_is_refused(planted: Flask, body: str) -> None:
    answer = planted.test_client().post("/form", data=body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.content_type == "application/problem+json"


def test_a_client_key_is_asked_for(planted: Flask) -> None:
    key = "0198c5a0-0000-7000-8000-000000000001"
    client = planted.test_client()
    assert client.post("/once", data={"key": key}).text == key
    assert client.post("/once", headers={"Idempotency-Key": key}).text == key
    for wrong in ({}, {"key": "x"}):
        assert client.post("/once", data=wrong, headers=JSON).get_json()["field"] == "key"


def test_json_made_to_eat_memory_is_refused(planted: Flask) -> None:
    client = planted.test_client()
    many = client.post("/form", json={f"f{n}": 0 for n in range(60_000)}, headers=JSON)
    assert (many.status_code, many.get_json()["field"], len(many.data) < 1000) == (422, "body", True)
    lists = client.post("/form", data=b'{"name": [' + b"[]," * 2**19 + b"[]]}", content_type="application/json")
    assert (lists.status_code, lists.get_json()["code"]) == (413, "too_large")


def test_a_request_that_is_too_large_is_refused(planted: Flask) -> None:
    large = b"x" * (17 * 2**20)
    client = client_as(planted, Role.COUNTER)
    assert client.post("/form", data={"name": large}, headers=JSON).get_json()["code"] == "too_large"
    assert client.post("/upload", data=large).text == str(len(large))
    assert client.post("/upload", data=large * 4).status_code == 413


def test_another_method_names_the_right_ones(app: Flask) -> None:
    answer = app.test_client().delete("/sign-in", headers=JSON)
    assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_the_language_is_chosen_kept_and_else_taken_from_the_browser(app: Flask) -> None:
    client = app.test_client()
    english = {"Accept-Language": "en-GB,en;q=0.8,fr;q=0.5"}
    assert '<html lang="fr"' in client.get("/sign-in").text
    assert '<html lang="fr"' in client.get("/sign-in", headers={"Accept-Language": "de"}).text
    page = client.get("/sign-in", headers=english).text
    assert '<html lang="en"' in page
    assert "Sign in" in page
    assert client.get("/lang/fr?next=/sign-in").location == "/sign-in"
    assert '<html lang="fr"' in client.get("/sign-in", headers=english).text
    assert client.get("/lang/xx").status_code == 404
    assert client.get("/lang/en?next=//evil.example").location == "/"
