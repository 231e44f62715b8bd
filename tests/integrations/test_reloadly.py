"""Reloadly: tokens, ways to send, the table of codes, looking up, and the answers that it recorded itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from integrations.reloadly import account as accounts
from integrations.reloadly.adapter import Reloadly
from integrations.reloadly.table import REFUSALS
from tests.integrations import reloadly_server
from tests.integrations.cases import IMPATIENT, RELOADLY, a_reloadly
from tests.integrations.contract import NOW, SENT, Work
from tests.integrations.reloadly_server import ReloadlyServer, refused
from tests.integrations.talk import Said, Served, instead, served
from voucher_service.fulfilment.abilities import BadCallback, Guess, NoGuess, Trial, Window
from voucher_service.fulfilment.providers import (
    Accepted,
    Delivered,
    ErrorClass,
    NotFound,
    NotSent,
    Ref,
    Refused,
    Reversed,
    Unknown,
)
from voucher_service.units import Unit

WEIGHTS = {
    "INSUFFICIENT_BALANCE": (7687, ErrorClass.PARTNER_PRECONDITION),
    "CANNOT_BE_PROCESSED": (4562, ErrorClass.UNKNOWN),
    "PHONE_RECENTLY_RECHARGED": (3627, ErrorClass.BENEFICIARY),
    "CUSTOM_IDENTIFIER_ALREADY_USED": (2385, ErrorClass.DUPLICATE),
    "OPERATOR_UNAVAILABLE": (1530, ErrorClass.TRANSIENT_BEFORE_SEND),
    "COULD_NOT_AUTO_DETECT_OPERATOR": (812, ErrorClass.BENEFICIARY),
    "OPERATOR_NOT_FOUND": (361, ErrorClass.BENEFICIARY),
    "INVALID_RECIPIENT_PHONE": (275, ErrorClass.BENEFICIARY),
    "AUTH_ERROR": (219, ErrorClass.PARTNER_PRECONDITION),
    "INVALID_AMOUNT": (177, ErrorClass.REFUSED_FINAL),
    "RECIPIENT_HAS_PENDING": (151, ErrorClass.BENEFICIARY),
    "FAILED_ON_OPERATOR": (116, ErrorClass.REFUSED_FINAL),
}
"""A year of someone's production: how often each code came, and what it means."""


@pytest.fixture
def work() -> Iterator[Work]:
    """A running partner with its adapter and an order."""
    with RELOADLY.at_work() as made:
        yield made


def partner(work: Work) -> ReloadlyServer:
    """Return the partner behind the adapter."""
    assert isinstance(work.there.partner, ReloadlyServer)
    return work.there.partner


def tokens_asked(there: Served) -> int:
    """Return how often a token was asked for."""
    return sum(one.path == "/oauth/token" for one in there.asked)


@pytest.mark.parametrize("code", WEIGHTS)
def test_a_code_means_what_the_table_says(code: str) -> None:
    assert REFUSALS[("submit", 400, code)] is WEIGHTS[code][1]
    with RELOADLY.at_work(mishap=instead(refused(400, code))) as work:
        said = work.adapter.submit(work.order)
    if WEIGHTS[code][1] is ErrorClass.UNKNOWN:
        assert said == Unknown(code, said.evidence if isinstance(said, Unknown) else {})
    else:
        assert isinstance(said, Refused)
        assert (said.code, said.error_class, said.evidence["status"]) == (code, WEIGHTS[code][1], 400)


def test_the_order_is_as_the_partner_wants_it(work: Work) -> None:
    assert isinstance(work.adapter.submit(replace(work.order, quantity=1235)), Accepted)
    (sent,) = work.there.orders
    assert sent.path == "/topups-async"
    assert sent.headers["accept"].startswith("application/com.reloadly.topups-v1+json")
    assert sent.body == {
        "operatorId": 535,
        "amount": 12.35,
        "useLocalAmount": True,
        "customIdentifier": str(work.order.reference),
        "recipientPhone": {"countryCode": "FR", "number": "33612345678"},
    }


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    seconds = 0.0
    config = accounts.Config(base="", auth_base="", audience=reloadly_server.AUDIENCE, **IMPATIENT)
    with served(ReloadlyServer(life=100)) as there:
        config = replace(config, base=there.base, auth_base=there.base)
        adapter = Reloadly(
            config,
            client_id=reloadly_server.ID,
            client_secret=reloadly_server.SECRET,
            now=lambda: NOW,
            clock=lambda: seconds,
        )
        adapter.balance()
        seconds = 39
        adapter.balance()
        assert tokens_asked(there) == 1
        seconds = 41  # a minute before its end
        adapter.balance()
        assert tokens_asked(there) == 2


def test_a_token_withdrawn_early_is_renewed_and_the_order_may_be_sent_again(work: Work) -> None:
    adapter = a_reloadly(work.there.base)
    seconds = 0.0
    adapter._tokens._clock = lambda: seconds
    assert isinstance(adapter.submit(RELOADLY.order()), Accepted)
    partner(work).withdrawn.update(partner(work).tokens)
    seconds = 120
    said = adapter.submit(work.order)
    assert isinstance(said, Refused)
    assert (said.code, said.error_class) == ("INVALID_TOKEN", ErrorClass.TRANSIENT_BEFORE_SEND)
    assert isinstance(adapter.submit(work.order), Accepted)
    assert tokens_asked(work.there) == 2


def test_a_new_token_that_is_refused_stops_the_queue(work: Work) -> None:
    work.there.mishap = instead(refused(401, "INVALID_TOKEN"))
    said = work.adapter.submit(work.order)
    assert isinstance(said, Refused)
    assert (said.code, said.error_class) == ("INVALID_TOKEN", ErrorClass.PARTNER_PRECONDITION)


def test_wrong_credentials_stop_the_queue_and_send_nothing() -> None:
    with served(ReloadlyServer()) as there:
        config = accounts.Config(base=there.base, auth_base=there.base, audience="x", **IMPATIENT)
        for secret, code in ((reloadly_server.SECRET, "INVALID_AUDIENCE"), ("wrong", "INVALID_CREDENTIALS")):
            adapter = Reloadly(config, client_id=reloadly_server.ID, client_secret=secret, now=lambda: NOW)
            said = adapter.submit(RELOADLY.order())
            assert isinstance(said, Refused)
            assert (said.code, said.error_class) == (code, ErrorClass.PARTNER_PRECONDITION)
            assert adapter.try_connection() == Trial(ok=False, code="credentials_refused")
        assert there.orders == []


def test_without_a_token_nothing_was_sent() -> None:
    with RELOADLY.at_work(questions=instead(Said(503, b"<html>"))) as work:
        assert work.adapter.submit(work.order) == NotSent("token_http_503", {"call": "before sending"})
        assert work.there.orders == []


def test_waiting_for_the_outcome_brings_it_at_once() -> None:
    with served(ReloadlyServer()) as there:
        said = a_reloadly(there.base, wait=True).submit(RELOADLY.order())
        assert isinstance(said, Delivered)
        assert (said.partner_ref, said.quantity, said.pin) == ("4602843", 500, None)
        assert there.orders[0].path == "/topups"


@pytest.mark.parametrize(
    ("state", "expected"), [("PROCESSING", Accepted), ("FAILED", Refused), ("REFUNDED", Unknown), ("ODD", Unknown)]
)
def test_a_state_that_comes_with_200(state: str, expected: type) -> None:
    with served(ReloadlyServer(state=state)) as there:
        assert isinstance(a_reloadly(there.base, wait=True).submit(RELOADLY.order()), expected)


def test_the_operator_is_found_from_the_number() -> None:
    with served(ReloadlyServer(codes={"33712345678": (404, "COULD_NOT_AUTO_DETECT_OPERATOR")})) as there:
        adapter = a_reloadly(there.base)
        order = replace(RELOADLY.order(), product_code="auto")
        assert isinstance(adapter.submit(order), Accepted)
        assert there.orders[0].body["operatorId"] == 535
        said = adapter.submit(replace(order, number="+33712345678"))
        assert said == Refused("COULD_NOT_AUTO_DETECT_OPERATOR", ErrorClass.BENEFICIARY)
        assert adapter.identify("+33612345678") == Guess("Ondine France", "535", 80, NOW)
        assert adapter.identify("+33712345678") == NoGuess("COULD_NOT_AUTO_DETECT_OPERATOR")
        assert len(there.orders) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"unit": Unit.MEGABYTE}, "unit_not_sold"),
        ({"product_code": "TOPUP5"}, "product_unreadable"),
        ({"number": "+99912345678"}, "country_unknown"),
    ],
)
def test_what_cannot_be_ordered_is_refused_before_anything_leaves(
    work: Work, change: dict[str, object], code: str
) -> None:
    order = replace(work.order, **change)  # type: ignore[arg-type]  # fields of the record
    said = work.adapter.submit(order)
    assert isinstance(said, Refused)
    assert said.code == code
    assert work.there.orders == []


def test_an_end_is_found_by_either_reference(work: Work) -> None:
    taken = work.adapter.submit(work.order)
    assert isinstance(taken, Accepted)
    for state, facts, expected in (
        ("SUCCESSFUL", {}, Delivered),
        ("FAILED", {"code": "PHONE_RECENTLY_RECHARGED"}, Refused),
        ("REFUNDED", {}, Reversed),
        ("NEW_WORD", {}, Unknown),
    ):
        partner(work).finish(state, **facts)
        by_theirs, by_ours = work.adapter.query(work.ref(taken.partner_ref)), work.adapter.query(work.ref())
        assert type(by_theirs) is type(by_ours) is expected
        if isinstance(by_theirs, Refused):
            assert by_theirs.error_class is ErrorClass.BENEFICIARY


def test_a_reference_of_theirs_that_is_someone_elses_proves_nothing(work: Work) -> None:
    work.adapter.submit(work.order)
    said = work.adapter.query(Ref(UUID(int=5), "4602843", SENT))
    assert (isinstance(said, Unknown), getattr(said, "code", "")) == (True, "another_order")


def test_a_reference_of_theirs_that_is_gone_is_looked_up_by_ours(work: Work) -> None:
    work.adapter.submit(work.order)
    assert isinstance(work.adapter.query(work.ref("99")), Accepted)


def test_a_report_is_read_to_its_last_page_and_filtered_again(work: Work) -> None:
    """A partner that ignores our filter must not make another order ours."""
    work.adapter.submit(work.order)
    mine = partner(work).lines.pop()
    partner(work).lines += [{**mine, "transactionId": n, "customIdentifier": f"other-{n}"} for n in range(5)] + [mine]
    partner(work).finish()
    partner(work).page = 2
    for line in partner(work).lines:
        line["customIdentifier"], line["hidden"] = None, line["customIdentifier"]
    assert isinstance(work.adapter.query(work.ref()), NotFound)
    for line in partner(work).lines:
        line["customIdentifier"] = line["hidden"]
    asked = len(work.there.asked)
    page = a_reloadly(work.there.base).list_records(Window(SENT, NOW))
    assert ([one.theirs for one in page.records], page.cursor) == (["0", "1"], "2")
    assert isinstance(work.adapter.query(work.ref()), Delivered)
    assert len(work.there.asked) > asked


def test_a_reference_that_was_paid_twice_is_delivered(work: Work) -> None:
    work.adapter.submit(work.order)
    (line,) = partner(work).lines
    partner(work).lines[:] = [{**line, "status": "SUCCESSFUL"}, {**line, "transactionId": 9, "status": "FAILED"}]
    said = work.adapter.query(work.ref())
    assert isinstance(said, Delivered)
    assert said.evidence["lines"] == 2


def test_a_report_without_end_is_unknown(work: Work) -> None:
    work.there.question_mishap = None
    adapter = a_reloadly(work.there.base)
    adapter.balance()
    work.there.question_mishap = instead(Said(200, {"content": [], "last": False}))
    said = adapter.query(work.ref())
    assert (isinstance(said, Unknown), getattr(said, "code", "")) == (True, "report_too_long")


def test_the_dates_of_a_look_up_are_a_day_wider_in_the_partners_zone(work: Work) -> None:
    work.adapter.query(work.ref())
    asked = work.there.asked[-1].query
    assert (asked["startDate"], asked["endDate"]) == ("2026-03-03 06:00:00", "2026-03-05 06:30:00")
    assert (asked["page"], asked["size"], asked["customIdentifier"]) == ("1", "200", str(work.order.reference))


def test_the_balance_and_a_trial(work: Work) -> None:
    adapter = a_reloadly(work.there.base)
    assert adapter.try_connection() == Trial(ok=True, code="connected", facts={"balance": 123456, "currency": "EUR"})
    assert adapter.dry_run(work.order) == Trial(ok=True, code="ready_to_send", facts={"operator": "535"})
    assert adapter.dry_run(replace(work.order, unit=Unit.SMS)) == Trial(ok=False, code="unit_not_sold")
    assert work.there.orders == []


def test_a_callback_names_the_order(work: Work) -> None:
    adapter = a_reloadly(work.there.base)
    raw = b'{"data": {"transactionId": 7, "customIdentifier": "%s", "status": "SUCCESSFUL"}}' % (
        str(work.order.reference).encode()
    )
    notice = adapter.parse_callback({}, raw)
    assert (notice.ours, notice.theirs, notice.status) == (work.order.reference, "7", "SUCCESSFUL")
    with pytest.raises(BadCallback, match="callback_without_order"):
        adapter.parse_callback({}, b'{"data": {}}')
