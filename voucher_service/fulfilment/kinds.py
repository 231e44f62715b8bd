"""What a kind of partner needs to be connected: the questions of its form, and how its adapter is made. No tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voucher_service.fulfilment.providers import Operator


class BadSetting(Exception):
    """An answer to one of the questions cannot be used. `field` names it, `message` is a French sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing a connection must be told. Texts are French message ids; a `secret` is sealed and never shown."""

    name: str
    label: str
    hint: str = ""
    secret: bool = False
    required: bool = True
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()
    long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan:
    """A connection as its adapter is made from it. `trial` marks one that may lead to a private address.

    `callback` is the address of ours where it may call back, "" where we have none on the network.
    """

    route: str
    base: str
    trial: bool
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    callback: str = ""

    def __repr__(self) -> str:
        """Keep the secrets out of logs and tracebacks."""
        return f"Plan(route={self.route!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of partner. `bases` are its known addresses; `build` opens no socket and raises BadSetting."""

    name: str
    label: str
    bases: tuple[str, ...]
    questions: tuple[Question, ...]
    build: Callable[[Plan], Operator]


Kinds = Mapping[str, Kind]
