"""From a partner's reply to one of our outcomes, by tables: what no table lists is Unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from integrations.http import Fault, Reply
from voucher_service.fulfilment.abilities import BadCallback, RecordState, Undone
from voucher_service.fulfilment.providers import (
    Accepted,
    Delivered,
    ErrorClass,
    Evidence,
    Found,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Submitted,
    Unknown,
)
from voucher_service.units import Unit

Refusals = Mapping[tuple[str, int, str], ErrorClass]
"""(operation, HTTP status, the partner's code) → who must act. Only what is final, or may be sent again, is here."""

States = Mapping[str, RecordState]
"""The partner's word for the state of an order → ours."""


A = TypeVar("A")
T = TypeVar("T", bound=Submitted | Found | Undone)

_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
_NUMBER: Final = re.compile(r"[0-9]{8}")


class Unexpected(Exception):
    """An answer that holds no such thing as was asked for. `str(error)` is a stable code."""


def word(value: object) -> str:
    """Return a code or status of the partner as it may be kept and shown; "" when it is none.

    A code is short and has neither spaces, as a sentence could say anything, nor eight digits in a row, which
    could be a telephone number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value)
    return text if _WORD.fullmatch(text) and not _NUMBER.search(text) else ""


def reference(value: object) -> str | None:
    """Return the partner's own reference (a text or a whole number of at most 80 characters); None when absent."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if text and len(text) <= 80 and text.isprintable() else None


def evidence(call: str, reply: Reply, **facts: object) -> Evidence:
    """Return what is kept of a call: its status and time, and these facts, where they are plain words."""
    kept: dict[str, str | int | None] = {"call": call, "status": reply.status, "ms": reply.milliseconds}
    return kept | {name: text for name, value in facts.items() if (text := word(value))}


def without(private: Collection[str], said: T) -> T:
    """Return the outcome without the texts that are nobody's business (the number, a credential).

    The last thing an adapter does: a partner may repeat what it was told in any field.
    """

    def clean(value: str | int | None) -> str | int | None:
        hit = isinstance(value, str) and any(secret in value for secret in private if len(secret) >= 6)
        return "…" if hit else value

    whole: Submitted | Found | Undone = said
    if isinstance(whole, NotFound):
        return said
    facts = {name: clean(value) for name, value in whole.evidence.items()}
    if isinstance(whole, Delivered | Accepted | Reversed):
        return cast("T", replace(whole, evidence=facts))
    return cast("T", replace(whole, code=str(clean(whole.code)), evidence=facts))


def fault(call: str, error: Fault) -> NotSent | Unknown:
    """Return what a fault of the client means for an order that was being sent."""
    facts: Evidence = {"call": call, "fault": error.code}
    return Unknown(error.code, facts) if error.left else NotSent(error.code, facts)


def asked(call: str, error: Fault) -> Unknown:
    """Return what a fault of the client means for a question."""
    return Unknown(error.code, {"call": call, "fault": error.code})


def answered(call: str, ask: Callable[[], A], *unusable: type[Exception]) -> A | Unknown:
    """Return what a question comes to; Unknown when the client fails, or the answer is `unusable`."""
    faults: tuple[type[Exception], ...] = (Unexpected, *unusable)
    try:
        return ask()
    except Fault as error:
        return asked(call, error)
    except faults as error:
        return Unknown(str(error), {"call": call})


def called_back(raw: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a callback; empty when it is another value. Raises BadCallback when it is no JSON."""
    try:
        return record_of(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise BadCallback("callback_unreadable") from error


def refusal(table: Refusals, operation: str, reply: Reply, code: str, facts: Evidence) -> Refused | Unknown:
    """Return what the table says of the reply's status and code; Unknown when it says nothing."""
    error_class = table.get((operation, reply.status, code))
    if error_class is None or error_class is ErrorClass.UNKNOWN:
        return Unknown(code or f"http_{reply.status}", facts)
    return Refused(code, error_class, facts)


def outcome(
    state: RecordState,
    theirs: str,
    facts: Evidence,
    *,
    code: str,
    error_class: ErrorClass = ErrorClass.REFUSED_FINAL,
    quantity: int | None = None,
) -> Delivered | Accepted | Refused | Reversed | Unknown:
    """Return the outcome of an order that stands at the partner in this state."""
    match state:
        case RecordState.DELIVERED:
            return Delivered(theirs, quantity, facts)
        case RecordState.PENDING:
            return Accepted(theirs, facts)
        case RecordState.REFUSED:
            return Refused(code, error_class, facts)
        case RecordState.REVERSED:
            return Reversed(theirs, facts)
        case RecordState.UNKNOWN:
            return Unknown(f"state_{code}"[:60] if code else "state_missing", facts)


_CENTS: Final = Decimal(100)


def cents(amount: object) -> int | None:
    """Return an amount in euros as whole cents, rounded down; None when it is no amount.

    Partners write amounts as numbers and as texts. Down, so that a cent too few shows.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal | str):
        return None
    try:
        value = Decimal(amount) if not isinstance(amount, str) else Decimal(amount.strip())
    except ArithmeticError:
        return None
    if not value.is_finite() or not 0 <= value < Decimal(10) ** 12:
        return None
    return int(value * _CENTS)


def euros(quantity: int) -> Decimal:
    """Return cents as euros, exact."""
    return Decimal(quantity) / _CENTS


_SIZES: Final = {"MB": 1, "MO": 1, "GB": 1000, "GO": 1000}


def quantity_in(unit: Unit, amount: object, partner_unit: object) -> int | None:
    """Return what a partner reports, in our unit; None when it is told in another one."""
    name = str(partner_unit).upper()
    if unit is Unit.EUR_CENT:
        return cents(amount) if name in {"EUR", "€"} else None
    whole = cents(amount)
    if whole is None:
        return None
    if unit is Unit.MEGABYTE:
        return whole * _SIZES[name] // 100 if name in _SIZES else None
    names = {Unit.MINUTE: {"MIN", "MINUTE", "MINUTES"}, Unit.SMS: {"SMS"}}.get(unit, set())
    return whole // 100 if name in names else None


def record_of(value: Any) -> Mapping[str, Any]:
    """Return `value` when it is an object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}


def records_of(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a list of JSON; empty when it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def instant(text: object, zone: tzinfo | None) -> datetime | None:
    """Return a partner's stamp as an aware instant; one without a zone is read in `zone`, if that is known."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if at is None or at.tzinfo is not None:
        return at
    return None if zone is None else at.replace(tzinfo=zone)


def ours(value: object) -> UUID | None:
    """Return our reference; None when it is none of ours."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
