"""The sandbox partner: an operator whose answer is decided by the last three digits of the number.

    x00 delivered                         x07 an exception, nothing recorded
    x01 delivered, with a receipt code    x08 delivered, but the answer never arrives
    x02 refused: invalid number           x09 delivered, taken back later
    x03 refused: number barred            x10 accepted, delivered later
    x04 operator unavailable, not taken   x11 accepted, refused later
    x05 "duplicate", and it was paid      x12 refused: our account there is empty
    x06 refused: declined                 any other: delivered at once

The first of the three digits is the delay: 1 short, 2 medium, 3 longer than the client waits (then the
partner goes on working, and answers a query when it is done). When x08 to x11 is done, and when x09 is taken
back, it calls, as soon as `flask sandbox-calls` lets it: of x10 twice. It keeps its own book, in its own file, as a
partner would; of a number it keeps the last three digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from integrations.sandbox_book import Movement, line_of, opened, signing_key
from integrations.sandbox_calls import calls_due, notice
from voucher_service.fulfilment.abilities import Call, Notice
from voucher_service.fulfilment.providers import (
    Accepted,
    CallbackSignature,
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
            callback_signature=CallbackSignature.HMAC_SHA256,
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
        with opened(self._path) as book:
            rows = book.execute("SELECT * FROM movement ORDER BY number").fetchall()
        return [line_of(row) for row in rows]

    def rehearsal(self, clock: Callable[[], datetime]) -> SandboxPartner:
        """Return the same partner by the time of `clock`, answering without any delay."""
        at_once = replace(self._times, short=timedelta(), medium=timedelta(), long=timedelta())
        return SandboxPartner(self._path, times=at_once, clock=clock, enforces_reference=self._enforces)

    def calls(self) -> Sequence[Call]:
        """Return the calls that it owes by now and has not made; of x10 the same twice."""
        with opened(self._path) as book:
            book.execute("BEGIN IMMEDIATE")
            due = calls_due(book, self._clock())
            book.execute("COMMIT")
        return due

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """Read a call of its own. Raises BadCallback."""
        with opened(self._path) as book:
            key = signing_key(book)
        return notice(key, headers, raw)

    def _last(self, reference: str) -> Movement | None:
        with opened(self._path) as book:
            row = book.execute(
                "SELECT * FROM movement WHERE reference = ? ORDER BY number DESC LIMIT 1", (reference,)
            ).fetchone()
        return None if row is None else line_of(row)

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
        with opened(self._path) as book:
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


def _final(line: Movement) -> Delivered | Refused:
    if line.code == _DELIVERED:
        return Delivered(line.partner_ref, line.quantity)
    error_class = ErrorClass.BENEFICIARY if line.code in _BENEFICIARY else ErrorClass.REFUSED_FINAL
    return Refused(line.code, error_class)
