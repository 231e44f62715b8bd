"""The protocol every message gateway speaks to us through. Imports no tables; one attempt a call, no hidden retry.

As with top-ups, a message is not idempotent: what a gateway cannot tell is `Unknown`, and an exception that
leaves it is `Unknown` too. Nobody gets a message twice because an answer was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from voucher_service.messages.encoding import Alphabet


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class GatewayKind(StrEnum):
    """The gateways there are: the names of modules in `integrations`."""

    SMPP = "smpp"
    SMTP = "smtp"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message. `recipient` is a number in E.164 form or an address; `parts` are the octets of an SMS."""

    reference: UUID
    recipient: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    alphabet: Alphabet
    parts: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway took every part; `refs` are its names for them, in order."""

    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: it will not be sent."""

    code: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """It failed before anything was handed over: it may be sent again."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell. Never sent again by itself. `refs` are the parts known to have gone."""

    code: str
    refs: tuple[str, ...] = ()


Outcome = Sent | Refused | NotSent | Unknown


class ReceiptState(StrEnum):
    """What became of one part, as far as the network knows."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNDER_WAY = "under_way"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The network's word on one part. `code` is its own short word or number."""

    ref: str
    state: ReceiptState
    code: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """What somebody answered."""

    sender: str = field(repr=False)
    text: str = field(repr=False)


Handle = Callable[[Receipt | Inbound], None]


class Gateway(Protocol):
    """An open way to send. Not shared between threads."""

    def send(self, message: Outgoing) -> Outcome:
        """Hand the message over once."""

    def receive(self, handle: Handle, *, wait: float) -> int:
        """Pass on what came in, for `wait` seconds at most; return how many.

        What came in is acknowledged after `handle` returned, so that what we could not keep comes again.
        """

    def check(self) -> str:
        """Connect and sign in, send nothing; return "" or what is wrong, in a stable word."""

    def close(self) -> None:
        """Hang up."""


class GatewaySettingsBad(Exception):
    """A setting of a gateway is missing or wrong; `str(error)` is its name."""


Factory = Callable[[Mapping[str, str]], Gateway]
"""Opens a gateway from its settings. Nothing is connected yet. Raises GatewaySettingsBad."""

Factories = Mapping[str, Factory]

SETTINGS: Mapping[GatewayKind, tuple[str, ...]] = {
    GatewayKind.SMPP: ("host", "port", "system_id", "password", "sender", "tls", "alphabet", "receipt_ids"),
    GatewayKind.SMTP: ("host", "port", "user", "password", "sender", "tls"),
    GatewayKind.CONSOLE: (),
}
SECRET = frozenset({"password"})
CHANNEL_OF: Mapping[GatewayKind, frozenset[Channel]] = {
    GatewayKind.SMPP: frozenset({Channel.SMS}),
    GatewayKind.SMTP: frozenset({Channel.EMAIL}),
    GatewayKind.CONSOLE: frozenset(Channel),
}
