"""Which month of which partner a statement is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Month:
    """A partner's month: days at the branches, their instants (`until_at` excluded), and the log's size."""

    partner_id: UUID
    first_day: date
    last_day: date
    from_at: datetime
    until_at: datetime
    size: int
