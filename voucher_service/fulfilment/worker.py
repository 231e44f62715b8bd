"""The embedded worker: one thread that sweeps the outbox, seals the books every minute, and every hour ends what
has expired.

For installations without a broker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment.balance import ask_balances
from voucher_service.fulfilment.custody import expire_stock
from voucher_service.fulfilment.deliver import Clock, Providers, sweep
from voucher_service.fulfilment.outcome import Late, no_late
from voucher_service.ids import utc_now
from voucher_service.partners.ending.calendar import turn as note_endings
from voucher_service.vouchers.life import expire_all
from voucher_service.webhooks.outbox import prune

_LONGEST_WAIT = 60.0
EXPIRY_EVERY = timedelta(hours=1)
SEAL_EVERY = timedelta(minutes=1)
SEAL_SWEEP_EVERY = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class Sealing(Protocol):
    """Seals the books as they are `now`; with `sweep`, also what committed very late."""

    def __call__(self, now: datetime, *, sweep: bool) -> int: ...


class EmbeddedWorker:
    """A thread that delivers what is due every `idle`, and at once when nudged.

    No exception ends it: it logs, waits twice as long each time (a minute at most), and tries again.
    """

    def __init__(
        self,
        database: Database,
        providers: Providers,
        vault: Vault,
        *,
        now_fn: Clock = utc_now,
        idle: timedelta = timedelta(seconds=2),
        sealing: Sealing | None = None,
        late: Late = no_late,
        hourly: Sequence[Callable[[Session, datetime], object]] = (),
    ) -> None:
        self._work = (database, providers, vault, now_fn)
        self._idle = idle.total_seconds()
        self._expiry_at = self._seal_at = self._seal_sweep_at = now_fn()
        self._sealing = sealing
        self._late = late
        self._hourly = hourly
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; nothing happens when it runs already."""
        if self._thread is None or not self._thread.is_alive():
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)
            self._thread.start()

    def stop(self, *, within: timedelta = timedelta(seconds=10)) -> bool:
        """Ask the thread to end after the order in hand; say whether it has ended `within` that time.

        An order left in hand loses nothing: its lease runs out, and the next worker asks about it.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(within.total_seconds())
            return not self._thread.is_alive()
        return True

    def nudge(self) -> None:
        """Wake the thread: something has just become due."""
        self._wake.set()

    def _run(self) -> None:
        wait = self._idle
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                # A short limit, so that `stop` is heard between two portions.
                busy = sweep(*self._work, limit=20, stop=self._stopping.is_set, late=self._late) == 20
                wait = 0.0 if busy else self._idle
                self._expire()
                self._seal()
            except Exception:
                wait = min(max(wait, self._idle, 0.1) * 2, _LONGEST_WAIT)
                _log.exception("deliverer_failed", again_in_seconds=wait)
                self._stopping.wait(wait)
                continue
            self._wake.wait(wait)

    def _expire(self) -> None:
        database, providers, _, now_fn = self._work
        if now_fn() >= self._expiry_at:
            expire_all(database, now_fn)
            database.run(expire_stock, now_fn())
            database.run(note_endings, now_fn())
            for chore in (prune, *self._hourly):
                database.run(chore, now_fn())
            ask_balances(database, providers, now_fn)
            self._expiry_at = now_fn() + EXPIRY_EVERY

    def _seal(self) -> None:
        now = self._work[3]()
        if self._sealing is None or now < self._seal_at:
            return
        self._seal_at = now + SEAL_EVERY
        sweep_all = now >= self._seal_sweep_at
        try:
            self._sealing(now, sweep=sweep_all)
        except Exception:  # top-ups go on; the books say by themselves that they are not sealed
            _log.exception("sealing_failed")
            return
        if sweep_all:
            self._seal_sweep_at = now + SEAL_SWEEP_EVERY
