"""What the outbox needs of an HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, or None and the stable `code` of why there was none."""

    status: int | None
    code: str

    @property
    def taken(self) -> bool:
        """Say whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Say whether the receiver wants no more of them, for ever (410)."""
        return self.status == 410


class Sender(Protocol):
    """Posts once: no redirect, no retry, a limit on everything."""

    def refusal(self, address: str) -> str:
        """Return the stable code of why nothing may be sent there, or an empty text. It asks no network."""
        ...

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send these bytes. It raises nothing for what the network or the receiver does."""
        ...


class NoSender:
    """Stands where a process was given no client: nothing may be sent anywhere."""

    def refusal(self, address: str) -> str:  # noqa: ARG002  # the protocol's
        """Refuse."""
        return "no_sender"

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:  # noqa: ARG002
        """Send nothing."""
        return Answer(None, "no_sender")
