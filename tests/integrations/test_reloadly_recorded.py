"""The answers that Reloadly recorded itself, read as they are (PARTNER_FIXTURES): the second witness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.integrations.cases import RELOADLY, a_reloadly
from tests.integrations.contract import NOW
from tests.integrations.fixtures import recorded
from tests.integrations.talk import Said, instead
from voucher_service.fulfilment.abilities import Guess, RecordState, Window
from voucher_service.fulfilment.providers import Accepted, Delivered, ErrorClass, Pin, Refused, TopUp


def replaying(name: str, status: int = 200) -> Said:
    """Return a recorded answer as it would come."""
    return Said(status, recorded(name))


def answered(name: str, *, wait: bool = True, order: TopUp | None = None) -> object:
    """Return what the adapter makes of a recorded answer to an order."""
    with RELOADLY.at_work(mishap=instead(replaying(name))) as work:
        return a_reloadly(work.there.base, wait=wait).submit(order or work.order)


def test_recorded_top_ups() -> None:
    """The recorded answers are older than the specification and carry no state: taken, and asked about."""
    said = answered("topup__phone_topup_transaction")
    assert isinstance(said, Accepted)
    assert said.partner_ref == "10670"
    said = answered("topup__phone_topup_transaction_async", wait=False)
    assert isinstance(said, Accepted)
    assert said.partner_ref == "1"


def test_a_recorded_state_and_a_recorded_pin() -> None:
    with RELOADLY.at_work(questions=None) as work:
        adapter = a_reloadly(work.there.base)
        adapter.sells_codes(174)
        work.there.question_mishap = instead(replaying("topup__phone_topup_transaction_status"))
        said = adapter.query(work.ref("1"))
        assert isinstance(said, Delivered)
        assert (said.partner_ref, said.quantity) == ("1", None), "delivered in gourdes, which we do not count"
        body = recorded("topup__phone_topup_transaction_with_pin_detail") | {"status": "SUCCESSFUL"}
        work.there.mishap, work.there.question_mishap = instead(Said(200, body)), None
        pin = a_reloadly(work.there.base, wait=True).submit(work.order)
        assert isinstance(pin, Delivered)
        assert (pin.quantity, pin.pin) == (
            1504,
            Pin("773709732524155", "810268", "DIAL *611 · Dial *233* and PIN #"),
        )


def test_a_recorded_report() -> None:
    with RELOADLY.at_work() as work:
        adapter = a_reloadly(work.there.base)
        adapter.balance()
        work.there.question_mishap = instead(replaying("report__transaction_history_unfiltered_page"))
        page = adapter.list_records(Window(NOW - timedelta(days=1), NOW))
    assert (len(page.records), page.cursor) == (38, None)
    first = page.records[0]
    assert (first.theirs, first.state, first.quantity) == ("74", RecordState.UNKNOWN, None)
    assert first.at == datetime(2018, 11, 16, 2, 58, 5, tzinfo=UTC), "five hours behind UTC in winter"


def test_recorded_balance_operator_and_refusals_of_a_token() -> None:
    with RELOADLY.at_work() as work:
        adapter = a_reloadly(work.there.base)
        adapter.balance()
        work.there.question_mishap = instead(replaying("account__account_balance"))
        assert (adapter.balance().hundredths, adapter.balance().currency) == (100_000, "USD")
        work.there.question_mishap = instead(replaying("operator__operator_auto_detect_filtered"))
        found = adapter.identify("+50936377111")
        assert isinstance(found, Guess)
        assert (found.operator, found.product_code) == ("Digicel Haiti", "173")
    for name, code in (
        ("auth__client__auth__error_access_denied", "http_401"),
        ("auth__client__auth__error_invalid_audience", "INVALID_AUDIENCE"),
    ):
        with RELOADLY.at_work(questions=instead(replaying(name, 401))) as work:
            said = work.adapter.submit(work.order)
            assert isinstance(said, Refused)
            assert (said.code, said.error_class) == (code, ErrorClass.PARTNER_PRECONDITION)


def test_a_recorded_token_opens_the_door() -> None:
    with RELOADLY.at_work(questions=instead(replaying("auth__client__auth__success_token_response"))) as work:
        work.there.mishap = instead(replaying("topup__phone_topup_transaction_async"))
        adapter = a_reloadly(work.there.base)
        adapter._codes[535] = False  # as asked before; here every question is answered by the token
        assert isinstance(adapter.submit(work.order), Accepted)
        token = recorded("auth__client__auth__success_token_response")["access_token"]
        assert work.there.orders[0].headers["authorization"] == f"Bearer {token}"
