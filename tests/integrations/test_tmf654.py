"""TMF654: an operator without a field for our reference, whose codes come with the connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from integrations.tmf654.adapter import parse_codes
from tests.integrations.cases import TMF654, a_tmf654
from tests.integrations.contract import NOW, SENT, Work
from tests.integrations.talk import Said, instead, served
from tests.integrations.tmf654_server import Tmf654Server, refused
from voucher_service.fulfilment.abilities import RecordState, Trial, Window
from voucher_service.fulfilment.providers import Accepted, Delivered, ErrorClass, Lookup, Refused, Unknown
from voucher_service.units import Unit


@pytest.fixture
def work() -> Iterator[Work]:
    """A running operator with its adapter and an order."""
    with TMF654.at_work() as made:
        yield made


def partner(work: Work) -> Tmf654Server:
    """Return the operator behind the adapter."""
    assert isinstance(work.there.partner, Tmf654Server)
    return work.there.partner


def test_the_order_is_as_the_specification_wants_it(work: Work) -> None:
    order = replace(work.order, quantity=1250)
    taken = work.adapter.submit(order)
    assert isinstance(taken, Accepted)
    assert taken.partner_ref == "TB-0000"
    assert work.there.orders[0].body == {
        "description": f"coup-de-pouce {order.reference}",
        "amount": {"amount": 12.5, "units": "EUR"},
        "usageType": "monetary",
        "bucket": {"id": "33612345678"},
        "partyAccount": {"id": "PA-1"},
        "logicalResource": [{"id": "33612345678"}],
        "product": [{"id": "CREDIT"}],
    }
    work.adapter.submit(replace(order, unit=Unit.MEGABYTE, quantity=20_000))
    assert work.there.orders[-1].body["amount"] == {"amount": 20_000, "units": "MB"}
    assert work.there.orders[-1].body["usageType"] == "data"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("created", Accepted), ("completed", Delivered), ("failed", Refused), ("cancelled", Refused), ("odd", Unknown)],
)
def test_a_state_means_what_the_table_says(work: Work, state: str, expected: type) -> None:
    taken = work.adapter.submit(work.order)
    assert isinstance(taken, Accepted)
    partner(work).finish(state)
    assert isinstance(work.adapter.query(work.ref(taken.partner_ref)), expected)
    assert isinstance(work.adapter.query(work.ref()), expected)
    partner(work).state = state
    assert isinstance(work.adapter.submit(TMF654.order()), expected)


def test_an_operator_that_forgets_our_mark_leaves_us_not_knowing(work: Work) -> None:
    partner(work).keeps = False
    taken = work.adapter.submit(work.order)
    assert isinstance(taken, Accepted)
    said = work.adapter.query(work.ref())
    assert isinstance(said, Unknown)
    assert said.code == "not_listed"
    assert isinstance(work.adapter.query(work.ref(taken.partner_ref)), Accepted)
    assert work.adapter.capabilities.lookup is Lookup.WEAK


def test_our_mark_is_looked_for_on_every_page(work: Work) -> None:
    work.adapter.submit(work.order)
    (mine,) = partner(work).lines
    partner(work).lines[:0] = [{**mine, "id": f"X{n}", "description": "x"} for n in range(150)]
    assert isinstance(work.adapter.query(work.ref()), Accepted)
    page = a_tmf654(work.there.base).list_records(Window(SENT, NOW))
    assert (len(page.records), page.cursor) == (100, "100")
    last = a_tmf654(work.there.base).list_records(Window(SENT, NOW), page.cursor).records[-1]
    assert (last.ours, last.state, last.quantity) == (str(work.order.reference), RecordState.PENDING, 500)


def test_the_operators_own_codes_come_with_the_connection() -> None:
    codes = parse_codes("400 21 beneficiary\n\n 409 30 duplicate \n400 22 transient_before_send\n403 5 refused_final")
    for status, code, expected in (
        (400, "21", ErrorClass.BENEFICIARY),
        (409, "30", ErrorClass.DUPLICATE),
        (403, "5", ErrorClass.REFUSED_FINAL),
        (403, "6", ErrorClass.PARTNER_PRECONDITION),
        (401, "41", ErrorClass.PARTNER_PRECONDITION),
        (400, "30", None),
    ):
        with served(Tmf654Server()) as there:
            there.mishap = instead(refused(status, code))
            said = a_tmf654(there.base, codes=codes).submit(TMF654.order())
        if expected is None:
            assert isinstance(said, Unknown)
        else:
            assert isinstance(said, Refused)
            assert said.error_class is expected


@pytest.mark.parametrize(
    "line", ["400 21", "abc 21 beneficiary", "200 1 refused_final", "400 21 nobody", "400 é beneficiary"]
)
def test_a_line_of_codes_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=line):
        parse_codes(f"400 1 beneficiary\n{line}")


def test_trials(work: Work) -> None:
    adapter = a_tmf654(work.there.base)
    assert adapter.try_connection() == Trial(ok=True, code="connected")
    assert adapter.dry_run(work.order) == Trial(ok=True, code="unit_sold")
    assert adapter.dry_run(replace(work.order, unit=Unit.PIECE)) == Trial(ok=False, code="unit_not_sold")
    work.there.question_mishap = instead(refused(401, "41"))
    assert adapter.try_connection() == Trial(ok=False, code="credentials_refused")
    work.there.question_mishap = instead(Said(200, b"<html>"))
    assert adapter.try_connection() == Trial(ok=False, code="answer_unexpected")
    assert work.there.orders == []


def test_an_event_names_the_order(work: Work) -> None:
    raw = b'{"event": {"topupBalance": {"id": "TB-1", "status": "completed", "description": "coup-de-pouce %s"}}}' % (
        str(work.order.reference).encode()
    )
    notice = a_tmf654(work.there.base).parse_callback({}, raw)
    assert (notice.ours, notice.theirs, notice.status) == (work.order.reference, "TB-1", "completed")
