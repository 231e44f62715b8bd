"""When a second person is needed: what one person decides alone for a partner within a day counts together."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.ids import local_day
from voucher_service.partners.policies import needs_second_person
from voucher_service.reconciliation.models import Break
from voucher_service.reconciliation.work.models import Pairing, Settlement
from voucher_service.units import Unit

SPLIT_WINDOW = timedelta(hours=24)
"""What one person books or matches by hand for one partner within this time counts together."""


def waits_for_second(
    session: Session, *, partner_id: UUID, unit: str, quantity: int, actor: str, now: datetime
) -> bool:
    """Say whether `quantity` more, with what `actor` did for the partner since a day ago, is above the threshold."""
    since = now - SPLIT_WINDOW
    booked = session.scalar(
        select(func.sum(func.abs(Settlement.quantity)))
        .join(Break, Break.id == Settlement.break_id)
        .where(Break.partner_id == partner_id, Settlement.unit == unit, Settlement.proposed_by == actor)
        .where(Settlement.proposed_at > since, Settlement.agreed.is_distinct_from(0))
    )
    matched = session.scalar(
        select(func.sum(Pairing.quantity))
        .join(Break, Break.line_id == Pairing.line_id)
        .where(Break.partner_id == partner_id, Pairing.unit == unit, Pairing.proposed_by == actor)
        .where(Pairing.proposed_at > since, Pairing.is_same == 1, Pairing.agreed.is_distinct_from(0))
    )
    counted = quantity + int(booked or 0) + int(matched or 0)
    return needs_second_person(session, Unit(unit), counted, local_day(now))
