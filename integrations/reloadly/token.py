"""Reloadly's access tokens: asked for when needed, kept until shortly before they end, forgotten when refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from integrations.answers import Unexpected, word
from integrations.http import Line

_LIMIT: Final = 10.0
_EARLY: Final = 60.0
"""A token is renewed so many seconds before its end, as an order must not meet it expired."""

_NEW: Final = 60.0


class TokenRefused(Exception):
    """Our credentials are not accepted. `str(error)` is the partner's code."""


class Tokens:
    """The token of one connection, shared by its threads. `clock` counts seconds."""

    def __init__(
        self, line: Line, *, client_id: str, client_secret: str, audience: str, clock: Callable[[], float]
    ) -> None:
        self._line = line
        self._asked = {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
            "audience": audience,
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._since = self._until = 0.0

    def get(self) -> str:
        """Return a token that holds.

        Raises:
            TokenRefused, Unexpected, integrations.http.Fault.
        """
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._renew()
            return self._token

    def refused(self, token: str) -> bool:
        """Ask for another one next time, unless someone has already. True when it was refused while still new."""
        with self._lock:
            if self._token != token:
                return False
            self._token = ""
            return self._clock() - self._since < _NEW

    def _renew(self) -> None:
        self._token = ""
        began = self._clock()
        reply = self._line.post("/oauth/token", limit=_LIMIT, content=self._asked)
        body = reply.record()
        if reply.status in {400, 401, 403}:
            raise TokenRefused(word(body.get("errorCode")) or f"http_{reply.status}")
        token, seconds = body.get("access_token"), body.get("expires_in")
        if reply.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unexpected(f"token_http_{reply.status}")
        # Without a life told, it serves this once.
        life = seconds if isinstance(seconds, int) and seconds > 0 else 0
        self._token, self._since, self._until = token, began, began + max(0.0, life - _EARLY)
