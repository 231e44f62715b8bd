"""The adapter: one attempt per call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from integrations.answers import (
    Unexpected,
    answered,
    called_back,
    euros,
    evidence,
    fault,
    ours,
    reference,
    refusal,
    without,
)
from integrations.dt_one import reading
from integrations.dt_one.account import Account
from integrations.dt_one.table import ALREADY_CONFIRMED, CONFIRM, NEVER_HAPPENED, REFUSALS, SUBMIT, TOO_LATE
from integrations.http import Fault, Reply, segment
from integrations.numbers import private_texts
from voucher_service.fulfilment.abilities import (
    BadCallback,
    Confirmed,
    NeverHappened,
    Notice,
    TooLate,
    Trial,
    Undone,
    Window,
)
from voucher_service.fulfilment.providers import (
    Accepted,
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
    Ref,
    Refused,
    Reversed,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.units import Unit

_WINDOW: Final = timedelta(hours=24)
_WINDOWS: Final = 8
_PAGES: Final = 20
_PRODUCT: Final = re.compile(r"(?P<id>[0-9]{1,9})(?P<amount>:amount)?")
_UNITS: Final = {
    Unit.EUR_CENT: ("CURRENCY", "EUR"),
    Unit.MEGABYTE: ("DATA", "MB"),
    Unit.MINUTE: ("TIME", "MINUTES"),
    Unit.SMS: ("MESSAGE", "SMS"),
}


class DtOne(Account):
    """DT One behind one account."""

    @property
    def capabilities(self) -> Capabilities:
        """A reused reference is said to be refused, which nobody here has seen yet."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=True,
            sync_limit=self._config.sync_limit,
            cut_off=self._config.cut_off,
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ADVERTISED,
            reference_field="external_id",
            reference_length=40,
            reversal=True,
            two_phase=True,
            confirms_later=self._config.confirm_later,
            dry_run=True,
            callback_signature=CallbackSignature.UNSIGNED,
            list_window=_WINDOW,
            time_zone="UTC",
            units=frozenset(_UNITS),
        )

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once."""
        return without((*private_texts(top_up.number), *self._secrets), self._submit(top_up))

    def _submit(self, top_up: TopUp) -> Submitted:
        content = self._content(top_up)
        if isinstance(content, Refused):
            return content
        limit = self._config.sync_limit.total_seconds()
        try:
            reply = self._line.post("/async/transactions", limit=limit, content=content, headers=self._headers)
        except Fault as error:
            return fault("POST /async/transactions", error)
        line = reply.record()
        facts = self._facts("POST /async/transactions", reply)
        if reply.status != 201:
            return refusal(REFUSALS, SUBMIT, reply, reading.code_of(reply), facts)
        said = self._read(line, facts)
        return said if isinstance(said, Submitted) else Unknown("taken_back_at_once", facts)

    def query(self, ref: Ref) -> Found:
        """Ask by the partner's reference if we have it, else look ours up, a day at a time."""
        return without(self._secrets, answered("query", lambda: self._query(ref)))

    def _query(self, ref: Ref) -> Found:
        said = self._by_theirs(ref.theirs, ref.ours) if ref.theirs is not None else None
        return self._by_ours(ref) if said is None or isinstance(said, NotFound) else said

    def confirm(self, ref: Ref) -> Confirmed:
        """Confirm an order that was made without `auto_confirm`."""
        return without(self._secrets, self._confirm(ref))

    def _confirm(self, ref: Ref) -> Confirmed:
        called = answered("confirm", lambda: self._act(ref, "confirm", "async/transactions"))
        if not isinstance(called, Reply):
            return Unknown("not_found") if isinstance(called, NotFound) else called
        facts = self._facts("POST /async/transactions/…/confirm", called)
        code = reading.code_of(called)
        if called.status == 200:
            said = self._read(called.record(), facts)
            return said if isinstance(said, Delivered | Accepted | Refused | Unknown) else Unknown("taken_back", facts)
        if code == ALREADY_CONFIRMED and ref.theirs is not None:
            return Accepted(ref.theirs, facts)
        return refusal(REFUSALS, CONFIRM, called, code, facts)

    def reverse(self, ref: Ref) -> Undone:
        """Ask for the order to be cancelled. What the partner never had, or has ended, needs no cancelling."""
        return without(self._secrets, self._reverse(ref))

    def _reverse(self, ref: Ref) -> Undone:
        called = answered("cancel", lambda: self._act(ref, "cancel", "transactions"))
        if not isinstance(called, Reply):
            # Not in their list yet: that alone proves nothing, so the advice is repeated.
            return Unknown("not_found") if isinstance(called, NotFound) else _undone(called, called.evidence)
        facts = self._facts("POST /transactions/…/cancel", called)
        code = reading.code_of(called)
        if called.status == 200:
            return _undone(reading.read(called.record(), facts), facts)
        if (called.status, code) in NEVER_HAPPENED:
            return NeverHappened(code, facts)
        return TooLate(code, facts) if (called.status, code) in TOO_LATE else Unknown(code, facts)

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:  # noqa: ARG002  # nothing is signed
        """Read which order a callback is about.

        Raises:
            BadCallback: it names none.
        """
        line = called_back(raw)
        theirs, our_ref = reference(line.get("id")), ours(line.get("external_id"))
        if theirs is None and our_ref is None:
            raise BadCallback("callback_without_order")
        return Notice(our_ref, theirs, reading.state_of(line), verified=False)

    def dry_run(self, top_up: TopUp) -> Trial:
        """Check the order, and that the partner sells the product."""
        content = self._content(top_up)
        if isinstance(content, Refused):
            return Trial(ok=False, code=content.code)
        try:
            reply = self._get(f"/products/{content['product_id']}")
        except Fault as error:
            return Trial(ok=False, code=error.code)
        if reply.status != 200:
            return Trial(ok=False, code=reading.code_of(reply))
        return Trial(ok=True, code="ready_to_send", facts={"product": content["product_id"]})

    def _content(self, top_up: TopUp) -> dict[str, Any] | Refused:
        assert top_up.number is not None, "a direct top-up needs its number"
        product = _PRODUCT.fullmatch(top_up.product_code)
        if product is None:
            return Refused("product_unreadable", ErrorClass.REFUSED_FINAL)
        if top_up.unit not in _UNITS:
            return Refused("unit_not_sold", ErrorClass.REFUSED_FINAL)
        content: dict[str, Any] = {
            "external_id": str(top_up.reference),
            "product_id": int(product["id"]),
            "auto_confirm": not self._config.confirm_later,
            "credit_party_identifier": {"mobile_number": top_up.number},
        }
        if product["amount"]:
            unit_type, unit = _UNITS[top_up.unit]
            amount = euros(top_up.quantity) if top_up.unit is Unit.EUR_CENT else top_up.quantity
            content["calculation_mode"] = "DESTINATION_AMOUNT"
            content["destination"] = {"unit_type": unit_type, "unit": unit, "amount": amount}
        if self._config.callback_url:
            content["callback_url"] = self._config.callback_url
        return content

    def _by_theirs(self, theirs: str, our_ref: UUID) -> Found:
        as_of = self._now()
        reply = self._get(f"/transactions/{segment(theirs)}")
        if reply.status == 404:
            return NotFound(as_of)
        line, facts = reply.record(), self._facts("GET /transactions/…", reply)
        if reply.status != 200:
            return Unknown(reading.code_of(reply), facts)
        return self._read(line, facts) if line.get("external_id") == str(our_ref) else Unknown("another_order", facts)

    def _by_ours(self, ref: Ref) -> Found:
        as_of = self._now()
        lines = self._all_of_ours(ref, as_of)
        if lines is None:
            return Unknown("sent_too_long_ago", {"call": "GET /transactions"})
        facts: Evidence = {"call": "GET /transactions", "lines": len(lines)}
        said = [self._read(line, facts) for line in lines]
        return next((one for one in said if isinstance(one, Delivered)), said[-1]) if said else NotFound(as_of)

    def _all_of_ours(self, ref: Ref, as_of: datetime) -> list[Mapping[str, Any]] | None:
        """Return the lines with our reference; None when they would stand too far back to look."""
        since = (ref.sent_at or as_of - timedelta(hours=22)) - timedelta(hours=1)
        until = as_of + timedelta(hours=1)  # their clock may be ahead of ours
        if until - since > _WINDOWS * _WINDOW:
            return None
        found: list[Mapping[str, Any]] = []
        while since < until:
            window = Window(since, min(since + _WINDOW, until))
            page: str | None = "1"
            for _ in range(_PAGES):
                lines, page = self._listed(window, page or "1", {"external_id": str(ref.ours)})
                found += [line for line in lines if line.get("external_id") == str(ref.ours)]
                if page is None:
                    break
            else:
                raise Unexpected("list_too_long")
            since = window.until
        return found

    def _act(self, ref: Ref, verb: str, folder: str) -> Reply | Refused | Unknown | NotFound:
        """Call a verb on the transaction, which is looked up first where we have no reference of theirs."""
        theirs = ref.theirs
        if theirs is None:
            found = self._by_ours(ref)
            if isinstance(found, NotFound | Unknown | Refused):
                return found
            theirs = found.partner_ref
        path = f"/{folder}/{segment(theirs)}/{verb}"
        return self._line.post(path, limit=self._config.sync_limit.total_seconds(), headers=self._headers)

    def _read(self, line: Mapping[str, Any], facts: Evidence) -> Delivered | Accepted | Refused | Reversed | Unknown:
        said = reading.read(line, facts)
        waits = self._config.confirm_later and reading.class_of(line) == "CREATED"
        return replace(said, to_confirm=True) if waits and isinstance(said, Accepted) else said

    @staticmethod
    def _facts(call: str, reply: Reply) -> Evidence:
        code = reading.code_of(reply) if reply.status >= 400 else ""
        return evidence(call, reply, code=code, state=reading.state_of(reply.record()))


def _undone(said: Delivered | Accepted | Refused | Reversed | Unknown, facts: Evidence) -> Undone:
    match said:
        case Reversed():
            return said
        case Refused():
            return NeverHappened(said.code, facts)
        case Delivered():
            return TooLate("completed", facts)
        case _:
            return Unknown("not_cancelled_yet", facts)
