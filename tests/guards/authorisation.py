"""Comparing docs/authorisation.csv with the views' marks, and with what the application really answers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask, url_for
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.guards.tree import ROOT
from tests.house import client_as, is_sent_to_sign_in
from voucher_service.staff.models import Role
from voucher_service.web.access import access_of

MATRIX = ROOT / "docs" / "authorisation.csv"
COLUMNS = ["endpoint", "method", "anonymous", *(role.value for role in Role), "scope", "note"]
# Flask answers these by itself, from the row of GET.
BY_ITSELF = {"HEAD", "OPTIONS"}
SAFE = {"GET"}
KEY = "partner’s key with "
SAMPLES = {
    "IntegerConverter": 1,
    "UnicodeConverter": "reloadly",
    "UUIDConverter": "01890000-0000-7000-8000-000000000000",
}

Row = dict[str, str]
Line = tuple[str, str]


def read_matrix(path: Path = MATRIX) -> dict[Line, Row]:
    """Return the rows by endpoint and method."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        rows = list(reader)
    found = {(row["endpoint"], row["method"]): row for row in rows}
    assert len(found) == len(rows), "a route stands in the matrix twice"
    return found


def lines(app: Flask) -> Iterator[tuple[Line, Rule]]:
    """Yield every endpoint and method of the application, once, with a rule that leads there."""
    seen: set[Line] = set()
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - BY_ITSELF):
            if (rule.endpoint, method) not in seen:
                seen.add((rule.endpoint, method))
                yield (rule.endpoint, method), rule


def mark_faults(app: Flask, matrix: dict[Line, Row]) -> list[str]:
    """What differs between the marks on the views and the file."""
    routes = dict(lines(app))
    faults = [f"{line}: stands in the matrix, but there is no such route" for line in matrix.keys() - routes]
    for line in routes:
        row = matrix.get(line)
        if row is None:
            faults.append(f"{line}: add its row to docs/authorisation.csv")
            continue
        access = access_of(app.view_functions[line[0]])
        assert access is not None
        marked = {role.value: access.roles is None or role in access.roles for role in Role}
        marked["anonymous"] = access.roles is None
        faults += [
            f"{line}: {who}: the mark says {_word(allowed)}, the matrix {row[who]}"
            for who, allowed in marked.items()
            if row[who] != _word(allowed)
        ]
        faults += [] if row["scope"] else [f"{line}: name its scope, or none"]
        opened = "" if access.key_scope is None else f"{KEY}{access.key_scope.value}"
        if opened != (row["scope"] if row["scope"].startswith(KEY) else ""):
            faults.append(f"{line}: the mark opens it to {opened or 'no key'}, the matrix says {row['scope']}")
    return sorted(faults)


def _word(allowed: bool) -> str:  # the one thing it is given
    return "yes" if allowed else "no"


WITHOUT_TOKEN = {"callbacks.receive": 404}
"""Writes of programs without a page of ours: what vouches for them is in the address, and a wrong one is not found."""


def answer_faults(app: Flask, matrix: dict[Line, Row], *, room: str = "") -> list[str]:
    """What differs between the file and the answers of the application to every role, in a real session.

    With `room` only the routes whose endpoints begin so are asked.

    Writes are sent without a CSRF token: who may is told so (400, `csrf_failed`) and nothing happens; who may
    not is refused first. So the same call shows that every write asks for the token.
    """
    faults = []
    for who in ("anonymous", *(role.value for role in Role)):
        client = app.test_client() if who == "anonymous" else client_as(app, Role(who))
        for line, rule in lines(app):
            for program in (False, True) if line[0].startswith(room) else ():
                accept = {"Accept": "application/json" if program else "text/html"}
                answer = client.open(_address(app, rule), method=line[1], headers=accept)
                if matrix[line]["scope"].startswith(KEY):
                    if answer.status_code != 401:
                        faults.append(f"{line} as {who}: should answer 401 without a key, but answers {answer.status}")
                    continue
                expected = matrix[line][who] == "yes"
                if line[0] in WITHOUT_TOKEN:
                    if answer.status_code != WITHOUT_TOKEN[line[0]]:
                        faults.append(f"{line} as {who}: answers {answer.status}")
                    continue
                access = access_of(app.view_functions[line[0]])
                assert access is not None
                if access.signed:
                    fault = _unsigned_fault(answer, program=program)
                else:
                    fault = _fault(answer, line[1], expected=expected, anonymous=who == "anonymous", program=program)
                if fault:
                    faults.append(f"{line} as {who}{' (program)' if program else ''}: {fault}")
    return faults


def _address(app: Flask, rule: Rule) -> str:
    values: dict[str, Any] = {
        name: SAMPLES.get(type(converter).__name__, "x") for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return url_for(rule.endpoint, **values)


def _unsigned_fault(answer: TestResponse, *, program: bool) -> str:
    """What a device signs needs no token, so without a signature it must be refused, whoever is signed in."""
    refused = answer.status_code == 401 and (not program or answer.get_json()["code"] == "bad_signature")
    return "" if refused else f"without a signature answers {answer.status}"


def _fault(answer: TestResponse, method: str, *, expected: bool, anonymous: bool, program: bool) -> str:
    if answer.status_code >= 500:
        return f"answers {answer.status}"
    if expected and method not in SAFE:
        asked = answer.status_code == 400 and (not program or answer.get_json()["code"] == "csrf_failed")
        return "" if asked else f"a write without a token answers {answer.status}"
    if expected:
        refused = answer.status_code in {401, 403} or (is_sent_to_sign_in(answer) and not anonymous)
        return f"should open, but answers {answer.status}" if refused else ""
    if anonymous and method == "GET" and not program:
        return "" if is_sent_to_sign_in(answer) else f"should lead to the sign-in, but answers {answer.status}"
    wanted = 401 if anonymous else 403
    return "" if answer.status_code == wanted else f"should answer {wanted}, but answers {answer.status}"
