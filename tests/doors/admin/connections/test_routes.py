"""What orders meet: connections switched on and off, noticed by every process, chosen by offers."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from sqlalchemy import select, text

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.doors.admin.connections.conftest import order
from tests.house import make_app, services_of
from tests.integrations.talk import Served
from voucher_service.fulfilment.kinds import Plan
from voucher_service.fulfilment.providers import Accepted, ErrorClass, NotSent, Ref, Refused
from voucher_service.fulfilment.routes import DISABLED, Routes
from voucher_service.ids import utc_now
from voucher_service.partners.models import Offer


def test_orders_go_there_once_it_is_switched_on(app: Flask, awa: Desk, made: str, there: Served) -> None:
    services = services_of(app)
    resting = services.providers["ondine"]
    assert resting.submit(order()) == Refused(DISABLED, ErrorClass.PARTNER_PRECONDITION)  # type: ignore[attr-defined]  # an operator
    assert there.asked == []
    awa.follow(f"{made}/on")
    sent = order()
    operator = services.providers["ondine"]
    taken = operator.submit(sent)  # type: ignore[attr-defined]  # an operator
    assert isinstance(taken, Accepted)
    assert services.providers["ondine"] is operator, "the adapter lives on, with its token"
    awa.follow(f"{made}/off")
    routes = awa.get("/admin/routes/").text
    assert "rien n’y part d’ici là" in routes, "a connection at rest is not called open"
    assert ("/callbacks/ondine/" in routes, "/callbacks/sandbox/" in routes) == (True, False)
    resting = services.providers["ondine"]
    assert isinstance(resting.submit(order()), Refused)  # type: ignore[attr-defined]  # an operator
    assert isinstance(resting.query(Ref(sent.reference, taken.partner_ref)), Accepted), "still asked about"  # type: ignore[attr-defined]  # an operator
    assert len(there.orders) == 1


def test_every_process_notices_a_change(app: Flask, awa: Desk, made: str) -> None:
    services, seconds = services_of(app), 0.0
    other = Routes({}, services.kinds, services.database, services.vault, clock=lambda: seconds)
    assert list(other) == ["ondine"]
    before = other["ondine"]
    awa.follow(f"{made}/on")
    assert other["ondine"] is before
    seconds = 4.0
    assert other["ondine"] is not before
    assert len(other) == 1


def test_a_connection_that_cannot_be_used_is_left_out(app: Flask, made: str) -> None:
    services = services_of(app)
    assert "ondine" not in Routes({}, {}, services.database, services.vault)
    services.database.run(lambda session: session.execute(text("UPDATE connection SET sealed = x'0102', version = 9")))
    assert "ondine" not in Routes({}, services.kinds, services.database, services.vault)


def test_an_offer_goes_through_a_connection_of_its_operator(
    app: Flask, awa: Desk, made: str, programme: Programme
) -> None:
    offer = {
        "partner_id": programme.partner_id,
        "code": 9,
        "name_fr": "Recharge 5 €",
        "name_en": "€5 top-up",
        "unit": "eur_cent",
        "route": "ondine",
        "product_code": "auto",
        "effective_from": str(utc_now().date()),
        "quantity": "5",
        "face_value_cents": "5",
        "price_cents": "0",
        "validity_days": "30",
    }
    assert "raccordement « ondine »" in awa.get("/admin/offers/new").text
    answer = awa.send("/admin/offers/new", **(offer | {"route": "nobody"}))
    assert [name for name, _ in faults(answer)] == ["route"]
    answer = awa.send("/admin/offers/new", **(offer | {"unit": "megabyte"}))
    assert [name for name, _ in faults(answer)] == ["unit"]
    assert "raccordement « ondine »" in awa.follow("/admin/offers/new", **offer).text
    with services_of(app).database.read() as session:
        assert session.scalar(select(Offer.route).where(Offer.code == 9)) == "ondine"


def test_private_addresses_are_refused_unless_the_deployment_allows_them(
    sqlite_url: str, tmp_path: Path, there: Served
) -> None:
    app = make_app(sqlite_url, tmp_path)
    kinds = services_of(app).kinds
    asked = {"auth_base": "https://127.0.0.1", "audience": "x", "country": "FR", "zone": "UTC"}
    settings = asked | {"local_amount": "yes", "wait": "no"}
    secrets = {"client_id": "a", "client_secret": "b"}
    plan = Plan(route="x", base="https://127.0.0.1", trial=True, settings=settings, secrets=secrets)
    made = kinds["reloadly"].build(plan)
    said = made.submit(order())
    assert isinstance(said, NotSent)
    assert said.code == "address_refused"
    services_of(app).database.close()
