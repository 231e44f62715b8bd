"""The description of the API is valid OpenAPI 3.1, and the API keeps to it, whoever asks whatever."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Blueprint, Flask
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import select

from tests.databases import fresh_sqlite
from tests.doors.api.conftest import Program, token_for
from tests.doors.api.test_exports import closed
from tests.flows.reconciliation.builders import Wanted, add_orders, make_world
from tests.house import make_app, services_of
from voucher_service.app import create_app
from voucher_service.fulfilment.models import Order
from voucher_service.ids import utc_now
from voucher_service.partners.api.keys import Scope
from voucher_service.web import doors
from voucher_service.web.api.describe import description_of

# `API_EXAMPLES=2000 pytest tests/doors/api` asks more.
EXAMPLES = int(os.environ.get("API_EXAMPLES", "15"))
WHO: dict[str, list[Scope] | None] = {
    "nobody": None,
    "a key for books": [Scope.BOOKS_READ],
    "a key for all": list(Scope),
}
if EXAMPLES > 15:
    WHO |= {f"a key for {scope.value}": [scope] for scope in Scope if scope is not Scope.BOOKS_READ}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("api")
    made = make_app(fresh_sqlite(folder), folder)
    made.extensions["throttle"].spend = lambda *_: None  # thousands a minute are asked here on purpose
    yield made
    services_of(made).database.close()


@pytest.fixture(scope="module")
def program(app: Flask) -> Program:
    with services_of(app).database.begin() as session:
        world = make_world(session, "Opérateur test")
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
    made = Program(app, app.test_client(), world.partner_id, token_for(app, world.partner_id, list(Scope))[1])
    wrong = made.statement().replace(b"5,00", b"6,00").replace(b"TOTAL;2;15,00", b"TOTAL;2;16,00")
    assert made.send(wrong).status_code == 201
    services_of(app).seal(utc_now(), sweep=True)
    return made


@pytest.fixture(scope="module")
def there(app: Flask, program: Program) -> dict[str, str]:
    """The ids of things that are there, by the name the description gives them: chance never finds one."""
    with services_of(app).database.read() as session:
        order = session.scalars(select(Order.id)).first()
    (statement,) = program.get("/statements").get_json()["items"]
    (gift,) = program.get("/allocations").get_json()["items"]
    found = program.get("/breaks").get_json()["items"][0]
    return {
        "statement_id": statement["id"], "allocation_id": gift["id"], "break_id": found["id"], "order_id": str(order),
        "period_id": closed(program),
    }  # fmt: skip


@contextmanager
def _replaced(app: Flask, views: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Put other views in the place of some, with the same marks."""
    before = {name: app.view_functions[name] for name in views}
    for name, view in views.items():
        view.__dict__.update(before[name].__dict__)
        app.view_functions[name] = view
    try:
        yield
    finally:
        app.view_functions.update(before)


def _try_all(app: Flask, headers: dict[str, str], there: dict[str, str]) -> tuple[Counter[str], set[str]]:
    """Ask every operation whatever its description allows, and much that it does not, of what is `there` too.

    Return how often each was asked, and which ever answered as asked.
    """
    asked: Counter[str] = Counter()
    good: set[str] = set()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
                  phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(), is_there=strategies.booleans())
        def tried(case: Case[Any], *, is_there: bool) -> None:
            # Bytes are "valid" by the description and yet no statement: 422 is the right answer to them.
            lenient: list[Any] = [positive_data_acceptance] if case.operation.label.startswith("POST") else []
            if is_there and case.path_parameters:
                case.path_parameters = {name: there[name] for name in case.path_parameters}
                lenient.append(negative_data_rejection)  # what was wrong may have been the id
            if is_there and isinstance(case.body, dict) and "allocation_id" in case.body:
                case.body |= {"allocation_id": int(there["allocation_id"]), "as_of": "2026-03-31"}
                lenient.append(negative_data_rejection)
            answer = case.call_and_validate(headers=headers, excluded_checks=lenient)
            asked[case.operation.label] += 1
            good.update({case.operation.label} if answer.status_code < 300 else ())

        tried()
    return asked, good


def test_the_description_is_valid(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document).validate()
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert sum(map(len, document["paths"].values())) == len(routes) >= 7


def test_a_route_that_says_nothing_of_itself_is_found(app: Flask) -> None:
    planted = Blueprint("api", __name__, url_prefix="/api/v1")
    planted.add_url_rule("/mute", view_func=doors.public(lambda: "mute"), endpoint="mute")
    with pytest.raises(RuntimeError, match=r"api\.mute"):
        description_of(create_app(services_of(app), [planted]), "api")


def _does_once(view: Callable[..., Any]) -> bool:
    return "once" in inspect.unwrap(view).__code__.co_names


def test_every_post_is_done_once_under_its_key(app: Flask) -> None:
    ours = (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api."))
    posts = {rule.endpoint for rule in ours if "POST" in (rule.methods or ())}
    assert posts >= {"api.upload", "api.write"}
    assert {name for name in posts if not _does_once(app.view_functions[name])} == set()
    assert not _does_once(test_the_description_is_valid)


@pytest.mark.parametrize("who", WHO)
def test_nothing_asked_breaks_it_or_its_description(
    app: Flask, program: Program, there: dict[str, str], who: str
) -> None:
    scopes = WHO[who]
    headers = {} if scopes is None else {"Authorization": f"Bearer {token_for(app, program.partner_id, scopes)[1]}"}
    asked, good = _try_all(app, headers, there)
    assert min(asked.values()) >= EXAMPLES // 3, asked
    if who == "a key for all":
        assert asked.keys() - good == {"POST /api/v1/statements"}  # no bytes by chance are a statement


def test_an_answer_that_breaks_the_description_is_found(app: Flask, program: Program, there: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {program.token}"}
    broken = {"api.allocations": lambda: app.response_class('{"items": 3}', content_type="application/json")}
    with _replaced(app, broken), pytest.raises(FailureGroup):
        _try_all(app, headers, there)


def test_an_error_of_ours_is_found(app: Flask, program: Program, there: dict[str, str]) -> None:
    def fails() -> Any:
        raise RuntimeError("planted")

    headers = {"Authorization": f"Bearer {program.token}"}
    with _replaced(app, {"api.statements": fails}), pytest.raises(FailureGroup):
        _try_all(app, headers, there)
