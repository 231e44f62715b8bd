"""A gateway that sends nothing: it prints, for a demonstration and for a desk that tries its texts."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping

from voucher_service.messages.gateways import Handle, Outcome, Outgoing, Receipt, ReceiptState, Sent


def open_console(values: Mapping[str, str]) -> ConsoleGateway:  # noqa: ARG001  # it has no settings
    """Return the gateway that prints."""
    return ConsoleGateway()


class ConsoleGateway:
    """Prints each message, the recipient's last two characters only, and says at the next turn that it arrived."""

    def __init__(self) -> None:
        self._receipts: deque[Receipt] = deque()

    def send(self, message: Outgoing) -> Outcome:
        """Print it."""
        many = max(1, len(message.parts))
        refs = tuple(f"{message.reference}/{number}" for number in range(1, many + 1))
        sys.stdout.write(f"  ✉ …{message.recipient[-2:]} ({many}) {message.subject}\n    {message.body}\n")
        sys.stdout.flush()
        self._receipts.extend(Receipt(ref, ReceiptState.DELIVERED, "DELIVRD") for ref in refs)
        return Sent(refs)

    def receive(self, handle: Handle, *, wait: float) -> int:  # noqa: ARG002  # nothing is waited for
        """Pass the receipts on."""
        done = 0
        while self._receipts:
            handle(self._receipts[0])
            self._receipts.popleft()
            done += 1
        return done

    def check(self) -> str:
        """Nothing can be wrong."""
        return ""

    def close(self) -> None:
        """Nothing to hang up."""
