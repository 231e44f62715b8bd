"""The adapters against the partners' own specifications, played by an independent server (Prism).

Two faults of the specification of Reloadly are worked round here: it asks for a token to ask for a token, and
says that amounts are whole numbers beside an example that is not. Its examples are of another order than ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.http import Line, Reply
from integrations.reloadly.adapter import Reloadly
from tests.integrations.cases import RELOADLY, TMF654, a_reloadly, a_tmf654
from tests.integrations.contract import NOW
from tests.integrations.fixtures import fixture
from tests.integrations.prism import NoPrismError, Prism
from voucher_service.fulfilment.abilities import Guess, RecordState, Window
from voucher_service.fulfilment.providers import Accepted, Delivered, ErrorClass, NotFound, Ref, Refused, Unknown

PATIENT: dict[str, Any] = {"sync_limit": timedelta(seconds=60), "ask_limit": timedelta(seconds=60)}


class Asking(Line):
    """Asks Prism for a status, and carries a token to where one is asked for."""

    status = ""

    def post(
        self, path: str, *, limit: float, content: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send, with the wish."""
        wish = {"prefer": f"code={self.status}"} if self.status and path != "/oauth/token" else {}
        sent = {"authorization": "Bearer none", **(headers or {}), **wish}
        return super().post(path, limit=limit, content=content, headers=sent)


@contextmanager
def playing(name: str) -> Iterator[Prism]:
    """Run Prism on a fixture; skip, saying why, where that cannot be."""
    specification = fixture(name)
    try:
        made = Prism(specification)
    except NoPrismError as error:
        pytest.skip(str(error))
    made.start()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def reloadly() -> Iterator[Prism]:
    """Reloadly, from its OpenAPI 3.1 description."""
    with playing("reloadly/openapi-3.1.yaml") as made:
        yield made


@pytest.fixture(scope="module")
def tmf654() -> Iterator[Prism]:
    """An operator, from the swagger of TMF654 4.0.0."""
    with playing("tmf654/TMF654-PrepayBalance-v4.0.0.swagger.json") as made:
        yield made


def adapter(prism: Prism, *, status: str = "", **other: Any) -> Reloadly:
    """Return an adapter that speaks to Prism."""
    made = a_reloadly(prism.url, **{**PATIENT, **other})
    made._line = Asking(prism.url, name="prism", private=True)
    made._line.status = status
    made._tokens._line = Asking(prism.url, name="prism", private=True)
    return made


def test_reloadly_orders_and_questions_fit_its_description(reloadly: Prism) -> None:
    order = RELOADLY.order()
    taken = adapter(reloadly).submit(order)
    assert isinstance(taken, Accepted), taken
    assert taken.partner_ref == "4602843"
    delivered = adapter(reloadly, wait=True).submit(order)
    assert isinstance(delivered, Delivered), delivered
    assert (delivered.partner_ref, delivered.quantity) == ("4602843", None), "in pounds, which we do not count"
    assert delivered.pin is not None
    assert (delivered.pin.pin, delivered.pin.serial) == ("773709733097662", "558111"), "numbers here, texts elsewhere"
    other = adapter(reloadly).query(Ref(order.reference, "4602843", NOW))
    assert isinstance(other, Unknown)
    assert other.code == "another_order"
    assert isinstance(adapter(reloadly).query(Ref(order.reference, None, NOW)), NotFound)
    assert reloadly.violations() == []


def test_reloadly_refusals_and_the_rest(reloadly: Prism) -> None:
    refused = adapter(reloadly, status="400").submit(RELOADLY.order())
    assert isinstance(refused, Refused), refused
    assert (refused.code, refused.error_class) == ("INVALID_RECIPIENT_PHONE", ErrorClass.BENEFICIARY)
    missing = adapter(reloadly, status="404").submit(RELOADLY.order())
    assert missing == Unknown("http_404", missing.evidence)
    unsigned = adapter(reloadly, status="401").submit(RELOADLY.order())
    assert isinstance(unsigned, Refused)
    assert (unsigned.code, unsigned.error_class) == ("INVALID_TOKEN", ErrorClass.PARTNER_PRECONDITION)
    asking = adapter(reloadly)
    assert (asking.balance().hundredths, asking.balance().currency) == (500_000, "USD")
    found = asking.identify("+573001234567")
    assert isinstance(found, Guess)
    assert (found.operator, found.product_code) == ("Movistar Colombia", "88")
    (line,) = asking.list_records(Window(NOW - timedelta(days=1), NOW)).records
    assert (line.theirs, line.state, line.product_code) == ("4602843", RecordState.DELIVERED, "535")
    assert line.at == datetime(2021, 12, 6, 13, 13, 39, tzinfo=UTC)
    assert reloadly.violations() == []


def test_an_order_that_does_not_fit_is_reported(reloadly: Prism) -> None:
    """The absence of violations means something: a planted one is found."""
    line = Asking(reloadly.url, name="prism", private=True)
    line.post("/topups", limit=60, content={"operatorId": "535", "amount": 5})
    assert any("operatorId" in one for one in reloadly.violations())


def test_tmf654_orders_and_questions_fit_its_specification(tmf654: Prism) -> None:
    speaking, order = a_tmf654(tmf654.url, **PATIENT), TMF654.order(quantity=1250)
    taken = speaking.submit(order)
    assert isinstance(taken, Accepted), taken
    assert taken.evidence["state"] == "created"
    assert isinstance(speaking.query(Ref(order.reference, taken.partner_ref)), Accepted)
    lost = speaking.query(Ref(order.reference))
    assert isinstance(lost, Unknown)
    assert lost.code == "not_listed"
    assert speaking.try_connection().ok
    assert isinstance(speaking.list_records(Window(NOW, NOW)).records, list)
    assert tmf654.violations() == []
