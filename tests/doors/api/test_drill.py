"""A small share of the drill, and that it sees what it is for: planted faults, each of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from schemathesis.core.failures import FailureGroup
from sqlalchemy import bindparam, select

from tests.api_drill.asking import Told, ask_all, operations
from tests.api_drill.judge import Judge
from tests.api_drill.links import walk
from tests.api_drill.world import World, make
from tests.databases import fresh_sqlite
from voucher_service.errors import Conflict
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.api.models import ApiKey
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.models import Statement
from voucher_service.web import access

EXAMPLES, FEW, THIN = 6, 4, 12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("drill")
    made = make(fresh_sqlite(folder), folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge(world: World) -> Judge:
    return Judge(world, world.document())


def ask(world: World, judge: Judge, label: str = "", examples: int = FEW) -> list[Told]:
    return [ask_all(world, judge, one, examples, thin=THIN) for one in operations(world) if label in ("", one.label)]


def faults(told: list[Told]) -> str:
    return "\n".join(f"{one.operation}, {who}: {fault}" for one in told for who, fault in one.found)


def test_nothing_asked_breaks_it_whoever_asks(world: World, judge: Judge) -> None:
    told = ask(world, judge, examples=EXAMPLES)
    assert faults(told) == ""
    everyone = {who.name for who in world.everyone}
    assert len(everyone) == 12
    for one in told:
        assert one.asked.keys() == everyone
        assert 200 in one.statuses or 201 in one.statuses, one.operation
        assert one.operation.endswith("openapi.json") or one.asked["nobody"] > EXAMPLES
    assert all(one.made["negative"] for one in told if "openapi.json" not in one.operation)
    assert world.wanted.keys() == {name for name in world.app.view_functions if name.startswith("api.")}


def test_one_answer_leads_to_the_next(world: World) -> None:
    owner = next(who for who in world.everyone if who.name == "a key for all")
    asked = walk(world, owner, 8, seed=1)
    assert len(asked) >= 5, asked


@contextmanager
def replaced(app: Flask, endpoint: str, view: Callable[..., Any]) -> Iterator[None]:
    """Put another view in the place of one, with the same marks."""
    before = app.view_functions[endpoint]
    view.__dict__.update(before.__dict__)
    app.view_functions[endpoint] = view
    try:
        yield
    finally:
        app.view_functions[endpoint] = before


def fails() -> Any:
    raise RuntimeError("planted")


def conflicts() -> Any:
    raise Conflict("planted", code="voucher_changed")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (fails, "an error of ours: 500"),
        (lambda: Response('{"items": 3}', content_type="application/json"), "schema"),
        (conflicts, "Undocumented status code"),
        (lambda: Response("{}", 422, content_type="application/json"), "an error that is no problem"),
    ],
)
def test_an_answer_that_should_not_be_is_found(
    world: World, judge: Judge, view: Callable[..., Any], words: str
) -> None:
    with replaced(world.app, "api.statements", view):
        assert words.lower() in faults(ask(world, judge, "GET /api/v1/statements")).lower()


def test_a_partner_that_sees_anothers_statement_is_found(
    world: World, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_anyone(session: Any, _partner_id: Any, statement_id: Any) -> Any:
        return queries.statement_of(session, session.get_one(Statement, statement_id).partner_id, statement_id)

    from_view = world.app.view_functions["api.statement"].__globals__
    monkeypatch.setitem(from_view, "queries", type("Q", (), {"statement_of": of_anyone, "row_of": queries.row_of}))
    found = faults(ask(world, judge, "GET /api/v1/statements/{statement_id}"))
    assert "of another partner: 200 for a thing of another partner" in found
    assert "shows what is another's" in found
    assert "a key for books.read:" not in found


def test_a_key_that_opens_more_than_its_scope_is_found(
    world: World, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_door = access.Access(frozenset(), key_scope=Scope.BOOKS_READ)
    monkeypatch.setattr(world.app.view_functions["api.breaks"], "_access", open_door)
    found = faults(ask(world, judge, "GET /api/v1/breaks"))
    assert "a key for books.read: 200 instead of 403" in found


def test_a_key_that_is_revoked_and_still_opens_is_found(
    world: World, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked_too = select(ApiKey.id, ApiKey.partner_id, ApiKey.scopes, ApiKey.last_used_on).where(
        ApiKey.secret_hash == bindparam("secret"), ApiKey.ends_at.is_(None)
    )
    monkeypatch.setattr(keys, "_HOLDER", revoked_too)
    found = faults(ask(world, judge, "GET /api/v1/periods"))
    assert "a revoked key: 200" in found
    assert "an expired key" not in found


def test_a_walk_that_meets_an_error_is_found(world: World) -> None:
    owner = next(who for who in world.everyone if who.name == "a key for all")
    with replaced(world.app, "api.statement", lambda statement_id: fails()), pytest.raises(FailureGroup):  # noqa: ARG005
        walk(world, owner, 30, seed=1)
