"""The sandbox partner calls: late, twice, signed. Each call is kept once, moves nothing, and makes us ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.flows.delivery.desk import Desk
from tests.house import make_settings
from voucher_service.app import create_app
from voucher_service.fulfilment.abilities import BadCallback
from voucher_service.fulfilment.around import Callback
from voucher_service.fulfilment.callbacks import secret_now
from voucher_service.fulfilment.models import OrderState
from voucher_service.services import Services
from voucher_service.web.callbacks.views import blueprint as callbacks
from voucher_service.web.session.views import blueprint as session_door


@pytest.fixture
def door(programme_on_sqlite: Desk, sqlite_url: str, tmp_path: Path) -> Flask:
    """The door that partners call at, with the desk's clock."""
    held = programme_on_sqlite.programme
    providers = {"sandbox": programme_on_sqlite.partner}
    services = Services(make_settings(sqlite_url, tmp_path), held.database, held.vault, held.ring, providers)
    app = create_app(services, [session_door, callbacks])
    app.extensions["clock"] = programme_on_sqlite.now
    return app


def kept(desk: Desk) -> list[tuple[str, bool]]:
    """What was kept of calls."""
    with desk.programme.database.read() as session:
        return [(one.status, one.verified) for one in session.scalars(select(Callback).order_by(Callback.id))]


def test_late_and_twice(programme_on_sqlite: Desk, door: Flask) -> None:
    desk, calls = programme_on_sqlite, door.test_cli_runner()
    orders = {suffix: desk.order(suffix) for suffix in ("100", "110", "111", "109")}
    desk.sweep()
    assert "0 calls made" in calls.invoke(args=["sandbox-calls"]).output, "nothing has ended since"
    desk.programme.later(seconds=16)
    told = calls.invoke(args=["sandbox-calls"]).output
    assert "4 calls made, 4 taken." in told, told  # 110 twice, 111, 109
    assert sorted(kept(desk)) == [("delivered", True), ("delivered", True), ("failed_on_operator", True)]
    states = {suffix: desk.row(order_id).state for suffix, order_id in orders.items()}
    assert states == {"100": "delivered", "110": "accepted", "111": "accepted", "109": "delivered"}, "nothing moved"
    desk.sweep()
    assert desk.row(orders["110"]).state == OrderState.DELIVERED
    assert desk.row(orders["111"]).state == OrderState.GIVEN_BACK
    desk.programme.later(hours=3)
    assert "1 calls made, 1 taken." in calls.invoke(args=["sandbox-calls"]).output
    desk.sweep()
    assert desk.row(orders["109"]).state == OrderState.REVERSED, "taken back after success: asked because it called"
    assert "0 calls made" in calls.invoke(args=["sandbox-calls"]).output, "each is made once"
    assert desk.programme.findings() == []


def test_a_call_that_is_not_its_own_is_refused(programme_on_sqlite: Desk, door: Flask) -> None:
    desk = programme_on_sqlite
    order_id = desk.order("110")
    desk.sweep()
    desk.programme.later(seconds=16)
    call, again = desk.partner.calls()
    assert (call, desk.partner.parse_callback(call.headers, call.raw).ours) == (again, order_id)
    with desk.programme.database.read() as session:
        path = f"/callbacks/sandbox/{secret_now(session, desk.programme.vault, 'sandbox')}"
    forged = call.raw.replace(b"delivered", b"reversed!")
    for headers, raw in ((call.headers, forged), ({}, call.raw), ({"sandbox-signature": "0" * 64}, call.raw)):
        with pytest.raises(BadCallback, match="callback_signature"):
            desk.partner.parse_callback(headers, raw)
        assert door.test_client().post(path, data=raw, headers=dict(headers)).status_code == 422
    assert kept(desk) == []
    assert door.test_client().post(path, data=call.raw, headers=dict(call.headers)).status_code == 204
    assert kept(desk) == [("delivered", True)]
