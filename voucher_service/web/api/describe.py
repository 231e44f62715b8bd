"""The OpenAPI 3.1 description, made from the views: what each says of itself stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from voucher_service.web.access import access_of
from voucher_service.web.api.examples import EXAMPLES, IN_PATH, problem
from voucher_service.web.api.schemas import Problem

V = TypeVar("V", bound=Callable[..., Any])

_MARK = "_described"
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_TITLES = {
    200: "As asked.",
    201: "Recorded. With `Idempotency-Replayed: true` it was recorded before, under the same key.",
    400: "The body cannot be read as what it says it is.",
    401: "No key, or one that is not in service.",
    403: "The key does not open this.",
    404: "There is no such thing, or it is another partner's.",
    409: "The state of things does not allow it; `code` says what stands against it.",
    413: "The body is too large: 64 MiB for a file, 1 MiB for JSON.",
    415: "The file's type is not one of those named.",
    422: "A field, a header or the file is wrong: named, with the remedy. Nothing was recorded.",
    429: "Too many requests: wait as Retry-After says.",
    503: "A part of ours is away; nothing was recorded: ask again, under the same key.",
}
_CODES = {
    400: ("bad_request",), 401: ("key_needed",), 403: ("scope_missing",), 404: ("not_found",), 413: ("too_large",),
    415: ("unsupported_media_type",), 429: ("too_many_tries",), 503: ("not_ready",),
}  # fmt: skip
_HEADERS = {
    401: {"WWW-Authenticate": ("Always `Bearer`.", "string")},
    429: {"Retry-After": ("Seconds to wait.", "integer")},
}
_ABOUT = """What became of each gift, statements and their differences, balances, closed months, and proofs that
the books were not changed. Never a person's data.

**Keys.** `Authorization: Bearer cdp_…`. A person of yours makes keys on the page *Clés d'API*; each operation names
the scope it wants.

**Writing once.** Every POST wants an `Idempotency-Key` that you make. When no answer came, send the same request
under the same key: it is done once, and you get the first answer with `Idempotency-Replayed: true`. Another request
under that key is 422 `idempotency_key_reused`; while the first is being worked on it is 409 `in_flight`: ask again in
a moment. What was refused (4xx) is not kept: mend it and send it again.

**Lists** come by pages of fifty. `next` is the address of the following page, null at the end.

**Errors** are problem details (RFC 9457), always `application/problem+json`. Decide by `status` and `code`, which are
stable; `detail` is a sentence for people. `field`, `faults`, `line` and `column` say where it is wrong.

**Limits.** 600 requests a minute for a key. **Quantities** are whole numbers of the smallest piece of their `unit`:
cents, megabytes."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a view says of itself. `takes` and `gives`: media types of files; `body`: what is sent as JSON.

    `sample`: such a file, as CSV. `conflicts` are the codes of its 409, besides those of every POST; `misses`: it may
    be 404 although its path names nothing.
    """

    summary: str
    answer: type[BaseModel] | None
    status: int = 200
    query: type[BaseModel] | None = None
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    sample: str = ""
    conflicts: tuple[str, ...] = ()
    misses: bool = False


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
        "info": {"title": "Coup de Pouce, for partners", "version": "1", "description": _ABOUT},
        "tags": [{"name": name} for name in sorted({_tag(rule) for rule, _ in found})],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "responses": {_name(status): _problem(status, codes) for status, codes in _CODES.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of the partner: `cdp_…`."}
            },
        },
    }


def _tag(rule: Rule) -> str:
    """Return what an operation is about: the first word of its path below the API's."""
    return rule.rule.split("/")[3].removesuffix(".json")


def _name(status: int) -> str:
    return "".join(word.title() for word in _CODES[status][0].split("_"))


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
        "tags": [_tag(rule)],
        "parameters": [*_in_path(rule), *_in_query(said.query), *(_KEY_HEADER if method == "POST" else ())],
        "responses": _responses(said, method, with_key=scope is not None, in_path=bool(rule.arguments)),
        "security": [] if scope is None else [{"key": []}],
    }
    if scope is not None:
        operation["description"] = f"Wants a key with the scope `{scope.value}`."
    if said.takes:
        content = {media: _file(media, said) for media in said.takes}
        operation["requestBody"] = {"required": True, "content": content}
    if said.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": _json(said.body)}}
    return operation


_IN_PATH = {
    "allocation_id": "The number of one of your gifts, from `/allocations`.",
    "statement_id": "One of your statements, from `/statements`.",
    "break_id": "One of your breaks, from `/breaks`.",
    "order_id": "Our reference of a top-up, as it stands on your statements.",
    "period_id": "One of your months, from `/periods`.",
}
_KEY_HEADER = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": (
            "Made by you, new for each request, such as a UUID: 8 to 200 letters, digits, - or _. The same request "
            "under it again gets the first answer (`Idempotency-Replayed: true`); another request under it gets 422 "
            "`idempotency_key_reused`; while the first is being worked on, 409 `in_flight`. Kept as long as the books; "
            "a refusal keeps nothing."
        ),
        "example": "0195d3b0-0f4c-7a17-9d2e-7c8b5a4f3e05",
        "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]{8,200}$"},
    },
)


def _in_path(rule: Rule) -> list[dict[str, Any]]:
    kinds: Mapping[str, dict[str, Any]] = {
        "UUIDConverter": {"type": "string", "format": "uuid"},
        "IntegerConverter": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    }
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": kinds[type(converter).__name__],
            "description": _IN_PATH[name],
            "example": IN_PATH[name],
        }
        for name, converter in rule._converters.items()
    ]


def _in_query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    defined = schema.get("$defs", {})
    found = []
    for name, one in schema["properties"].items():
        told = _inlined(one, defined)
        words = {"description": told.pop("description")} if "description" in told else {}
        found.append({"name": name, "in": "query", "required": False, "schema": told} | words)
    return found


def _inlined(schema: Any, defined: Mapping[str, Any]) -> Any:
    """Return the schema of a parameter by itself; a value that is left out is left out, never null."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        found = defined[schema["$ref"].rpartition("/")[2]]
        return found | {name: value for name, value in schema.items() if name != "$ref"}
    if "anyOf" in schema:
        kept = [_inlined(one, defined) for one in schema["anyOf"] if one != {"type": "null"}]
        rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
        return {**rest, **kept[0]}
    return schema


def _responses(said: Description, method: str, *, with_key: bool, in_path: bool) -> dict[str, Any]:
    good: dict[str, Any] = {"description": _TITLES[said.status]}
    good["content"] = {media: _file(media, said) for media in said.gives} or {"application/json": _json(said.answer)}
    if method == "POST":
        good["headers"] = {name: _header(*told) for name, told in _KEPT.items() if said.takes or name == _ANY_POST}
    statuses = {401, 403, 429, 503} if with_key else {503}
    statuses |= {404} if in_path or said.misses else set()
    statuses |= {400, 413} if said.body is not None else set()
    statuses |= {413, 415} if said.takes else set()
    answers = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses}
    if with_key:
        wrong = ("bad_file",) if said.takes else ()
        answers["422"] = _problem(
            422, ("bad_input", *wrong, *(("idempotency_key_reused",) if method == "POST" else ()))
        )
    conflicts = (*said.conflicts, *(("in_flight", "conflict") if method == "POST" else ()))
    if conflicts:
        answers["409"] = _problem(409, conflicts)
    return {str(said.status): good} | dict(sorted(answers.items()))


_ANY_POST = "Idempotency-Replayed"
_KEPT = {
    _ANY_POST: ("`true` when the same request was answered before.", "string"),
    "Statement-Known-Before": ("`true` when the same file was sent before, under another key.", "string"),
}


def _problem(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of one status with each code it may hold."""
    examples = {code: {"value": problem(code)} for code in codes}
    answer: dict[str, Any] = {
        "description": _TITLES[status],
        "content": {_PROBLEM: {"schema": _schema(Problem), "examples": examples}},
    }
    if status in _HEADERS:
        answer["headers"] = {name: _header(*told) for name, told in _HEADERS[status].items()}
    return answer


def _header(description: str, kind: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


def _json(model: type[BaseModel] | None) -> dict[str, Any]:
    """Return how a model is sent, with its example."""
    return {"schema": _schema(model)} | ({} if model is None else {"example": EXAMPLES[model.__name__]})


def _file(media: str, said: Description) -> dict[str, Any]:
    """Return how a file is sent. Bytes have no schema to speak of; a table has an example."""
    if media == "application/json":
        return {"schema": {}}
    sample = {"example": said.sample} if media == "text/csv" and said.sample else {}
    return {"schema": {"type": "string", "format": "binary"}} | sample


def _schema(model: type[BaseModel] | None) -> dict[str, Any]:
    return {"type": "object"} if model is None else {"$ref": _REFERENCE.format(model=model.__name__)}
