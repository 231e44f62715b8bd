"""Reading DT One's transactions and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from integrations.answers import instant, outcome, quantity_in, record_of, records_of, reference, word
from integrations.dt_one.table import CLASSES, FAILURES
from integrations.http import Reply
from voucher_service.fulfilment.abilities import Record, RecordState
from voucher_service.fulfilment.providers import Accepted, Delivered, ErrorClass, Evidence, Refused, Reversed, Unknown
from voucher_service.units import Unit


def code_of(reply: Reply) -> str:
    """Return the first error code of a refusal, or the status in its place."""
    for one in records_of(reply.record().get("errors")):
        if code := word(one.get("code")):
            return code
    return f"http_{reply.status}"


def class_of(line: Mapping[str, Any]) -> str:
    """Return the class of a transaction's state."""
    return word(record_of(record_of(line.get("status")).get("class")).get("message"))


def state_of(line: Mapping[str, Any]) -> str:
    """Return a transaction's state, or its class where there is none."""
    return word(record_of(line.get("status")).get("message")) or class_of(line)


def read(line: Mapping[str, Any], facts: Evidence) -> Delivered | Accepted | Refused | Reversed | Unknown:
    """Return what a transaction has come to."""
    theirs = reference(line.get("id"))
    if theirs is None:
        return Unknown("no_transaction", facts)
    state = state_of(line)
    told = benefit(line)
    return outcome(
        CLASSES.get(class_of(line), RecordState.UNKNOWN),
        theirs,
        facts,
        code=state,
        error_class=FAILURES.get(state, ErrorClass.REFUSED_FINAL),
        quantity=None if told is None else told[0],
    )


def benefit(line: Mapping[str, Any]) -> tuple[int, Unit] | None:
    """Return what the person got, when it is a single thing told in one of our units; else None."""
    told = records_of(line.get("benefits"))
    if len(told) != 1:
        return None
    amount = record_of(told[0].get("amount"))
    best = next((amount[name] for name in ("total_including_tax", "base") if amount.get(name) is not None), None)
    for unit in (Unit.EUR_CENT, Unit.MEGABYTE, Unit.MINUTE, Unit.SMS):
        quantity = quantity_in(unit, best, told[0].get("unit"))
        if quantity is not None:
            return quantity, unit
    return None


def record(line: Mapping[str, Any]) -> Record | None:
    """Return a line of their list; None when it has no reference of theirs."""
    theirs = reference(line.get("id"))
    if theirs is None:
        return None
    told = benefit(line)
    return Record(
        theirs=theirs,
        ours=reference(line.get("external_id")),
        state=CLASSES.get(class_of(line), RecordState.UNKNOWN),
        status=state_of(line),
        at=instant(line.get("creation_date"), UTC),
        product_code=reference(record_of(line.get("product")).get("id")),
        quantity=None if told is None else told[0],
        unit=None if told is None else told[1],
    )
