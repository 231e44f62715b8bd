"""Operators behind Reloadly that answer with a code for the person."""

from __future__ import annotations

from dataclasses import replace

from tests.integrations.cases import RELOADLY, a_reloadly
from tests.integrations.contract import SENT
from tests.integrations.reloadly_server import PIN_OPERATOR, ReloadlyServer
from tests.integrations.talk import served
from voucher_service.fulfilment.providers import Delivered, Pin, Ref, Unknown


def test_a_pin_operator_gives_a_code_that_nothing_shows() -> None:
    with served(ReloadlyServer()) as there:
        order = replace(RELOADLY.order(), product_code=str(PIN_OPERATOR))
        adapter = a_reloadly(there.base, wait=True)
        said = adapter.submit(order)
        again = adapter.query(Ref(order.reference, "4602843", SENT))
        there.partner.lines[0]["pinDetail"] = None  # type: ignore[attr-defined]  # it is a ReloadlyServer
        for theirs in ("4602843", None):
            lost = adapter.query(Ref(order.reference, theirs, SENT))
            assert isinstance(lost, Unknown), "a code that is not told was delivered to nobody"
            assert lost.code == "code_missing"
    assert again == replace(said, evidence=again.evidence)  # type: ignore[union-attr]  # both Delivered
    assert isinstance(said, Delivered)
    assert (said.pin, "7737097" in repr(said)) == (Pin("773709732524155", "810268", "DIAL *611"), False)
