"""What must hold of every answer, whoever asked: the checks of schemathesis, and those it cannot know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import jsonschema_rs
from flask import Flask
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from tests.api_drill.world import Who, World
from voucher_service.partners.api.keys import Scope

PROBLEM = "application/problem+json"
PROBE = frozenset({308, 400, 404, 405, 413, 414})
"""What a request that leads to no operation may be answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made: by whom, of which operation, and how it reads."""

    case: Case[Any]
    who: Who
    endpoint: str | None
    names_ours: bool


class Judge:
    """Holds every answer against the description, the scopes as people wrote them down, and whose things they are."""

    def __init__(self, world: World, document: dict[str, Any]) -> None:
        self.world = world
        problem = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
        self.problem = jsonschema_rs.validator_for(problem)
        self.codes = {
            operation["operationId"].replace("api_", "api.", 1): _codes(document, operation)
            for path in document["paths"].values()
            for operation in path.values()
        }

    def opens(self, who: Who, endpoint: str | None) -> bool:
        """Say whether this operation is for them: then schemathesis judges the answer too."""
        scope = self.world.wanted.get(endpoint or "", Scope.BOOKS_READ)
        return scope is None or (who.scopes is not None and scope in who.scopes)

    def faults(self, asked: Asked, answer: TestResponse | Response) -> list[str]:
        """Return what is wrong with an answer, in words; empty where nothing is."""
        status, body = answer.status_code, _body(answer)
        found = [f"an error of ours: {status}"] if status >= 500 else []
        if not asked.who.is_owner:
            found += [f"shows what is another's: {one.decode()}" for one in self.world.secrets if one in body]
            if asked.names_ours and asked.endpoint and status < 300:
                found.append(f"{status} for a thing of another partner")
        if status >= 400 and body:
            found += self._problem(asked, answer, body)
        if asked.endpoint is None:
            found += [] if status in PROBE else [f"{status} where there is no operation"]
        elif not self.opens(asked.who, asked.endpoint):
            found += self._refusal(asked, answer)
        return found

    def _problem(self, asked: Asked, answer: TestResponse | Response, body: bytes) -> list[str]:
        if _header(answer, "content-type") != PROBLEM:
            return ["an error that is no problem"]
        told = json.loads(body)
        if not self.problem.is_valid(told):
            return [f"no problem by the description: {told}"]
        status = answer.status_code
        if told["status"] != status:
            return [f"says {told['status']} and is {status}"]
        known = self.codes.get(asked.endpoint or "", {})
        if asked.endpoint and self.opens(asked.who, asked.endpoint) and told["code"] not in known.get(status, ()):
            return [f"code that is not described: {status} {told['code']}"]
        return []

    def _refusal(self, asked: Asked, answer: TestResponse | Response) -> list[str]:
        """Hold the answer to someone for whom this is not: exactly one is right."""
        wanted = (401, "key_needed") if asked.who.scopes is None else (403, "scope_missing")
        body = _body(answer)
        told = json.loads(body)["code"] if body and _header(answer, "content-type") == PROBLEM else wanted[1]
        found = [] if (answer.status_code, told) == wanted else [f"{answer.status_code} instead of {wanted[0]}"]
        if wanted[0] == 401 and _header(answer, "www-authenticate") != "Bearer":
            found.append("401 without WWW-Authenticate")
        return found


def by_schemathesis(asked: Asked, response: Response, *, lenient: bool) -> list[str]:
    """Return what schemathesis finds wrong; who may ask is judged by asking as everyone, not by its own probes."""
    left_out: list[Any] = [ignored_auth]
    if lenient:
        left_out += [negative_data_rejection]  # what was wrong may be what was put right
    if asked.case.operation.method.upper() == "POST":
        left_out += [positive_data_acceptance]  # bytes are valid by the description, and yet no statement
    try:
        asked.case.validate_response(response, excluded_checks=left_out, headers=asked.who.headers)
    except FailureGroup as group:
        return [f"{one.title}: {one.message}".replace("\n", " ")[:300] for one in group.exceptions]
    return []


def endpoint_of(app: Flask, method: str, path: str) -> str | None:
    """Return the endpoint that the request leads to, if any."""
    adapter = app.url_map.bind("localhost")
    try:
        endpoint, _ = adapter.match(unquote(path), method=method)
    except (HTTPException, RequestRedirect):
        return None
    return cast("str", endpoint)


def _body(answer: TestResponse | Response) -> bytes:
    return answer.content if isinstance(answer, Response) else answer.data


def _header(answer: TestResponse | Response, name: str) -> str:
    if isinstance(answer, Response):
        return ", ".join(answer.headers.get(name, []))
    return answer.headers.get(name, "")


def _codes(document: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[int, set[str]]:
    """Return the codes that an operation's description shows, by status."""
    found = {}
    for status, told in operation["responses"].items():
        whole = document["components"]["responses"][told["$ref"].rpartition("/")[2]] if "$ref" in told else told
        if int(status) >= 400:
            found[int(status)] = set(whole["content"][PROBLEM]["examples"])
    return found
