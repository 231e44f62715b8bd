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
    """What the partner delivers."""

    DIRECT = "direct"  # value to a number
    CODE = "code"  # a code from our stock
    SIM = "sim"  # a card, a handset or a seat from our stock
    BATCH = "batch"  # a file of orders, answered by a file


FROM_STOCK = (Mode.CODE, Mode.SIM)
"""Nobody is called: the deliverer takes it out of our own stock."""


class Idempotency(StrEnum):
    """What the partner does with a reference it has seen before. Only `ENFORCED` allows sending it again."""

    ENFORCED = "enforced"  # refuses it, and we have seen it do so
    ADVERTISED = "advertised"  # says that it refuses it
    NONE = "none"
    CONTRADICTED = "contradicted"  # says so, and has paid a replay


class Lookup(StrEnum):
    """How an order is found again at the partner."""

    BY_REFERENCE = "by_reference"  # by ours: not finding it is a statement about it
    WEAK = "weak"  # by the partner's own, or by a field nobody promises to keep: not finding it proves nothing
    NONE = "none"


class CallbackSignature(StrEnum):
    """What vouches for a callback. Whatever it is, a callback never moves value: we ask."""

    NO_CALLBACKS = "no_callbacks"
    UNSIGNED = "unsigned"
    HMAC_SHA256 = "hmac_sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a partner can do: data, not code."""

    mode: Mode
    needs_number: bool
    sync_limit: timedelta  # after this a submitted order is no longer "in the air" at the partner
    lookup: Lookup
    idempotency: Idempotency
    reference_field: str | None = None  # where our reference goes in the partner's request
    reference_length: int | None = None  # the most characters it may have there
    reversal: bool = False
    two_phase: bool = False  # an order may be made first and confirmed afterwards
    confirms_later: bool = False  # so it is done here: what was sent delivers nothing before we confirm it
    cut_off: timedelta = timedelta(hours=24)  # so long after it may first have left, the day's statement decides
    dry_run: bool = False  # there is a place to try that delivers nothing
    callback_signature: CallbackSignature = CallbackSignature.NO_CALLBACKS
    list_window: timedelta | None = None  # the longest span of one question for records; None: no listing
    time_zone: str = "UTC"  # of the partner's stamps that carry none
    units: frozenset[Unit] = frozenset(Unit)

    @property
    def lookup_by_our_reference(self) -> bool:
        """Say whether not finding an order means something."""
        return self.lookup is Lookup.BY_REFERENCE

    @property
    def can_be_asked(self) -> bool:
        """Say whether asking about an order can find anything."""
        return self.lookup is not Lookup.NONE

    @property
    def idempotent(self) -> bool:
        """Say whether the same reference may be sent again: refusing it is enforced and proven."""
        return self.idempotency is Idempotency.ENFORCED


@dataclass(frozen=True, slots=True)
class TopUp:
    """One order as a partner sees it: our reference, the number in E.164 form, product, quantity and unit."""

    reference: UUID
    number: str | None
    product_code: str
    quantity: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Ref:
    """What we know of an order that we ask about.

    `ours` is the reference we sent, `theirs` the one the partner gave back, if it did. `sent_at` is when the
    order may first have left: where to look in a list of bounded windows.
    """

    ours: UUID
    theirs: str | None = None
    sent_at: datetime | None = None


Evidence = Mapping[str, str | int | None]
"""What is kept of a call: codes, statuses, times. Never a number, a name, a PIN or a credential."""


@dataclass(frozen=True, slots=True, repr=False)
class Pin:
    """A code that the partner sold us for the person: whoever reads it can spend it. `how` says how to use it."""

    pin: str
    serial: str
    how: str = ""

    def __repr__(self) -> str:
        """Keep the secret out of logs and tracebacks."""
        return f"Pin(serial={self.serial!r})"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The value is with the person; `quantity`, in the order's unit, is what the partner reports.

    With a `pin` it is not yet with the person: the code has to be shown to them.
    """

    partner_ref: str
    quantity: int | None = None
    evidence: Evidence = field(default_factory=dict)
    pin: Pin | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The partner has taken the order and will say later; `to_confirm`: it will do nothing until we confirm."""

    partner_ref: str
    evidence: Evidence = field(default_factory=dict)
    to_confirm: bool = False


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
    """A partner that is called for each order. No transaction is open during a call.

    What else a partner may be able to do stands in `abilities.py`, one small protocol for each.
    """

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once."""

    def query(self, ref: Ref) -> Found:
        """Ask what became of an order. Where the look-up is weak, what is not found is `Unknown`."""
