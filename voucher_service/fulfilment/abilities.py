"""What only some partners can do, one protocol each: `isinstance(partner, Reverses)`. Imports no tables.

As with `submit`, an exception that leaves one of these calls means that nobody can tell what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from voucher_service.fulfilment.providers import (
    Accepted,
    Delivered,
    Evidence,
    Operator,
    Ref,
    Refused,
    Reversed,
    TopUp,
    Unknown,
)
from voucher_service.units import Unit


@dataclass(frozen=True, slots=True)
class TooLate:
    """It was delivered, and can no longer be taken back."""

    code: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeverHappened:
    """The partner has no such order, or ended it undelivered: there is nothing to take back, now or later."""

    code: str
    evidence: Evidence = field(default_factory=dict)


Confirmed = Delivered | Accepted | Refused | Unknown
Undone = Reversed | TooLate | NeverHappened | Unknown


class RecordState(StrEnum):
    """What a partner's list says of one of its orders."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    REVERSED = "reversed"
    UNKNOWN = "unknown"  # a word that is not in the adapter's table


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the partner's own list; quantity and unit where the partner tells them in a unit of ours."""

    theirs: str
    ours: str | None
    state: RecordState
    status: str  # the partner's own word
    at: datetime | None  # aware; None when it tells no time that can be placed
    product_code: str | None = None
    quantity: int | None = None
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, aware: from `since` to before `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where to go on; `cursor` is None at the end."""

    records: Sequence[Record]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a callback is about. Nothing is concluded from `status`: it is kept, and the partner is asked.

    `verified` says that a signature we can check was right; it is False where the partner signs nothing.
    """

    ours: UUID | None
    theirs: str | None
    status: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A callback as it comes: its headers and its bytes."""

    headers: Mapping[str, str]
    raw: bytes


class BadCallback(Exception):
    """A callback that cannot be read, or whose signature is wrong. `str(error)` is a stable code."""


@dataclass(frozen=True, slots=True)
class Product:
    """Something the partner sells. `minimum` and `maximum` are equal for a fixed amount, None when not told."""

    code: str
    name: str
    operator: str
    country: str
    unit: Unit | None
    minimum: int | None
    maximum: int | None
    gives_code: bool = False  # the partner answers with a code for the person, not with credit


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left of our account there, in hundredths of `currency`."""

    hundredths: int
    currency: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Guess:
    """Whose number it seems to be. Numbers move between operators: never a proof."""

    operator: str
    product_code: str | None
    confidence: int  # per cent
    as_of: datetime


@dataclass(frozen=True, slots=True)
class NoGuess:
    """The partner cannot say whose number it is."""

    code: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test of a connection found: a stable code, and facts that may be shown."""

    ok: bool
    code: str
    facts: Mapping[str, str | int | None] = field(default_factory=dict)


@runtime_checkable
class Confirms(Operator, Protocol):
    """A two-phase partner: what was made is confirmed afterwards."""

    def confirm(self, ref: Ref) -> Confirmed:
        """Confirm an order made without automatic confirmation. Here 404 is a refusal."""


@runtime_checkable
class Reverses(Operator, Protocol):
    """A partner that takes back."""

    def reverse(self, ref: Ref) -> Undone:
        """Ask for the order to be taken back. Here 404 is final: it never happened."""


@runtime_checkable
class Lists(Protocol):
    """A partner that lists its own records."""

    def list_records(self, window: Window, cursor: str | None = None) -> Page:
        """Return a page of records. `window` is at most `Capabilities.list_window` long.

        Raises:
            Exception: anything; the page is then not known, and nothing is concluded from it.
        """


@runtime_checkable
class CallsBack(Protocol):
    """A partner that calls back."""

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """Read a callback from its bytes as they came. Header names are in lower case.

        Raises:
            BadCallback: it cannot be read, or its signature is wrong.
        """


@runtime_checkable
class CallsOnDemand(CallsBack, Protocol):
    """A partner for trials, whose calls are made when somebody wishes to see what they do."""

    def calls(self) -> Sequence[Call]:
        """Return the calls that are due and were not made yet."""


@runtime_checkable
class HasCatalogue(Protocol):
    """A partner that lists what it sells."""

    def catalogue(self) -> Sequence[Product]:
        """Return what may be ordered. Raises anything when it cannot be known."""


@runtime_checkable
class HasBalance(Protocol):
    """A partner where we have an account."""

    def balance(self) -> Balance:
        """Return what is left there. Raises anything when it cannot be known."""


@runtime_checkable
class Identifies(Protocol):
    """A partner that says whose number it is."""

    def identify(self, number: str) -> Guess | NoGuess:
        """Return whose number (E.164) it seems to be."""


@runtime_checkable
class Tries(Protocol):
    """A partner that can be tried: a connection without an order, and an order without a delivery."""

    def try_connection(self) -> Trial:
        """Sign in there and look around; orders nothing. Never raises."""

    def dry_run(self, top_up: TopUp) -> Trial:
        """Check an order as far as the partner lets us without delivering it. Never raises."""
