"""The description of the API is valid OpenAPI 3.1, and shows each operation by an example that is right."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Blueprint, Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter

from tests.databases import fresh_sqlite
from tests.house import make_app, services_of
from voucher_service.app import create_app
from voucher_service.reconciliation.reader.read import read
from voucher_service.web import doors
from voucher_service.web.api import examples
from voucher_service.web.api.describe import description_of

ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("api")
    made = make_app(fresh_sqlite(folder), folder)
    yield made
    services_of(made).database.close()


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/api/v1/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for path in document["paths"].values() for one in path.values()]


def whole(document: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to."""
    found: dict[str, Any] = told
    for part in told.get("$ref", "")[2:].split("/"):
        found = (document if found is told else found)[part] if part else found
    return found


def shown(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each example of JSON that an operation shows, with its schema."""
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for body in [*bodies, *(whole(document, one) for one in operation["responses"].values())]:
        for media, told in body["content"].items():
            if media.endswith("json"):
                several = [one["value"] for one in told.get("examples", {}).values()]
                for example in [*several, *([told["example"]] if "example" in told else [])]:
                    yield told["schema"], example
    for parameter in operation["parameters"]:
        if "example" in parameter:
            yield parameter["schema"], parameter["example"]


def test_the_description_is_valid(app: Flask, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    schemathesis.openapi.from_dict(document).validate()
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert len(operations(document)) == len(routes) >= 22


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one["paths"]["/api/v1/breaks/{break_id}"]["get"]["parameters"].clear(),
        lambda one: one["components"]["schemas"]["StatementOut"].update(type="objet"),
        lambda one: one["paths"]["/api/v1/breaks"]["get"].update(operationId="api_statements"),
        lambda one: one["paths"]["/api/v1/breaks"]["get"].update(responses=[]),
    ],
)
def test_a_description_that_is_not_valid_is_found(document: dict[str, Any], spoil: Callable[[Any], object]) -> None:
    spoiled = TypeAdapter(dict[str, Any]).validate_json(TypeAdapter(dict[str, Any]).dump_json(document))
    spoil(spoiled)
    assert list(OpenAPIV31SpecValidator(spoiled).iter_errors())


def test_every_operation_shows_an_example_that_its_schema_allows(document: dict[str, Any]) -> None:
    for operation in operations(document):
        good = next(told for status, told in operation["responses"].items() if status < "300")
        samples = [told for told in good["content"].values() if "example" in told]
        assert samples or operation["operationId"] == "api_openapi", operation["operationId"]
        if "requestBody" in operation:
            assert any("example" in told for told in operation["requestBody"]["content"].values())
        for schema, example in shown(document, operation):
            check = jsonschema_rs.validator_for(schema | {"components": document["components"]}, validate_formats=True)
            check.validate(example)


BOUNDED = {
    "earmarks": "a gift is earmarked for cities and branches, which are few",
    "shares": "one for each state of a voucher",
    "keys": "one for each change of the key of months",
    "path": "as long as the logarithm of the log",
}


def test_every_list_comes_by_pages(document: dict[str, Any]) -> None:
    lists = [
        (name, field, schema)
        for name, schema in document["components"]["schemas"].items()
        for field, told in schema.get("properties", {}).items()
        if told.get("type") == "array"
    ]
    assert {name for name, _, _ in lists} >= {"StepsOut", "BalancesOut", "ProofOut", "DrawDownOut"}
    for name, field, schema in lists:
        assert "next" in schema["properties"] or field in BOUNDED, (name, field)
    assert {field for _, field, _ in lists} == {"items", "leaves", *BOUNDED}


def test_the_file_that_is_shown_is_a_statement() -> None:
    parsed = read(examples.STATEMENT_CSV.encode())
    assert (parsed.count, parsed.format.is_proved) == (1, True)


def test_every_code_that_is_shown_is_documented(document: dict[str, Any]) -> None:
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", ERRORS.read_text(encoding="utf-8"), re.MULTILINE))
    for operation in operations(document):
        for status, told in operation["responses"].items():
            for code in whole(document, told)["content"].get("application/problem+json", {}).get("examples", ()):
                assert documented[code] == status, (operation["operationId"], code)


def test_every_post_tells_of_its_key_and_what_a_replay_is(document: dict[str, Any]) -> None:
    posts = [one["post"] for one in document["paths"].values() if "post" in one]
    assert len(posts) == 3
    for operation in posts:
        (key,) = (one for one in operation["parameters"] if one["name"] == "Idempotency-Key")
        assert key["required"]
        assert all(
            word in key["description"] for word in ("Idempotency-Replayed", "idempotency_key_reused", "in_flight")
        )
        assert "Idempotency-Replayed" in operation["responses"]["201"]["headers"]
        assert "in_flight" in operation["responses"]["409"]["content"]["application/problem+json"]["examples"]


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
