"""What every adapter must do, whoever the partner is. Each check is a function of a case and asserts.

An adapter passes when all of CHECKS do. `planted.py` shows each of them failing on an adapter that is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from structlog.testing import capture_logs

from tests.integrations.nonsense import echo, json_of, rubbish
from tests.integrations.talk import Mishap, Partner, Said, Served, hang_up, instead, served, silence, torn
from voucher_service.fulfilment.abilities import (
    BadCallback,
    CallsBack,
    Lists,
    NeverHappened,
    Notice,
    Reverses,
    Tries,
)
from voucher_service.fulfilment.providers import (
    Accepted,
    CallbackSignature,
    Capabilities,
    Delivered,
    Found,
    Lookup,
    NotFound,
    NotSent,
    Operator,
    Provider,
    Ref,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.ids import new_id
from voucher_service.units import Unit

NUMBER = "+33612345678"
DIGITS = "612345678"
NOW = datetime(2026, 3, 4, 11, 30, tzinfo=UTC)
SENT = NOW - timedelta(minutes=30)


@dataclass(frozen=True)
class Case:
    """An adapter and a partner for it. `build` is given the partner's address; `secrets` are its credentials."""

    name: str
    partner: Callable[[], Partner]
    build: Callable[[str], Operator]
    product: str
    secrets: tuple[str, ...]

    def order(self, **other: Any) -> TopUp:
        """Return an order of 5 euros."""
        return replace(TopUp(new_id(), NUMBER, self.product, 500, Unit.EUR_CENT), **other)

    @contextmanager
    def at_work(self, *, mishap: Mishap | None = None, questions: Mishap | None = None) -> Iterator[Work]:
        """Run the partner, and an adapter that speaks to it."""
        with served(self.partner()) as there:
            there.mishap, there.question_mishap = mishap, questions
            yield Work(there, self.build(there.base), self.order())


@dataclass(frozen=True)
class Work:
    """A running partner, its adapter, and an order."""

    there: Served
    adapter: Operator
    order: TopUp

    def ref(self, theirs: str | None = None) -> Ref:
        """Return what is asked with."""
        return Ref(self.order.reference, theirs, SENT)


UNREADABLE = (
    Said(200, b"<html>Bad gateway</html>"),
    Said(201, b"<html>Bad gateway</html>"),
    Said(200, b""),
    Said(200, {}),
    Said(201, []),
    Said(201, {"id": None, "transactionId": {"a": 1}}),
    Said(200, {"id": "x", "transactionId": 7, "status": "NEVER_SEEN", "state": "NEVER_SEEN"}),
    Said(201, {"id": "x", "transactionId": 7, "status": {"message": "N", "class": {"message": "NEVER_SEEN"}}}),
    Said(200, b'{"status": "SUCCESSFUL"'),
    Said(204, b""),
    Said(307, {}, {"Location": "/elsewhere"}),
    Said(400, {"errorCode": "NEVER_SEEN", "code": "NEVER_SEEN", "errors": [{"code": 9999999}]}),
    Said(409, {}),
    Said(500, {"errorCode": "INSUFFICIENT_BALANCE", "code": "x", "errors": [{"code": 1006001}]}),
    Said(502, b"<html>Bad gateway</html>"),
    Said(503, {}, {"Retry-After": "0"}),
)


def check_capabilities_are_data(case: Case) -> None:
    """They need no partner, and agree with what the adapter can do."""
    adapter = case.build("http://127.0.0.1:9")
    assert isinstance(adapter, Operator)
    check_data(adapter)
    assert adapter.capabilities.sync_limit > timedelta()


def check_data(provider: Provider) -> None:
    """Assert that the capabilities of a way to deliver agree with themselves and with it."""
    can = provider.capabilities
    assert isinstance(can, Capabilities)
    assert can == provider.capabilities, "the same each time"
    assert can.units <= frozenset(Unit)
    assert can.reference_length is None or can.reference_length >= len(str(UUID(int=0))), "our reference fits"
    assert can.lookup is not Lookup.BY_REFERENCE or can.reference_field is not None
    assert can.reversal == isinstance(provider, Reverses)
    assert (can.callback_signature is not CallbackSignature.NO_CALLBACKS) == isinstance(provider, CallsBack)
    assert not can.dry_run or isinstance(provider, Tries)
    assert (can.list_window is not None) == isinstance(provider, Lists)


def check_an_order_is_taken(case: Case) -> None:
    """It is taken or delivered, asked about by either reference, and its end is seen."""
    with case.at_work() as work:
        taken = work.adapter.submit(work.order)
        assert isinstance(taken, Accepted | Delivered), taken
        assert len(work.there.orders) == 1
        work.there.partner.finish()  # type: ignore[attr-defined]  # every partner of ours can
        for ref in (work.ref(taken.partner_ref), work.ref()):
            said = work.adapter.query(ref)
            assert isinstance(said, Delivered), said
            assert (said.partner_ref, said.quantity) == (taken.partner_ref, 500)
        assert len(work.there.orders) == 1, "asking orders nothing"


def check_nobody_there_is_not_sent(case: Case) -> None:
    """Nothing can have left."""
    said = case.build("http://127.0.0.1:9").submit(case.order())
    assert isinstance(said, NotSent), said


def check_what_may_have_arrived_is_unknown(case: Case) -> None:
    """A time-out, a hang-up and a torn answer are neither a refusal nor unsent; the order is sent once."""
    for mishap in (hang_up, torn, silence):
        with case.at_work(mishap=mishap) as work:
            said = work.adapter.submit(work.order)
            assert isinstance(said, Unknown), (mishap.__name__, said)
            assert len(work.there.orders) == 1, mishap.__name__


def check_what_is_in_no_table_is_unknown(case: Case) -> None:
    """Unlisted statuses, codes and states, pages of proxies, broken JSON: unknown, and never sent again."""
    for answer in UNREADABLE:
        with case.at_work(mishap=instead(answer)) as work:
            said = work.adapter.submit(work.order)
            assert isinstance(said, Unknown), (answer, said)
            assert len(work.there.orders) == 1, answer


def check_a_redirect_is_not_followed(case: Case) -> None:
    """An order does not go where a partner's answer points."""
    with served(case.partner()) as elsewhere:
        moved = Said(308, {}, {"Location": f"{elsewhere.base}/stolen"})
        with case.at_work(mishap=instead(moved), questions=None) as work:
            assert isinstance(work.adapter.submit(work.order), Unknown)
        assert elsewhere.asked == []


def check_a_question_without_an_answer_is_unknown(case: Case) -> None:
    """Whatever befalls a question: nothing is concluded, least of all that the order is absent."""
    mishaps: list[Mishap] = [hang_up, torn, silence, *(instead(one) for one in UNREADABLE)]
    for mishap in mishaps:
        with case.at_work() as work:
            work.adapter.submit(work.order)
            work.there.question_mishap = mishap
            for ref in (work.ref("4602843"), work.ref()):
                said = work.adapter.query(ref)
                assert isinstance(said, Unknown), (mishap, said)


def check_absence_is_said_only_where_it_can_be_known(case: Case) -> None:
    """With a weak look-up, not finding an order is Unknown."""
    with case.at_work() as work:
        said = work.adapter.query(work.ref())
        if work.adapter.capabilities.lookup is Lookup.BY_REFERENCE:
            assert isinstance(said, NotFound), said
            assert said.as_of.tzinfo is not None
            assert said.as_of <= NOW
        else:
            assert isinstance(said, Unknown), said
        assert work.there.orders == []


def check_nothing_escapes(case: Case) -> None:
    """Whatever the partner says, an outcome comes back: no exception, and one order at most."""
    dice = random.Random(case.name)
    for _ in range(40):
        odd = instead(Said(dice.choice([200, 201, 400, 404, 500]), rubbish(dice, 3)))
        with case.at_work(mishap=odd, questions=odd if dice.random() < 0.3 else None) as work:
            said: object = work.adapter.submit(work.order)
            assert isinstance(said, get_args(Submitted)), said
            assert len(work.there.orders) <= 1
            work.there.question_mishap = odd
            for ref in (work.ref(), work.ref("77")):
                asked: object = work.adapter.query(ref)
                assert isinstance(asked, get_args(Found)), asked


def check_secrets_stay_out(case: Case) -> None:
    """A partner that repeats all it was told puts neither number nor credential into what we keep or log."""
    told = [(status, text) for status in (200, 201, 400, 401, 500) for text in (f"X{DIGITS}", *case.secrets)]
    for status, text in told:
        with case.at_work() as work, capture_logs() as logged:
            work.there.mishap = echo(work.there, status, NUMBER, text, case.secrets)
            kept = repr(work.adapter.submit(work.order))
            work.there.question_mishap = echo(work.there, status, NUMBER, text, case.secrets)
            kept += repr(work.adapter.query(work.ref())) + repr(work.adapter.query(work.ref("77")))
            for secret in (DIGITS, *case.secrets):
                assert secret not in kept, (status, secret, kept)
                assert secret not in str(logged), (status, secret)
            assert not any(secret in repr(work.adapter) for secret in case.secrets)


def check_callbacks_are_only_read(case: Case) -> None:
    """What cannot be read is a BadCallback; what can, is a notice that vouches for nothing it cannot check."""
    adapter = case.build("http://127.0.0.1:9")
    if not isinstance(adapter, CallsBack):
        return
    dice = random.Random(case.name)
    readable = json_of({"id": "TB-7", "transactionId": 7, "status": "completed"})
    raws = [b"", b"\xff", b"[]", b"null", b"[" * 99_999, b"{}", *(json_of(rubbish(dice, 4)) for _ in range(60))]
    for raw in [readable, *raws]:
        try:
            said: object = adapter.parse_callback({}, raw)
        except BadCallback:
            assert raw is not readable
            continue
        assert isinstance(said, Notice)
        assert not said.verified or adapter.capabilities.callback_signature is CallbackSignature.HMAC_SHA256


def check_a_reversal_is_repeated_until_final(case: Case) -> None:
    """A fault leaves it open; 404 ends it."""
    with case.at_work() as work:
        adapter = work.adapter
        if not isinstance(adapter, Reverses):
            return
        assert isinstance(adapter.reverse(work.ref("1")), NeverHappened)
        assert isinstance(adapter.reverse(work.ref()), Unknown), "not listed yet proves nothing"
        for mishap in (hang_up, torn, silence, *(instead(one) for one in UNREADABLE)):
            work.there.question_mishap = mishap
            said = adapter.reverse(work.ref("4602843"))
            assert isinstance(said, Unknown), (mishap, said)


CHECKS: tuple[Callable[[Case], None], ...] = (
    check_capabilities_are_data,
    check_an_order_is_taken,
    check_nobody_there_is_not_sent,
    check_what_may_have_arrived_is_unknown,
    check_what_is_in_no_table_is_unknown,
    check_a_redirect_is_not_followed,
    check_a_question_without_an_answer_is_unknown,
    check_absence_is_said_only_where_it_can_be_known,
    check_nothing_escapes,
    check_secrets_stay_out,
    check_callbacks_are_only_read,
    check_a_reversal_is_repeated_until_final,
)
