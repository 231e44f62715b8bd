"""A partner with orders, gifts and a key; another partner that must never be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.flows.reconciliation.builders import DAY, Wanted, add_orders, make_world
from tests.house import make_app, services_of
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation.sample import make_statement_csv


@dataclass
class Program:
    """A program of a partner, with or without a key."""

    app: Flask
    client: FlaskClient
    partner_id: UUID
    token: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | more

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self.headers())

    def send(self, content: bytes, key: str = "", path: str = "/statements", media: str = "text/csv") -> TestResponse:
        headers = self.headers(**{"Idempotency-Key": key or str(new_id())})
        return self.client.post(f"/api/v1{path}", data=content, content_type=media, headers=headers)

    def statement(self) -> bytes:
        with services_of(self.app).database.read() as session:
            return make_statement_csv(session, self.partner_id, DAY, DAY)


def token_for(app: Flask, partner_id: UUID, scopes: Iterable[Scope]) -> tuple[UUID, str]:
    row, token = services_of(app).database.run(
        keys.create, partner_id=partner_id, name="facturation", scopes=scopes, actor="staff:x", now=utc_now()
    )
    return row.id, token


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = make_app(database_url, tmp_path)
    yield made
    services_of(made).database.close()


@pytest.fixture
def program(app: Flask) -> Program:
    """A program that may do everything; its partner has two delivered orders."""
    with services_of(app).database.begin() as session:
        world = make_world(session, "Opérateur test")
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
    return Program(app, app.test_client(), world.partner_id, token_for(app, world.partner_id, list(Scope))[1])


@pytest.fixture
def stranger(app: Flask) -> Program:
    """A program of another partner, with a key of its own."""
    with services_of(app).database.begin() as session:
        world = make_world(session, "Autre opérateur")
        add_orders(session, world, [Wanted()])
    return Program(app, app.test_client(), world.partner_id, token_for(app, world.partner_id, list(Scope))[1])
