"""Every route stands in docs/authorisation.csv; the marks and the answers say the same; each check can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint, Flask

from tests.guards.authorisation import answer_faults, mark_faults, read_matrix
from tests.house import composed, make_app, make_settings, services_of
from voucher_service.app import create_app
from voucher_service.web import access, doors
from voucher_service.web.session.views import blueprint as session_blueprint


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    return make_app(sqlite_url, tmp_path)


def test_the_marks_are_those_of_the_matrix(tmp_path: Path) -> None:
    app = composed(make_settings("", tmp_path))
    assert mark_faults(app, read_matrix()) == []


def test_every_route_answers_every_role_as_the_matrix_says(app: Flask) -> None:
    assert answer_faults(app, read_matrix()) == []


def _planted(app: Flask, mark: object = None) -> Blueprint:
    blueprint = Blueprint("planted", __name__)

    def view() -> str:
        return "open"

    marked = view if mark is None else mark(view)  # type: ignore[operator]  # a decorator, or none
    blueprint.add_url_rule("/planted", view_func=marked, methods=["GET", "POST"])
    return blueprint


def test_a_view_without_a_mark_stops_the_start(app: Flask) -> None:
    with pytest.raises(RuntimeError, match=r"planted\.view"):
        create_app(services_of(app), [session_blueprint, _planted(app)])


def test_a_route_without_a_row_is_found(app: Flask) -> None:
    with_route = create_app(services_of(app), [session_blueprint, _planted(app, doors.public)])
    faults = mark_faults(with_route, read_matrix())
    assert ("('planted.view', 'POST'): add its row to docs/authorisation.csv") in faults


def test_a_row_without_a_route_is_found(app: Flask) -> None:
    matrix = read_matrix()
    matrix["gone", "GET"] = matrix["static", "GET"]
    assert mark_faults(app, matrix) == ["('gone', 'GET'): stands in the matrix, but there is no such route"]


def test_a_mark_that_differs_is_found(app: Flask) -> None:
    matrix = read_matrix()
    matrix["session.password", "GET"]["volunteer"] = "no"
    assert mark_faults(app, matrix) == ["('session.password', 'GET'): volunteer: the mark says yes, the matrix no"]
    assert answer_faults(app, matrix, room="session.") == [
        "('session.password', 'GET') as volunteer: should answer 403, but answers 200 OK",
        "('session.password', 'GET') as volunteer (program): should answer 403, but answers 200 OK",
    ]


def test_a_missing_gate_is_found(app: Flask) -> None:
    app.before_request_funcs[None].remove(access.gate)
    faults = answer_faults(app, read_matrix(), room="session.")
    assert any(fault.startswith("('session.password', 'GET') as anonymous") for fault in faults)


def test_a_signed_view_that_looks_at_no_signature_is_found(app: Flask) -> None:
    planted = create_app(services_of(app), [session_blueprint, _planted(app, doors.signed)])
    matrix = dict.fromkeys([("planted.view", "GET"), ("planted.view", "POST")], read_matrix()["static", "GET"])
    faults = answer_faults(planted, read_matrix() | matrix, room="planted.")
    assert "('planted.view', 'POST') as anonymous: without a signature answers 200 OK" in faults


def test_a_missing_csrf_check_is_found(app: Flask) -> None:
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    assert any("a write without a token" in fault for fault in answer_faults(app, read_matrix(), room="session."))
