"""A partner calls the address that it was told with the order; the address can be changed; nothing moves by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.flows.delivery.linked import DT_ONE, PUBLIC, RELOADLY, ROUTE, TMF654, Link, Linked
from tests.house import make_settings
from tests.integrations.talk import served
from tests.programme import Programme
from voucher_service.app import create_app
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.callbacks import OLD_ADDRESS_SERVES
from voucher_service.fulfilment.connections import callback_address
from voucher_service.fulfilment.models import OrderState
from voucher_service.services import Services
from voucher_service.web import doors
from voucher_service.web.callbacks.views import blueprint as callbacks
from voucher_service.web.session.views import blueprint as session_door


@pytest.fixture(params=[DT_ONE, RELOADLY, TMF654], ids=lambda link: link.kind)
def desk(request: pytest.FixtureRequest, programme: Programme) -> Iterator[Linked]:
    """A desk behind a connection that calls back."""
    link: Link = request.param
    with ExitStack() as stack:
        yield Linked(programme, link, stack.enter_context(served(link.partner())))


@pytest.fixture
def door(desk: Linked, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The door that the partner calls at, with the desk's clock."""
    monkeypatch.setattr(doors, "now", desk.now)
    held = desk.programme
    settings = make_settings(database_url, tmp_path)
    return create_app(
        Services(settings, held.database, held.vault, held.ring, desk.routes, desk.kinds), [session_door, callbacks]
    )


def address(desk: Linked) -> str:
    """Where the partner was told to call; DT One is told with each order, the others on their own pages."""
    if desk.link is DT_ONE:
        return str(desk.there.orders[-1].body["callback_url"])
    with desk.programme.database.read() as session:
        return callback_address(session, desk.programme.vault, ROUTE, PUBLIC)


def call(desk: Linked, door: Flask, where: str, state: str) -> int:
    """The partner calls, with its order as it says it is; return how it was answered."""
    line: dict[str, Any] = json.loads(json.dumps(desk.partner_lines[0]))
    line["status"] = {"message": state, "class": {"message": state}} if desk.link is DT_ONE else state
    body = {"event": {"topupBalance": line}} if desk.link is TMF654 else line
    assert where.startswith(f"{PUBLIC}/callbacks/{ROUTE}/")
    return door.test_client().post(where.removeprefix(PUBLIC), json=body).status_code


def test_a_call_makes_us_ask_at_once_and_the_answer_decides(desk: Linked, door: Flask) -> None:
    order_id = desk.order()
    desk.sweep()
    asked = len(desk.there.asked)
    assert call(desk, door, address(desk), "REFUNDED" if desk.link is RELOADLY else "COMPLETED") == 204
    order = desk.row(order_id)
    assert (order.state, order.due_at, len(desk.there.asked)) == (OrderState.ACCEPTED, desk.now(), asked)
    desk.finish()
    desk.sweep()
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert call(desk, door, address(desk), "FAILED") == 204
    desk.settle()
    assert desk.row(order_id).state == OrderState.DELIVERED, "whatever it says"
    assert desk.programme.findings() == []


def test_a_connection_that_is_switched_off_still_listens(desk: Linked, door: Flask) -> None:
    order_id = desk.order()
    desk.sweep()
    where = address(desk)
    desk.switch(on=False)
    desk.finish()
    assert call(desk, door, where, "COMPLETED") == 204
    desk.sweep()
    assert desk.row(order_id).state == OrderState.DELIVERED


@pytest.mark.parametrize("desk", [DT_ONE, RELOADLY], ids=lambda link: link.kind, indirect=True)
def test_a_reversal_after_the_success_is_heard_of(desk: Linked, door: Flask) -> None:
    order_id = desk.order()
    desk.sweep()
    desk.finish()
    desk.settle()
    desk.programme.later(hours=5)
    if desk.link is DT_ONE:
        desk.there.partner.ends = ("REVERSED", "REVERSED")  # type: ignore[attr-defined]  # it is a DtOneServer
        desk.finish()
    else:
        desk.finish("REFUNDED")
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert call(desk, door, address(desk), "REVERSED") == 204
    desk.settle()
    assert desk.row(order_id).state == OrderState.REVERSED
    assert desk.programme.findings() == []


def test_a_new_address_serves_at_once_and_the_old_one_for_a_week(desk: Linked, door: Flask) -> None:
    desk.order()
    desk.sweep()
    old = address(desk)
    how: dict[str, Any] = {"connection_id": desk.connection_id, "actor": "staff:test", "now": desk.now()}
    desk.programme.database.run(connections.turn_callback, **how)
    desk.routes.look_again()
    desk.order()
    desk.sweep()
    new = address(desk)
    assert new != old
    assert [call(desk, door, where, state) for where, state in ((old, "ONE"), (new, "TWO"))] == [204, 204]
    desk.programme.now += OLD_ADDRESS_SERVES
    assert [call(desk, door, where, state) for where, state in ((old, "THREE"), (new, "FOUR"))] == [404, 204]
    desk.programme.database.run(connections.turn_callback, **how | {"now": desk.now()})
    assert call(desk, door, new, "FIVE") == 204
    assert call(desk, door, old, "SIX") == 404, "two turns ago"
    with desk.programme.database.read() as session:
        kinds = [line.kind for line in connections.journal(session, desk.connection_id)]
    assert kinds == ["turned", "turned", "enabled", "created"]
