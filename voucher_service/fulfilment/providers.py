"""The protocol every partner speaks to us through. Imports no tables; one attempt per call, no hidden retry.

An answer that is not one of the types below does not exist: what an adapter cannot classify is `Unknown`,
and an exception that leaves it is `Unknown` too. A time-out is never a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from voucher_service.units import Unit


class ErrorClass(StrEnum):
    """Who must act on a refusal, and whether the same order may be sent again."""

    TRANSIENT_BEFORE_SEND = "transient_before_send"
    PARTNER_PRECONDITION = "partner_precondition"  # our account there: stop the queue, tell the organisation
    BENEFICIARY = "beneficiary"  # the number, the operator, a limit: tell the person
    REFUSED_FINAL = "refused_final"
    DUPLICATE = "duplicate"  # neither success nor failure: ask
    UNKNOWN = "unknown"


class Mode(StrEnum):
    """What the partner delivers: value to a number, or a code from our stock."""

    DIRECT = "direct"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a partner can do: data, not code."""

    mode: Mode
    needs_number: bool
    sync_limit: timedelta  # after this a submitted order is no longer "in the air" at the partner
    lookup_by_our_reference: bool
    idempotent: bool  # refusing a reused reference is enforced and proven, not merely promised


@dataclass(frozen=True, slots=True)
class TopUp:
    """One order as a partner sees it: our reference, the number in E.164 form, product, quantity and unit."""

    reference: UUID
    number: str | None
    product_code: str
    quantity: int
    unit: Unit


Evidence = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The value is with the person; `quantity`, in the order's unit, is what the partner reports."""

    partner_ref: str
    quantity: int | None = None
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The partner has taken the order and will say later."""

    partner_ref: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: nothing was delivered and nothing will be."""

    code: str
    error_class: ErrorClass
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotSent:
    """It failed before the first byte of the order left: it may be sent again."""

    code: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell yet. Never resend, never refund: ask."""

    code: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotFound:
    """The partner knows no such reference, as of `as_of`."""

    as_of: datetime


@dataclass(frozen=True, slots=True)
class Reversed:
    """It was delivered, and the partner took it back afterwards."""

    partner_ref: str
    evidence: Evidence = field(default_factory=dict)


Submitted = Delivered | Accepted | Refused | NotSent | Unknown
Found = Delivered | Accepted | Refused | NotFound | Unknown | Reversed
Answer = Submitted | Found


class Provider(Protocol):
    """A way to deliver. A code from our own stock needs no more than this: nobody is called."""

    @property
    def capabilities(self) -> Capabilities:
        """What this partner can do."""


@runtime_checkable
class Operator(Provider, Protocol):
    """A partner that is called for each order. No transaction is open during a call."""

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once."""

    def query(self, reference: UUID) -> Found:
        """Ask what became of the order with our `reference`."""
