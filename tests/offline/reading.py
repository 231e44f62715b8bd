"""What came of entries: the answers, the vouchers and the rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.desk import Desk
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.vouchers.models import Voucher


def said(answers: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Status and reason of each."""
    return [(answer["status"], answer["reason"]) for answer in answers]


def state_of(desk: Desk, voucher: Voucher) -> str:
    """The voucher's state in the books."""
    with desk.programme.database.read() as session:
        return session.get_one(Voucher, voucher.id).state


def rows(desk: Desk) -> list[OfflineEntry]:
    """Every entry kept, by arrival."""
    with desk.programme.database.read() as session:
        return list(session.scalars(select(OfflineEntry).order_by(OfflineEntry.received_at, OfflineEntry.id)))
