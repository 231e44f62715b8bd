"""The OpenAPI 3.1 description, made from the views: what each says of itself stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from voucher_service.web.access import access_of
from voucher_service.web.api.schemas import Problem

V = TypeVar("V", bound=Callable[..., Any])

_MARK = "_described"
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_ALWAYS = (401, 403, 422, 429, 503)  # what any request may meet: no key, not this key, a wrong field, too many, away
_TITLES = {
    200: "As asked.",
    201: "Recorded.",
    401: "No key, or one that is not in service.",
    403: "The key does not open this.",
    404: "There is no such thing, or it is another partner's.",
    409: "The state of things does not allow it, or the same request is being worked on now.",
    413: "The file is too large.",
    415: "The file's type is not one of those named.",
    422: "A field, a header or the file is wrong: named, with the remedy.",
    429: "Too many requests: wait as Retry-After says.",
    503: "A part of ours is away; nothing was recorded: ask again.",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a view says of itself. `takes` and `gives`: media types of files; `body`: what is sent as JSON."""

    summary: str
    answer: type[BaseModel] | None
    status: int = 200
    query: type[BaseModel] | None = None
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    problems: tuple[int, ...] = field(default=())


def described(described_as: Description) -> Callable[[V], V]:
    """Put a description on a view."""

    def marked(view: V) -> V:
        setattr(view, _MARK, described_as)
        return view

    return marked


def description_of(app: Flask, blueprint: str) -> dict[str, Any]:
    """Return the OpenAPI document of the blueprint's routes.

    Raises:
        RuntimeError: a route says nothing of itself.
    """
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{blueprint}.")]
    found = [(rule, _said(app, rule)) for rule in sorted(rules, key=lambda one: one.rule)]
    models = {Problem: "serialization"} | {said.answer: "serialization" for _, said in found if said.answer is not None}
    models |= {said.body: "validation" for _, said in found if said.body is not None}
    _, schemas = models_json_schema(list(models.items()), ref_template=_REFERENCE)  # type: ignore[arg-type]  # its Literal
    paths: dict[str, dict[str, Any]] = {}
    for rule, said in found:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(_path(rule), {})[method.lower()] = _operation(app, rule, method, said)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Coup de Pouce, for partners",
            "version": "1",
            "description": "What became of each gift, statements and their differences. Never a person's data.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _said(app: Flask, rule: Rule) -> Description:
    said: Description | None = getattr(app.view_functions[rule.endpoint], _MARK, None)
    if said is None:
        raise RuntimeError(f"{rule.endpoint} says nothing of itself: put @described on it")
    return said


def _path(rule: Rule) -> str:
    return "".join(f"{{{text}}}" if dynamic else text.lstrip("|") for dynamic, text in rule._trace)


def _operation(app: Flask, rule: Rule, method: str, said: Description) -> dict[str, Any]:
    access = access_of(app.view_functions[rule.endpoint])
    assert access is not None, "create_app refuses views without a mark"
    scope = access.key_scope
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": said.summary,
        "parameters": [*_in_path(rule), *_in_query(said.query), *(_KEY_HEADER if method == "POST" else ())],
        "responses": _responses(said, with_key=scope is not None, in_path=bool(rule.arguments)),
        "security": [] if scope is None else [{"key": []}],
    }
    if scope is not None:
        operation["description"] = f"Wants a key with the scope `{scope.value}`."
    if said.takes:
        content = {media: {"schema": {"type": "string", "format": "binary"}} for media in said.takes}
        operation["requestBody"] = {"required": True, "content": content}
    if said.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(said.body)}}}
    return operation


_KEY_HEADER = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Made by you, new for each request; the same again gets the first answer.",
        "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]{8,200}$"},
    },
)


def _in_path(rule: Rule) -> list[dict[str, Any]]:
    kinds: Mapping[str, dict[str, Any]] = {
        "UUIDConverter": {"type": "string", "format": "uuid"},
        "IntegerConverter": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": kinds[type(converter).__name__]}
        for name, converter in rule._converters.items()
    ]


def _in_query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    defined = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(one, defined)}
        for name, one in schema["properties"].items()
    ]


def _inlined(schema: Any, defined: Mapping[str, Any]) -> Any:
    """Return the schema of a parameter by itself; a value that is left out is left out, never null."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return defined[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        kept = [_inlined(one, defined) for one in schema["anyOf"] if one != {"type": "null"}]
        rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
        return {**rest, **kept[0]}
    return schema


def _responses(said: Description, *, with_key: bool, in_path: bool) -> dict[str, Any]:
    good: dict[str, Any] = {"description": _TITLES[said.status]}
    file = {"type": "string", "format": "binary"}
    good["content"] = {media: {"schema": file if media != "application/json" else {}} for media in said.gives} or {
        "application/json": {"schema": _schema(said.answer)}
    }
    always = _ALWAYS if with_key else (503,)
    problems = sorted({*always, *said.problems, *((404,) if in_path else ())})
    problem = {_PROBLEM: {"schema": _schema(Problem)}}
    return {str(said.status): good} | {
        str(status): {"description": _TITLES[status], "content": problem} for status in problems
    }


def _schema(model: type[BaseModel] | None) -> dict[str, Any]:
    return {"type": "object"} if model is None else {"$ref": _REFERENCE.format(model=model.__name__)}
