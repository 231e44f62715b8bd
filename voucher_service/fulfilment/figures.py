"""How deliveries go, in figures read from the database: for alarms, and for whoever is woken by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.around import Callback, PartnerBalance, RoutePause
from voucher_service.fulfilment.models import OPEN_STATES, Attempt, Order

RECENT = timedelta(minutes=10)
Counts = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A snapshot. `due` and `age`: what a worker should be at, and how long the oldest of it has been due."""

    due: int
    age: timedelta
    open: Counts  # (state,)
    attempts: Counts  # (kind, outcome) of the last minutes; outcome "under_way" has not ended
    paused: Counts  # (route,)
    balances: Counts  # (route, currency), in hundredths
    callbacks: int


def figures(session: Session, now: datetime) -> Figures:
    """Return how deliveries go at this moment."""
    due, oldest = session.execute(select(func.count(), func.min(Order.due_at)).where(Order.due_at <= now)).one()
    states = select(Order.state, func.count()).where(Order.state.in_(OPEN_STATES)).group_by(Order.state)
    since = _first_id_of(now - RECENT)
    attempts = (
        select(Attempt.kind, Attempt.outcome, func.count())
        .where(Attempt.id >= since)
        .group_by(Attempt.kind, Attempt.outcome)
    )
    balances = select(PartnerBalance.route, PartnerBalance.currency, PartnerBalance.hundredths)
    return Figures(
        due=due,
        age=max(now - oldest, timedelta()) if oldest is not None else timedelta(),
        open=_none_open() | {(state,): count for state, count in session.execute(states)},
        attempts={(kind, outcome or "under_way"): count for kind, outcome, count in session.execute(attempts)},
        paused={(route,): 1 for route in session.scalars(select(RoutePause.route))},
        balances={(route, unit): left for route, unit, left in session.execute(balances) if unit and left is not None},
        callbacks=session.scalar(select(func.count()).where(Callback.id >= since)) or 0,
    )


def _none_open() -> Counts:
    return {(state.value,): 0 for state in OPEN_STATES}


def _first_id_of(at: datetime) -> UUID:
    """Return the least UUIDv7 of that millisecond: ids are made in the order of time, so no index on time is needed."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0x2 << 62)
