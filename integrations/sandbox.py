"""The sandbox partner: an operator whose answer is decided by the last three digits of the number.

    x00 delivered                         x07 an exception, nothing recorded
    x01 delivered, with a receipt code    x08 delivered, but the answer never arrives
    x02 refused: invalid number           x09 delivered, taken back later
    x03 refused: number barred            x10 accepted, delivered later
    x04 operator unavailable, not taken   x11 accepted, refused later
    x05 "duplicate", and it was paid      x12 refused: our account there is empty
    x06 refused: declined                 any other: delivered at once

The first of the three digits is the delay: 1 short, 2 medium, 3 longer than the client waits (then the
partner goes on working, and answers a query when it is done). It keeps its own book, in its own file, as a
partner would; of a number it keeps the last three digits.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from voucher_service.fulfilment.providers import (
    Accepted,
    Capabilities,
    Delivered,
    ErrorClass,
    Found,
    Idempotency,
    Lookup,
    Mode,
    NotFound,
    Ref,
    Refused,
    Reversed,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.ids import utc_now

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS movement (
    number INTEGER PRIMARY KEY, reference TEXT NOT NULL, tail TEXT NOT NULL, product TEXT NOT NULL,
    quantity INTEGER NOT NULL, unit TEXT NOT NULL, code TEXT NOT NULL, taken_at TEXT NOT NULL,
    done_at TEXT NOT NULL, reversed_at TEXT
);
CREATE INDEX IF NOT EXISTS movement_reference ON movement (reference);
"""

_DELIVERED: Final = "delivered"
_REFUSALS: Final = {
    "02": "invalid_number",
    "03": "number_barred",
    "06": "declined",
    "11": "failed_on_operator",
}
_BENEFICIARY: Final = {"invalid_number", "number_barred"}


@dataclass(frozen=True, slots=True)
class SandboxTimes:
    """How long the partner takes, and how long the client waits."""

    short: timedelta = timedelta(milliseconds=200)
    medium: timedelta = timedelta(milliseconds=1500)
    long: timedelta = timedelta(seconds=20)
    patience: timedelta = timedelta(seconds=4)
    later: timedelta = timedelta(seconds=15)
    """What an accepted order takes until it is final."""
    reversal: timedelta = timedelta(hours=2)
    sync_limit: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the partner's book. `code` is "delivered" or why it was refused."""

    number: int
    reference: str
    tail: str
    product: str
    quantity: int
    unit: str
    code: str
    taken_at: datetime
    done_at: datetime
    reversed_at: datetime | None

    @property
    def partner_ref(self) -> str:
        """Return the partner's own reference."""
        return f"SBX-{self.number:08d}"


class SandboxPartner:
    """A partner of our own, for demonstrations and tests. Safe for several threads and processes.

    `enforces_reference=False` makes it one that pays a replayed reference a second time, as some do.
    """

    def __init__(
        self,
        path: Path,
        *,
        times: SandboxTimes | None = None,
        clock: Callable[[], datetime] = utc_now,
        enforces_reference: bool = True,
    ) -> None:
        self._path = path
        self._times = times or SandboxTimes()
        self._clock = clock
        self._enforces = enforces_reference

    @property
    def capabilities(self) -> Capabilities:
        """It can be asked about our reference, and refuses a reused one unless told otherwise."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=True,
            sync_limit=self._times.sync_limit,
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ENFORCED if self._enforces else Idempotency.CONTRADICTED,
            reference_field="reference",
            reference_length=40,
        )

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once.

        Raises:
            TimeoutError: the answer did not arrive in time (x08).
            ConnectionError: x07.
        """
        assert top_up.number is not None, "a direct top-up needs its number"
        tail = top_up.number[-3:]
        wish = tail[1:] if tail[0] in "123" else ""
        delay = {"1": self._times.short, "2": self._times.medium, "3": self._times.long}.get(
            tail[0] if self._is_known(wish) else "", timedelta()
        )
        if (early := self._before_the_book(wish)) is not None:
            time.sleep(min(delay, self._times.patience).total_seconds())
            return early
        movement, fresh = self._take(top_up, tail, wish, delay)
        time.sleep(min(delay, self._times.patience).total_seconds())
        if not fresh:
            return Refused("reference_already_used", ErrorClass.DUPLICATE)
        return self._answer(movement, wish, too_long=delay > self._times.patience)

    def query(self, ref: Ref) -> Found:
        """Say what became of the order with our reference."""
        now = self._clock()
        line = self._last(str(ref.ours))
        if line is None:
            return NotFound(as_of=now)
        if now < line.done_at:
            return Accepted(line.partner_ref)
        if line.reversed_at is not None and now >= line.reversed_at:
            return Reversed(line.partner_ref)
        return _final(line)

    def movements(self) -> list[Movement]:
        """Return the partner's whole book, oldest first: what its statements are made from."""
        with self._book() as book:
            rows = book.execute("SELECT * FROM movement ORDER BY number").fetchall()
        return [_movement(row) for row in rows]

    def rehearsal(self, clock: Callable[[], datetime]) -> SandboxPartner:
        """Return the same partner by the time of `clock`, answering without any delay."""
        at_once = replace(self._times, short=timedelta(), medium=timedelta(), long=timedelta())
        return SandboxPartner(self._path, times=at_once, clock=clock, enforces_reference=self._enforces)

    def _last(self, reference: str) -> Movement | None:
        with self._book() as book:
            row = book.execute(
                "SELECT * FROM movement WHERE reference = ? ORDER BY number DESC LIMIT 1", (reference,)
            ).fetchone()
        return None if row is None else _movement(row)

    @staticmethod
    def _is_known(wish: str) -> bool:
        return wish.isdecimal() and int(wish) <= 12

    @staticmethod
    def _before_the_book(wish: str) -> Submitted | None:
        if wish == "07":
            raise ConnectionError("the sandbox partner hung up")
        if wish == "04":
            return Refused("operator_unavailable", ErrorClass.TRANSIENT_BEFORE_SEND)
        if wish == "12":
            return Refused("insufficient_balance", ErrorClass.PARTNER_PRECONDITION)
        return None

    def _take(self, top_up: TopUp, tail: str, wish: str, delay: timedelta) -> tuple[Movement, bool]:
        now = self._clock()
        done_at = now + delay + (self._times.later if wish in {"10", "11"} else timedelta())
        code = _REFUSALS.get(wish, _DELIVERED)
        taken_back = now + self._times.reversal if wish == "09" else None
        with self._book() as book:
            book.execute("BEGIN IMMEDIATE")
            reference = str(top_up.reference)
            first = book.execute("SELECT 1 FROM movement WHERE reference = ?", (reference,)).fetchone()
            fresh = first is None or not self._enforces
            if fresh:
                book.execute(
                    "INSERT INTO movement (reference, tail, product, quantity, unit, code, taken_at, done_at,"
                    " reversed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        reference,
                        tail,
                        top_up.product_code,
                        top_up.quantity,
                        top_up.unit.value,
                        code,
                        now.isoformat(),
                        done_at.isoformat(),
                        taken_back.isoformat() if taken_back else None,
                    ),
                )
            book.execute("COMMIT")
        line = self._last(reference)
        assert line is not None, "it has just been written"
        return line, fresh

    def _answer(self, line: Movement, wish: str, *, too_long: bool) -> Submitted:
        if too_long:
            return Unknown("timeout")
        match wish:
            case "01":
                return Delivered(line.partner_ref, line.quantity, {"receipt": f"R{line.number:06d}"})
            case "05":
                return Refused("reference_already_used", ErrorClass.DUPLICATE)
            case "08":
                raise TimeoutError("the sandbox partner did not answer in time")
            case "10" | "11":
                return Accepted(line.partner_ref)
            case _:
                return _final(line)

    @contextmanager
    def _book(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        book = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        book.row_factory = sqlite3.Row
        try:
            book.execute("PRAGMA journal_mode=WAL")
            book.executescript(_SCHEMA)
            yield book
        finally:
            book.close()


def _final(line: Movement) -> Delivered | Refused:
    if line.code == _DELIVERED:
        return Delivered(line.partner_ref, line.quantity)
    error_class = ErrorClass.BENEFICIARY if line.code in _BENEFICIARY else ErrorClass.REFUSED_FINAL
    return Refused(line.code, error_class)


def _movement(row: sqlite3.Row) -> Movement:
    reversed_at = row["reversed_at"]
    return Movement(
        number=row["number"],
        reference=row["reference"],
        tail=row["tail"],
        product=row["product"],
        quantity=row["quantity"],
        unit=row["unit"],
        code=row["code"],
        taken_at=datetime.fromisoformat(row["taken_at"]),
        done_at=datetime.fromisoformat(row["done_at"]),
        reversed_at=datetime.fromisoformat(reversed_at) if reversed_at else None,
    )
