"""Reading Reloadly's transactions: the same thing comes nested, flat, with texts or numbers, with or without state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from integrations.answers import cents, instant, outcome, record_of, reference, word
from integrations.reloadly.table import FAILURES, STATES
from voucher_service.fulfilment.abilities import Record, RecordState
from voucher_service.fulfilment.providers import (
    Accepted,
    Delivered,
    ErrorClass,
    Evidence,
    Pin,
    Refused,
    Reversed,
    Unknown,
)
from voucher_service.units import Unit


def transaction_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the transaction in an answer: its description shows it flat, a recorded answer shows it nested."""
    inner = record_of(body.get("transaction"))
    return {**inner, "status": inner.get("status") or body.get("status")} if inner else body


def read(body: Mapping[str, Any], facts: Evidence) -> Delivered | Accepted | Refused | Reversed | Unknown:
    """Return what the transaction of an answer has come to.

    One without a state was taken (older answers leave the state out): it is asked about.
    """
    line = transaction_of(body)
    theirs = reference(line.get("transactionId"))
    if theirs is None:
        return Unknown("no_transaction", facts)
    status = word(line.get("status"))
    if not status:
        return Accepted(theirs, facts)
    code = word(body.get("code")) or word(body.get("errorCode")) or status
    said = outcome(
        STATES.get(status, RecordState.UNKNOWN),
        theirs,
        facts,
        code=code,
        error_class=_failure(code),
        quantity=delivered_cents(line),
    )
    pin = pin_of(line)
    if isinstance(said, Delivered) and pin is not None:
        return Delivered(said.partner_ref, said.quantity, said.evidence, pin)
    return said


def _failure(code: str) -> ErrorClass:
    # A transaction that has FAILED is over, whatever its code would mean for one that was just sent.
    found = FAILURES.get(code, ErrorClass.REFUSED_FINAL)
    final = {ErrorClass.BENEFICIARY, ErrorClass.PARTNER_PRECONDITION}
    return found if found in final else ErrorClass.REFUSED_FINAL


def delivered_cents(line: Mapping[str, Any]) -> int | None:
    """Return what was delivered, in cents, where it is told in euros."""
    return cents(line.get("deliveredAmount")) if line.get("deliveredAmountCurrencyCode") == "EUR" else None


def pin_of(line: Mapping[str, Any]) -> Pin | None:
    """Return the code that comes with the transaction of a PIN operator."""
    detail = record_of(line.get("pinDetail"))
    code = reference(detail.get("code"))
    if code is None:
        return None
    steps = (reference(detail.get(name)) for name in ("info1", "info2", "info3"))
    return Pin(code, reference(detail.get("serial")) or "", " · ".join(dict.fromkeys(filter(None, steps))))


def record(line: Mapping[str, Any], zone: ZoneInfo) -> Record | None:
    """Return a line of the report; None when it has no reference of theirs."""
    theirs = reference(line.get("transactionId"))
    if theirs is None:
        return None
    status = word(line.get("status"))
    quantity = delivered_cents(line)
    return Record(
        theirs=theirs,
        ours=reference(line.get("customIdentifier")),
        state=STATES.get(status, RecordState.UNKNOWN),
        status=status,
        at=instant(line.get("transactionDate"), zone),
        product_code=reference(line.get("operatorId")),
        quantity=quantity,
        unit=None if quantity is None else Unit.EUR_CENT,
    )
