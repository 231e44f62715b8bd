"""What can go wrong with a server of the tests."""

from __future__ import annotations


class ServerUnavailableError(RuntimeError):
    """No server of the wanted kind can be started or reached; the message says why and what to do."""
