"""A connection to a Reloadly of our own, made through the forms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import client_as, make_app, services_of
from tests.integrations.reloadly_server import AUDIENCE, ID, SECRET, ReloadlyServer
from tests.integrations.talk import Served, served
from voucher_service.fulfilment.connection_models import Connection
from voucher_service.fulfilment.providers import TopUp
from voucher_service.ids import new_id, utc_now
from voucher_service.staff.models import Role
from voucher_service.units import Unit


def told(there: Served, programme: Programme, **other: object) -> dict[str, object]:
    """Return what the form of a Reloadly connection sends."""
    return {
        "partner_id": programme.partner_id,
        "route": "ondine",
        "base": there.base,
        "trial": "yes",
        "auth_base": there.base,
        "audience": AUDIENCE,
        "client_id": ID,
        "client_secret": SECRET,
        "country": "FR",
        "local_amount": "yes",
        "wait": "no",
        "zone": "America/New_York",
    } | other


def only(app: Flask) -> Connection:
    """Return the one connection."""
    with services_of(app).database.read() as session:
        return session.scalars(select(Connection)).one()


def order() -> TopUp:
    """Return an order of 5 euros."""
    return TopUp(new_id(), "+33612345678", "535", 500, Unit.EUR_CENT)


def changed(there: Served, **other: object) -> dict[str, object]:
    """Return what the form to change it sends when nothing is changed: the secrets stay empty."""
    return {
        "base": there.base,
        "trial": "yes",
        "auth_base": there.base,
        "audience": AUDIENCE,
        "client_id": "",
        "client_secret": "",
        "country": "FR",
        "local_amount": "yes",
        "wait": "no",
        "zone": "America/New_York",
    } | other


def dump(app: Flask) -> str:
    """Return all rows of both tables, as they lie in the database."""
    with services_of(app).database.engine.connect() as connection:
        tables = ("connection", "connection_change")
        return "".join(repr(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)  # noqa: S608


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application, which may speak to servers of this machine."""
    made = make_app(sqlite_url, tmp_path, private_partners=True)
    services = services_of(made)
    services.database.run(services.ring.add_key, utc_now())
    yield made
    services.database.close()


@pytest.fixture
def there() -> Iterator[Served]:
    """A Reloadly of our own."""
    with served(ReloadlyServer()) as made:
        yield made


@pytest.fixture
def awa(app: Flask) -> Desk:
    """A coordinator."""
    return Desk(client_as(app, Role.COORDINATOR))


@pytest.fixture
def made(awa: Desk, there: Served, programme: Programme) -> str:
    """A connection; returns the address of its page."""
    answer = awa.send("/admin/connections/new/reloadly", **told(there, programme))
    assert answer.status_code == 303, faults(answer)
    return str(answer.location)
