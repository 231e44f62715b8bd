"""A whole redemption by the real worker through a connection, its partner played by Prism from its own description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import fresh_sqlite
from tests.flows.delivery.linked import RELOADLY_PIN, TMF654, Link, Linked
from tests.integrations.prism import Prism
from tests.integrations.talk import Served
from tests.integrations.test_prism import Asking, playing
from tests.programme import Programme
from voucher_service.fulfilment.decide import CUT_OFF_CODE
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.reveal import reveal


@pytest.fixture
def programme(tmp_path: Path) -> Iterator[Programme]:
    """On SQLite: what is tried here is the way to the partner."""
    made = Programme.make(fresh_sqlite(tmp_path))
    yield made
    made.database.close()


def linked(programme: Programme, link: Link, prism: Prism) -> Linked:
    """A desk whose connection leads to Prism."""
    return Linked(programme, link, Served(link.partner(), base=prism.url))


def test_a_voucher_becomes_a_code_bought_from_reloadly(programme: Programme) -> None:
    with playing("reloadly/openapi-3.1.yaml") as prism:
        desk = linked(programme, RELOADLY_PIN, prism)
        adapter: Any = desk.routes["ondine"]
        # Its description asks for a token to ask for a token, and its example of an operator sells no codes.
        adapter._tokens._line = Asking(prism.url, name="prism", private=True)
        order_id = desk.order()
        assert desk.step()
        violations = prism.violations()
    order = desk.row(order_id)
    assert (order.state, order.partner_ref, violations) == (OrderState.HELD, "4602843", [])
    how: dict[str, Any] = {"order_id": order_id, "actor": "staff:test", "reason": "", "now": desk.now()}
    shown = programme.database.run(reveal, programme.vault, **how)
    assert (shown.pin, shown.serial) == ("773709733097662", "558111")
    assert desk.row(order_id).state == OrderState.DELIVERED
    assert programme.findings() == []


def test_a_top_up_accepted_by_an_operator_that_never_ends_it_is_left_to_its_statement(programme: Programme) -> None:
    with playing("tmf654/TMF654-PrepayBalance-v4.0.0.swagger.json") as prism:
        desk = linked(programme, TMF654, prism)
        order_id = desk.order()
        desk.step()
        assert desk.row(order_id).state == OrderState.ACCEPTED
        desk.settle()
        violations = prism.violations()
    order = desk.row(order_id)
    kinds = [attempt.kind for attempt in desk.attempts(order_id)]
    assert (order.state, order.outcome_code, violations) == (OrderState.MANUAL, CUT_OFF_CODE, [])
    assert (kinds.count("submit"), kinds.count("query") > 5) == (1, True)
    assert programme.findings() == []
