"""Adapters that are wrong in one way each, and the check of the contract that must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from integrations.dt_one.adapter import DtOne
from integrations.http import Line, Reply
from integrations.reloadly.adapter import Reloadly
from tests.integrations import contract
from tests.integrations.cases import DT_ONE, RELOADLY, TMF654, a_dt_one, a_reloadly, a_tmf654
from tests.integrations.contract import NOW, Case
from voucher_service.fulfilment.abilities import NeverHappened, Notice, Undone
from voucher_service.fulfilment.providers import (
    Capabilities,
    Delivered,
    ErrorClass,
    Found,
    NotFound,
    NotSent,
    Operator,
    Ref,
    Refused,
    Submitted,
    TopUp,
    Unknown,
)


class Escapes(Reloadly):
    """Lets an exception out."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        if isinstance(said, Unknown):
            raise TimeoutError(said.code)
        return said


class TimeOutIsRefusal(Reloadly):
    """Takes a time-out for a refusal."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        late = isinstance(said, Unknown) and said.code == "timeout"
        return Refused("timeout", ErrorClass.REFUSED_FINAL) if late else said


class HangUpIsUnsent(Reloadly):
    """Takes any broken connection for one that sent nothing."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        return NotSent(said.code) if isinstance(said, Unknown) and said.code == "hung_up" else said


class SendsAgain(Reloadly):
    """Sends once more when the answer is unclear."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        return super().submit(top_up) if isinstance(said, Unknown) else said


class UnlistedIsRefusal(DtOne):
    """Takes a code it does not know for a refusal."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        unlisted = isinstance(said, Unknown) and said.code == "9999999"
        return Refused("9999999", ErrorClass.REFUSED_FINAL) if unlisted else said


class TellsTheNumber(Reloadly):
    """Keeps the number as evidence."""

    def submit(self, top_up: TopUp) -> Submitted:
        said = super().submit(top_up)
        return replace(said, evidence={"number": top_up.number})


class TellsTheSecret(DtOne):
    """Shows its credentials."""

    def __repr__(self) -> str:
        return f"DtOne({self._secrets})"


class _Following(Line):
    def post(self, path: str, **options: Any) -> Reply:
        reply = super().post(path, **options)
        if reply.status in {307, 308} and reply.headers["location"].startswith("http"):
            parts = urlsplit(reply.headers["location"])
            return Line(f"http://{parts.netloc}", name="", private=True).post(parts.path, **options)
        return reply


class Follows(DtOne):
    """Follows a redirect with the order."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._line = _Following(self._config.base, name="", private=True)


class FaultIsAbsence(DtOne):
    """Takes a question without an answer for an answer."""

    def query(self, ref: Ref) -> Found:
        said = super().query(ref)
        return NotFound(NOW) if isinstance(said, Unknown) else said


class LooksIntoTheFuture(DtOne):
    """Says as of when it knows, and does not know yet."""

    def query(self, ref: Ref) -> Found:
        said = super().query(ref)
        return NotFound(said.as_of + timedelta(hours=1)) if isinstance(said, NotFound) else said


class ForgetsTheQuantity(DtOne):
    """Does not tell what was delivered."""

    def query(self, ref: Ref) -> Found:
        said = super().query(ref)
        return replace(said, quantity=None) if isinstance(said, Delivered) else said


class Boasts(Reloadly):
    """Says that it can take back, and cannot."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, reversal=True)


class BelievesCallbacks(Reloadly):
    """Vouches for a callback that nobody signed."""

    def parse_callback(self, headers: Any, raw: bytes) -> Notice:
        return replace(super().parse_callback(headers, raw), verified=True)


class GivesUpTheReversal(DtOne):
    """Takes a lost answer for the end of a reversal."""

    def reverse(self, ref: Ref) -> Undone:
        said = super().reverse(ref)
        return NeverHappened(said.code) if isinstance(said, Unknown) else said


def weak_absence(base: str) -> Operator:
    """Return an adapter that says "absent" though its look-up is weak."""
    made = a_tmf654(base)
    ask = made.query

    def query(ref: Ref) -> Found:
        said = ask(ref)
        return NotFound(NOW) if isinstance(said, Unknown) and said.code == "not_listed" else said

    made.query = query  # type: ignore[method-assign]  # a planted fault
    return made


def nobody_is_unknown(base: str) -> Operator:
    """Return an adapter that cannot tell what never left."""
    made = a_tmf654(base)
    send = made.submit

    def submit(top_up: TopUp) -> Submitted:
        said = send(top_up)
        return Unknown(said.code) if isinstance(said, NotSent) else said

    made.submit = submit  # type: ignore[method-assign]  # a planted fault
    return made


def _reloadly(kind: type[Reloadly]) -> Case:
    return replace(RELOADLY, name=kind.__name__, build=lambda base: a_reloadly(base, kind))


def _dt_one(kind: type[DtOne]) -> Case:
    return replace(DT_ONE, name=kind.__name__, build=lambda base: a_dt_one(base, kind))


PLANTED: tuple[tuple[Case, Callable[[Case], None]], ...] = (
    (_reloadly(Boasts), contract.check_capabilities_are_data),
    (_dt_one(ForgetsTheQuantity), contract.check_an_order_is_taken),
    (replace(TMF654, name="nobody is unknown", build=nobody_is_unknown), contract.check_nobody_there_is_not_sent),
    (_reloadly(TimeOutIsRefusal), contract.check_what_may_have_arrived_is_unknown),
    (_reloadly(HangUpIsUnsent), contract.check_what_may_have_arrived_is_unknown),
    (_reloadly(SendsAgain), contract.check_what_may_have_arrived_is_unknown),
    (_reloadly(SendsAgain), contract.check_what_is_in_no_table_is_unknown),
    (_dt_one(UnlistedIsRefusal), contract.check_what_is_in_no_table_is_unknown),
    (_dt_one(Follows), contract.check_a_redirect_is_not_followed),
    (_dt_one(FaultIsAbsence), contract.check_a_question_without_an_answer_is_unknown),
    (_dt_one(LooksIntoTheFuture), contract.check_absence_is_said_only_where_it_can_be_known),
    (
        replace(TMF654, name="weak absence", build=weak_absence),
        contract.check_absence_is_said_only_where_it_can_be_known,
    ),
    (_reloadly(Escapes), contract.check_nothing_escapes),
    (_reloadly(TellsTheNumber), contract.check_secrets_stay_out),
    (_dt_one(TellsTheSecret), contract.check_secrets_stay_out),
    (_reloadly(BelievesCallbacks), contract.check_callbacks_are_only_read),
    (_dt_one(GivesUpTheReversal), contract.check_a_reversal_is_repeated_until_final),
)
"""Each adapter with the check that catches it; together they fail every check at least once."""
