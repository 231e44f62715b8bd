"""Two partners with things of their own, one whose agreement is over, and everyone who may ask the API for them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.doors.api.conftest import Program, token_for
from tests.doors.api.test_exports import closed
from tests.flows.reconciliation.builders import DAY, Wanted, add_orders, make_world
from tests.house import LOGIN_OF, client_as, make_app, services_of
from voucher_service.fulfilment.models import Order
from voucher_service.ids import utc_now
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.api.models import ApiKey
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.staff.models import Role, Staff

OURS, OTHER, ENDED = "Opérateur Secret", "Autre opérateur", "Ancien opérateur"
AUTHORISATION = Path(__file__).parents[2] / "docs" / "authorisation.csv"


@dataclass(frozen=True, slots=True)
class Who:
    """Someone who asks. `scopes` is None for whoever has no key in service; `is_owner`: the things are theirs.

    `every` request of so many is asked as them: who differs from another only in why the door is shut asks less.
    """

    name: str
    client: FlaskClient
    token: str | None = None
    scopes: frozenset[Scope] | None = None
    is_owner: bool = False
    every: int = 1

    @property
    def headers(self) -> dict[str, str]:
        """Return what the program presents."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}


@dataclass(slots=True)
class World:
    """The application, the ids of things that are there by the names the description gives them, and who asks.

    `secrets` are texts that only their owner may read; `wanted` is the scope of each endpoint, as people wrote it down.
    """

    app: Flask
    there: dict[str, str]
    content: bytes
    secrets: frozenset[bytes]
    everyone: list[Who] = field(default_factory=list)
    wanted: Mapping[str, Scope | None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the description of the API."""
        found: dict[str, Any] = self.app.test_client().get("/api/v1/openapi.json").get_json()
        return found

    def close(self) -> None:
        """Close the database."""
        services_of(self.app).database.close()


def make(url: str, folder: Path) -> World:
    """Return the world on the migrated, empty database at `url`."""
    app = make_app(url, folder)
    app.extensions["throttle"].spend = lambda *_: None  # thousands a minute are asked here on purpose
    ours, other, ended = (_program(app, name) for name in (OURS, OTHER, ENDED))
    content = ours.statement().replace(b"5,00", b"6,00").replace(b"TOTAL;2;15,00", b"TOTAL;2;16,00")
    assert ours.send(content).status_code == 201
    services_of(app).seal(utc_now(), sweep=True)
    _end(app, ended.partner_id)
    there = _there(ours)
    secrets = {*(one for one in there.values() if len(one) > 20), OURS, *_orders(app)}
    return World(
        app, there, content, frozenset(one.encode() for one in secrets), _everyone(app, ours, other, ended), _wanted()
    )


def _program(app: Flask, name: str) -> Program:
    with services_of(app).database.begin() as session:
        world = make_world(session, name)
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
    return Program(app, app.test_client(), world.partner_id, token_for(app, world.partner_id, list(Scope))[1])


def _orders(app: Flask) -> list[str]:
    """Return our references of the first partner's orders."""
    mine = select(Order.id).join(Allocation, Allocation.id == Order.allocation_id)
    with services_of(app).database.read() as session:
        return [str(one) for one in session.scalars(mine.where(Allocation.label == f"Don de {OURS}"))]


def _there(program: Program) -> dict[str, str]:
    """The ids of things that are there: chance never finds one."""
    (statement,) = program.get("/statements").get_json()["items"]
    (gift,) = program.get("/allocations").get_json()["items"]
    found = program.get("/breaks").get_json()["items"][0]
    return {
        "statement_id": statement["id"], "allocation_id": str(gift["id"]), "break_id": found["id"],
        "order_id": _orders(program.app)[0], "period_id": closed(program),
    }  # fmt: skip


def _end(app: Flask, partner_id: UUID) -> None:
    """End the partner's agreement and its gift: its keys go on opening what is its own, as its last month needs."""
    with services_of(app).database.begin() as session:
        session.execute(
            update(Agreement).where(Agreement.partner_id == partner_id).values(valid_until=DAY + timedelta(days=1))
        )


def _everyone(app: Flask, ours: Program, other: Program, ended: Program) -> list[Who]:
    database, plain, whole = services_of(app).database, app.test_client(), frozenset(Scope)
    revoked_id, revoked = token_for(app, ours.partner_id, list(Scope))
    database.run(keys.revoke, partner_id=ours.partner_id, key_id=revoked_id, actor="staff:x", now=utc_now())
    expired_id, expired = token_for(app, ours.partner_id, list(Scope))
    with database.begin() as session:
        session.execute(update(ApiKey).where(ApiKey.id == expired_id).values(ends_at=utc_now() - timedelta(seconds=1)))
        session.execute(update(Staff).where(Staff.login == LOGIN_OF[Role.PARTNER]).values(partner_id=ours.partner_id))
    narrow = [
        Who(f"a key for {scope.value}", plain, token_for(app, ours.partner_id, [scope])[1], frozenset({scope}), True)
        for scope in Scope
    ]
    return [
        Who("nobody", plain),
        Who("a word that is no key", plain, "cdp_" + "x" * 43, every=4),
        Who("a revoked key", plain, revoked, every=4),
        Who("an expired key", plain, expired, every=4),
        Who("the partner's person, signed in", client_as(app, Role.PARTNER), every=4),
        Who("a coordinator, signed in", client_as(app, Role.COORDINATOR), every=4),
        *narrow,
        Who("a key for all", plain, ours.token, whole, is_owner=True),
        Who("a key for all, of another partner", plain, other.token, whole),
        Who("a key for all, of a partner whose agreement is over", plain, ended.token, whole, every=4),
    ]


def _wanted(path: Path = AUTHORISATION) -> dict[str, Scope | None]:
    """Return the scope that each endpoint of the API wants by docs/authorisation.csv, which the code never reads."""
    with path.open(encoding="utf-8", newline="") as file:
        rows: Iterable[dict[str, str]] = list(csv.DictReader(file))
    found: dict[str, Scope | None] = {}
    for row in rows:
        if row["endpoint"].startswith("api."):
            told = re.search(r"with ([a-z.]+)$", row["scope"])
            found[row["endpoint"]] = Scope(told[1]) if told else None
    return found
