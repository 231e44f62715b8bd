"""The adapter: one attempt per call. Preparing an order (token, operator) is not the attempt, and never follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from integrations.answers import (
    Unexpected,
    answered,
    called_back,
    euros,
    evidence,
    fault,
    ours,
    record_of,
    reference,
    refusal,
    without,
    word,
)
from integrations.http import Fault, Reply, segment
from integrations.numbers import parts, private_texts
from integrations.reloadly import reading
from integrations.reloadly.account import Account, code_of, headers
from integrations.reloadly.table import REFUSALS, SUBMIT, TOKEN_CODES
from integrations.reloadly.token import TokenRefused
from voucher_service.fulfilment.abilities import (
    BadCallback,
    Guess,
    NoGuess,
    Notice,
    Trial,
)
from voucher_service.fulfilment.providers import (
    CallbackSignature,
    Capabilities,
    Delivered,
    ErrorClass,
    Evidence,
    Found,
    Idempotency,
    Lookup,
    Mode,
    NotFound,
    NotSent,
    Ref,
    Refused,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.units import Unit

AUTO: Final = "auto"
"""The product code of an offer whose operator the partner finds from the number."""

_PAGES: Final = 50

T = TypeVar("T")


class Reloadly(Account):
    """Reloadly behind one account."""

    @property
    def capabilities(self) -> Capabilities:
        """A reused reference is said to be refused; two that are under way together were both paid."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=True,
            sync_limit=self._config.sync_limit,
            cut_off=self._config.cut_off,
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.CONTRADICTED,
            reference_field="customIdentifier",
            reference_length=150,
            dry_run=True,
            callback_signature=CallbackSignature.UNSIGNED,
            list_window=timedelta(days=31),
            time_zone=self._config.zone,
            units=frozenset({Unit.EUR_CENT}),
        )

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once; the token and, if wished, the number's operator are asked for before."""
        return without((*private_texts(top_up.number), *self._secrets), self._submit(top_up))

    def _submit(self, top_up: TopUp) -> Submitted:
        prepared = self._prepare(top_up)
        if not isinstance(prepared, _Prepared):
            return prepared
        path = "/topups" if self._config.wait else "/topups-async"
        limit = self._config.sync_limit.total_seconds()
        try:
            reply = self._line.post(path, limit=limit, content=prepared.content, headers=headers(prepared.token))
        except Fault as error:
            return fault(f"POST {path}", error)
        return self._taken(reply, path, prepared)

    def query(self, ref: Ref) -> Found:
        """Ask by the partner's reference if we have it, else look ours up in the report."""
        return without(self._secrets, answered("query", lambda: self._query(ref), TokenRefused))

    def _query(self, ref: Ref) -> Found:
        as_of = self._now()
        said = self._by_theirs(ref.theirs, ref.ours) if ref.theirs is not None else None
        return self._by_ours(ref, as_of) if said is None or said == _GONE else said

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:  # noqa: ARG002  # nothing is signed
        """Read which order a callback is about.

        Raises:
            BadCallback: it names none.
        """
        body = called_back(raw)
        line = reading.transaction_of(record_of(body.get("data")) or body)
        theirs = reference(line.get("transactionId"))
        if theirs is None:
            raise BadCallback("callback_without_order")
        return Notice(ours(line.get("customIdentifier")), theirs, word(line.get("status")), verified=False)

    def dry_run(self, top_up: TopUp) -> Trial:
        """Do all that comes before the sending: sign in, find the operator, check the unit."""
        prepared = self._prepare(top_up)
        if not isinstance(prepared, _Prepared):
            return Trial(ok=False, code=prepared.code)
        return Trial(ok=True, code="ready_to_send", facts={"operator": str(prepared.content["operatorId"])})

    def _prepare(self, top_up: TopUp) -> _Prepared | Refused | NotSent:
        assert top_up.number is not None, "a direct top-up needs its number"
        known = parts(top_up.number)
        if known is None:
            return Refused("country_unknown", ErrorClass.BENEFICIARY)
        if top_up.unit is not Unit.EUR_CENT:
            return Refused("unit_not_sold", ErrorClass.REFUSED_FINAL)
        found = self._token_and_operator(top_up)
        if isinstance(found, Refused | NotSent):
            return found
        token, operator, sells_codes = found
        content = {
            "operatorId": operator,
            "amount": euros(top_up.quantity),
            "useLocalAmount": self._config.local_amount,
            "customIdentifier": str(top_up.reference),
            "recipientPhone": {"countryCode": known.country, "number": known.digits},
        }
        return _Prepared(token, content, sells_codes)

    def _token_and_operator(self, top_up: TopUp) -> tuple[str, int, bool] | Refused | NotSent:
        try:
            token, operator = self._tokens.get(), self._operator(top_up)
            return (token, operator, self.sells_codes(operator)) if isinstance(operator, int) else operator
        except Fault as error:
            return NotSent(error.code, {"call": "before sending", "fault": error.code})
        except TokenRefused as error:
            return Refused(str(error), ErrorClass.PARTNER_PRECONDITION, {"call": "POST /oauth/token"})
        except Unexpected as error:
            return NotSent(str(error), {"call": "before sending"})

    def _operator(self, top_up: TopUp) -> int | Refused | NotSent:
        if top_up.product_code.isdecimal():
            return int(top_up.product_code)
        if top_up.product_code != AUTO:
            return Refused("product_unreadable", ErrorClass.REFUSED_FINAL)
        assert top_up.number is not None, "checked before"
        found = self.identify(top_up.number)
        if isinstance(found, Guess) and found.product_code is not None and found.product_code.isdecimal():
            return int(found.product_code)
        code = found.code if isinstance(found, NoGuess) else "operator_unreadable"
        for status in (400, 404):
            error_class = REFUSALS.get((SUBMIT, status, code))
            if error_class is ErrorClass.BENEFICIARY:
                return Refused(code, error_class)
        return NotSent(code)

    def _taken(self, reply: Reply, path: str, prepared: _Prepared) -> Submitted:
        body = reply.record()
        line = reading.transaction_of(body)
        code = word(body.get("errorCode"))
        facts = evidence(f"POST {path}", reply, code=code, state=line.get("status"))
        if reply.status == 200:
            said = _with_code(reading.read(body, facts), sells=prepared.sells_codes)
            # What was only just sent cannot have been taken back: whatever that means, it is asked about.
            return said if isinstance(said, Submitted) else Unknown("taken_back_at_once", facts)
        if code in TOKEN_CODES and self._tokens.refused(prepared.token):
            # A new token is no better: waiting for another one would wait for ever.
            return Refused(code, ErrorClass.PARTNER_PRECONDITION, facts)
        return refusal(REFUSALS, SUBMIT, reply, code, facts)

    def _by_theirs(self, theirs: str, our_ref: UUID) -> Found:
        reply = self._get(f"/topups/{segment(theirs)}/status")
        body = reply.record()
        line = reading.transaction_of(body)
        facts = evidence("GET /topups/…/status", reply, state=line.get("status"))
        named = reference(line.get("customIdentifier"))
        if named is not None and named != str(our_ref):
            return Unknown("another_order", facts)
        if reply.status == 404:
            return _GONE
        return self._read(body, facts) if reply.status == 200 else Unknown(code_of(reply), facts)

    def _read(self, body: Mapping[str, Any], facts: Evidence) -> Found:
        said = reading.read(body, facts)
        operator = reading.transaction_of(body).get("operatorId")
        if not isinstance(said, Delivered) or said.pin is not None or not isinstance(operator, int):
            return said
        return _with_code(said, sells=self.sells_codes(operator))

    def _by_ours(self, ref: Ref, as_of: datetime) -> Found:
        # A day wider on both sides: in which zone the partner reads these dates is not written down.
        since = (ref.sent_at or as_of - timedelta(days=7)) - timedelta(days=1)
        found: list[Mapping[str, Any]] = []
        for number in range(1, _PAGES + 1):
            lines, more = self._report(number, since, as_of + timedelta(days=1), {"customIdentifier": str(ref.ours)})
            found += [line for line in lines if reference(line.get("customIdentifier")) == str(ref.ours)]
            if not more:
                break
        else:
            return Unknown("report_too_long", {"call": "GET /topups/reports/transactions"})
        return self._of(found, ref.ours) if found else NotFound(as_of)

    def _of(self, lines: Sequence[Mapping[str, Any]], our_ref: UUID) -> Found:
        facts: Evidence = {"call": "GET /topups/reports/transactions", "lines": len(lines)}
        said: list[Found] = []
        for line in lines:
            theirs = reference(line.get("transactionId"))
            stated = word(line.get("status")) != "" or theirs is None
            said.append(self._read(line, facts) if stated else self._by_theirs(theirs or "", our_ref))
        # A reference that was paid twice has been delivered, whatever the other line says.
        return next((one for one in said if isinstance(one, Delivered)), said[-1])


_GONE: Final = Unknown("transaction_unknown")
"""The partner does not know its own reference (any more)."""


@dataclass(frozen=True, slots=True, repr=False)
class _Prepared:
    token: str
    content: Mapping[str, Any]
    sells_codes: bool


def _with_code(said: T, *, sells: bool) -> T | Unknown:
    """Return what was said; a code that was sold and is not told was delivered to nobody: it is asked for again."""
    if sells and isinstance(said, Delivered) and said.pin is None:
        return Unknown("code_missing", said.evidence)
    return said
