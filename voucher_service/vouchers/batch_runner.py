"""Issuing batches in the background: one thread at most in a process, started when there is something to do.

What is done stands in the database, chunk by chunk; a process that ends in the middle loses nothing, and the
next `kick` (or a worker's call of `issue_ready`) goes on where it stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from voucher_service.db import Database
from voucher_service.errors import Conflict, ServiceError
from voucher_service.vouchers import batches
from voucher_service.vouchers.issue import issue_batch
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import BatchState

Clock = Callable[[], datetime]
_UNFORESEEN = "L’émission s’est interrompue pour une raison technique ; ce qui est émis est bon. Reprenez."


def issue_ready(database: Database, ring: KeyRing, clock: Clock) -> int:
    """Issue every batch that is ready and not stopped; return how many vouchers were issued."""
    with database.read() as session:
        waiting = batches.unfinished(session)
    return sum(_issue(database, ring, batch_id, clock) for batch_id in waiting)


def _issue(database: Database, ring: KeyRing, batch_id: UUID, clock: Clock) -> int:
    """Issue one batch; what stops it is noted beside it, in words, for a person to read."""
    try:
        if database.run(batches.weigh_again, batch_id, clock()).state != BatchState.READY.value:
            return 0
        return issue_batch(database, ring, batch_id, clock=clock)
    except ServiceError as error:
        if isinstance(error, Conflict) and error.code == "batch_under_way":
            return 0  # another process is at it
        database.run(batches.note_stop, batch_id, str(error))
    except Exception:
        database.run(batches.note_stop, batch_id, _UNFORESEEN)
        raise
    return 0


class BatchRunner:
    """The background thread of one process."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._work = (database, ring, clock)
        self._lock = threading.Lock()
        self._again = False
        self._thread: threading.Thread | None = None

    def kick(self) -> None:
        """Make sure that what is ready now gets issued. Returns at once."""
        with self._lock:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="batch-runner", daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to do; say whether it was so within that time."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        try:
            while self._goes_on():
                issue_ready(*self._work)
        except BaseException:
            with self._lock:
                self._thread = None
            raise

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._again:
                self._thread = None
            more, self._again = self._again, False
            return more
