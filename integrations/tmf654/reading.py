"""Reading an operator's entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from integrations.answers import States, instant, ours, outcome, quantity_in, record_of, records_of, reference, word
from voucher_service.fulfilment.abilities import Record, RecordState
from voucher_service.fulfilment.providers import Accepted, Delivered, Evidence, Refused, Reversed, Unknown
from voucher_service.units import Unit

STATES: Final[States] = {
    "created": RecordState.PENDING,
    "completed": RecordState.DELIVERED,
    "failed": RecordState.REFUSED,
    "cancelled": RecordState.REFUSED,
}
MARK: Final = "coup-de-pouce "
"""What our reference follows in the description of an order."""

USES: Final = {
    Unit.EUR_CENT: ("monetary", "EUR"),
    Unit.MEGABYTE: ("data", "MB"),
    Unit.MINUTE: ("voice", "min"),
    Unit.SMS: ("sms", "SMS"),
}


def read(
    line: Mapping[str, Any], facts: Evidence, unit: Unit | None
) -> Delivered | Accepted | Refused | Reversed | Unknown:
    """Return what an entry has come to; `unit` is that of the order, where it is known."""
    theirs = reference(line.get("id"))
    if theirs is None:
        return Unknown("no_transaction", facts)
    told = _quantity(line)
    status = word(line.get("status"))
    state = STATES.get(status, RecordState.UNKNOWN)
    quantity = told[0] if told is not None and (unit is None or told[1] is unit) else None
    return outcome(state, theirs, facts, code=status, quantity=quantity)


def _quantity(line: Mapping[str, Any]) -> tuple[int, Unit] | None:
    amount = record_of(line.get("amount"))
    for unit in USES:
        quantity = quantity_in(unit, amount.get("amount"), amount.get("units"))
        if quantity is not None:
            return quantity, unit
    return None


def record(line: Mapping[str, Any]) -> Record | None:
    """Return a line of their list; None when it has no reference of theirs."""
    theirs, our_ref, told = reference(line.get("id")), mark(line), _quantity(line)
    if theirs is None:
        return None
    status = word(line.get("status"))
    return Record(
        theirs=theirs,
        ours=None if our_ref is None else str(our_ref),
        state=STATES.get(status, RecordState.UNKNOWN),
        status=status,
        at=instant(line.get("confirmationDate"), None) or instant(line.get("requestedDate"), None),
        product_code=next((reference(one.get("id")) for one in records_of(line.get("product"))), None),
        quantity=None if told is None else told[0],
        unit=None if told is None else told[1],
    )


def mark(line: Mapping[str, Any]) -> UUID | None:
    """Return our reference, if the entry carries it."""
    text = line.get("description")
    if not isinstance(text, str) or not text.startswith(MARK):
        return None
    return ours(text.removeprefix(MARK)[:36])
