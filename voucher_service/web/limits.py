"""Limits on guessing: so many tries in so long, counted in Redis where there is one, else in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import current_app, request
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from voucher_service.crypto import Vault
from voucher_service.errors import TooManyTries

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `tries` of what `name` says in `seconds`."""

    name: str
    tries: int
    seconds: int


PIN_RULES = (Rule("pin-quarter", tries=5, seconds=900), Rule("pin-day", tries=15, seconds=86_400))
"""A PIN has ten thousand values: at most fifteen tries a day an account. Choosing another one begins anew."""


class Throttle:
    """Counts tries under hashed keys: neither a login nor an address is kept in clear.

    When Redis is away it counts in this process: a limit a little too generous, and nobody locked out.
    """

    def __init__(self, redis_url: str, vault: Vault) -> None:
        self._vault = vault
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = self._own
        if redis_url:
            storage = storage_from_string(redis_url, wrap_exceptions=True, socket_timeout=1)
            self._shared = MovingWindowRateLimiter(storage)

    def spend(self, rule: Rule, *key: str) -> None:
        """Count one try. Raises TooManyTries when none is left."""
        if not self._ask(lambda counter, item: counter.hit(item, self._hidden(key)), rule):
            raise self._refusal(rule, key)

    def check(self, rule: Rule, *key: str) -> None:
        """Raise TooManyTries when no try is left; count nothing."""
        if not self._ask(lambda counter, item: counter.test(item, self._hidden(key)), rule):
            raise self._refusal(rule, key)

    def forgive(self, rule: Rule, *key: str) -> None:
        """Forget the tries counted."""
        self._ask(lambda counter, item: counter.clear(item, self._hidden(key)), rule)

    def _refusal(self, rule: Rule, key: tuple[str, ...]) -> TooManyTries:
        window = self._ask(lambda counter, item: counter.get_window_stats(item, self._hidden(key)), rule)
        seconds = max(1, min(rule.seconds, round(window.reset_time - time.time())))
        minutes = -(-seconds // 60)
        return TooManyTries(
            "Trop d’essais en peu de temps. Réessayez dans {minutes} min, ou appelez votre coordination.",
            retry_after=seconds,
            minutes=minutes,
        )

    def _ask(self, ask: Callable[[MovingWindowRateLimiter, RateLimitItem], T], rule: Rule) -> T:
        item = RateLimitItemPerSecond(rule.tries, rule.seconds, namespace=rule.name)
        try:
            return ask(self._shared, item)
        except StorageError:
            return ask(self._own, item)

    def _hidden(self, key: tuple[str, ...]) -> str:
        return self._vault.lookup("throttle", "\x1f".join(key)).hex()


def throttle() -> Throttle:
    """Return this application's counter of tries."""
    held: Throttle = current_app.extensions["throttle"]
    return held


def address() -> str:
    """Return the caller's network address; a proxy's word counts only as TRUSTED_PROXIES says."""
    return request.remote_addr or "unknown"
