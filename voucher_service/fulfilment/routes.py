"""The ways to deliver as they are now: those of the program, and those that people have connected.

Every process looks at the table again every few seconds. An adapter lives on (with its access token) as long
as its row stays as it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from voucher_service.crypto import SealBroken, Vault
from voucher_service.db import Database
from voucher_service.fulfilment.abilities import BadCallback, CallsBack, Confirmed, Confirms, Notice, Reverses, Undone
from voucher_service.fulfilment.connection_models import Connection
from voucher_service.fulfilment.connections import callback_address, plan_of
from voucher_service.fulfilment.kinds import BadSetting, Kinds
from voucher_service.fulfilment.providers import (
    Capabilities,
    ErrorClass,
    Found,
    Operator,
    Provider,
    Ref,
    Refused,
    Submitted,
    TopUp,
)

EVERY: Final = 3.0
"""Seconds until a process looks again."""

DISABLED: Final = "connection_disabled"

_log = structlog.get_logger(__name__)


class Resting:
    """A connection that is switched off: nothing is sent, and what is under way is still asked about."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    @property
    def capabilities(self) -> Capabilities:
        """Those of the partner."""
        return self._operator.capabilities

    def submit(self, top_up: TopUp) -> Submitted:  # noqa: ARG002  # nothing is sent
        """Send nothing: the order waits."""
        return Refused(DISABLED, ErrorClass.PARTNER_PRECONDITION)

    def query(self, ref: Ref) -> Found:
        """Ask as ever."""
        return self._operator.query(ref)

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """Listen as ever: what is under way may have news."""
        partner: object = self._operator
        if not isinstance(partner, CallsBack):
            raise BadCallback("no_callbacks")
        return partner.parse_callback(headers, raw)


class RestingReverser(Resting):
    """As `Resting`, for a partner that takes back."""

    def __init__(self, operator: Reverses) -> None:
        super().__init__(operator)
        self._taker = operator

    def reverse(self, ref: Ref) -> Undone:
        """Take back as ever."""
        return self._taker.reverse(ref)


class RestingConfirmer(RestingReverser):
    """As `RestingReverser`, for a partner in two phases: nothing is confirmed either."""

    def confirm(self, ref: Ref) -> Confirmed:  # noqa: ARG002  # nothing is confirmed
        """Confirm nothing: the order waits there."""
        return Refused(DISABLED, ErrorClass.PARTNER_PRECONDITION)


class Routes(Mapping[str, Provider]):
    """Route → the partner behind it. Safe for several threads."""

    def __init__(
        self,
        fixed: Mapping[str, Provider],
        kinds: Kinds,
        database: Database,
        vault: Vault,
        *,
        public_url: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = fixed
        self._kinds = kinds
        self._database = database
        self._vault = vault
        self._public_url = public_url
        self._clock = clock
        self._lock = threading.Lock()
        self._look_at = float("-inf")
        self._made: dict[UUID, tuple[int, str, Provider | None]] = {}
        self._now: Mapping[str, Provider] = fixed

    def __getitem__(self, route: str) -> Provider:
        """Return the partner behind the route."""
        return self._current()[route]

    def __iter__(self) -> Iterator[str]:
        """Go through the routes."""
        return iter(self._current())

    def __len__(self) -> int:
        """Count the routes."""
        return len(self._current())

    def look_again(self) -> None:
        """Look at the table at the next use: something has just changed."""
        self._look_at = float("-inf")

    def _current(self) -> Mapping[str, Provider]:
        if self._clock() >= self._look_at:
            with self._lock:
                if self._clock() >= self._look_at:
                    self._refresh()
                    self._look_at = self._clock() + EVERY
        return self._now

    def _refresh(self) -> None:
        try:
            with self._database.read() as session:
                seen = {row.id: row.version for row in session.execute(select(Connection.id, Connection.version))}
                if seen == {one: version for one, (version, _, _) in self._made.items()}:
                    return
                rows = list(session.scalars(select(Connection)))
                calls = {row.id: callback_address(session, self._vault, row.route, self._public_url) for row in rows}
        except SQLAlchemyError as fault:
            # Not reachable, or not migrated yet: what was known stays, and others will say it louder.
            _log.warning("routes_not_read", fault=type(fault).__name__)
            return
        made = {row.id: self._keep_or_make(row, calls[row.id]) for row in rows}
        self._made = made
        self._now = {route: one for _, route, one in made.values() if one is not None} | dict(self._fixed)

    def _keep_or_make(self, row: Connection, callback: str) -> tuple[int, str, Provider | None]:
        known = self._made.get(row.id)
        return (
            known
            if known is not None and known[0] == row.version
            else (row.version, row.route, self._make(row, callback))
        )

    def _make(self, row: Connection, callback: str) -> Provider | None:
        try:
            operator = self._kinds[row.kind].build(plan_of(self._vault, row, callback))
        except (KeyError, ValueError, BadSetting, SealBroken) as fault:
            _log.error(
                "connection_unusable", route=row.route, fault=type(fault).__name__
            )  # no trace: it may show settings
            return None
        if row.enabled:
            return operator
        if isinstance(operator, Reverses):
            return RestingConfirmer(operator) if isinstance(operator, Confirms) else RestingReverser(operator)
        return Resting(operator)
