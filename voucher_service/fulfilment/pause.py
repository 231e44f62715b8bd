"""A partner that refuses *us* (an empty account, a bad password) stops its own queue, and no other.

The pause is a row, so that people see it and can end it; the orders behind it wait with the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.around import RoutePause
from voucher_service.fulfilment.decide import PAUSED
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.schedule import ROUTE_PAUSE
from voucher_service.partners.models import Offer
from voucher_service.vouchers.models import Voucher


def paused_until(session: Session, route: str) -> datetime | None:
    """Return when the route is tried again, which may be over by now; None when it is not paused."""
    return session.scalar(select(RoutePause.until).where(RoutePause.route == route))


def pause(session: Session, route: str, *, code: str, now: datetime) -> None:
    """Let the route rest: its waiting orders, and those still to come, are not sent until it is tried again."""
    until = now + ROUTE_PAUSE
    known = session.get(RoutePause, route, with_for_update=True)
    if known is None:
        session.add(RoutePause(route=route, code=code[:60], since=now, until=until))
    else:
        known.code, known.until = code[:60], until
    session.flush()
    waiting = (
        _on(route)
        .where(Order.state == OrderState.WAITING.value, Order.due_at < until)
        # What another worker is just claiming will find the route paused, or find out by itself.
        .with_for_update(of=Order, skip_locked=True)
    )
    session.execute(
        update(Order)
        .where(Order.id.in_(waiting), Order.state == OrderState.WAITING.value)
        .values(due_at=until, outcome_code=PAUSED)
        .execution_options(synchronize_session=False)
    )


def resume(session: Session, route: str, *, now: datetime) -> int:
    """End the pause: what waits behind it is due now. Return how many orders that were; 0 when none was paused."""
    session.execute(delete(RoutePause).where(RoutePause.route == route))
    woken = session.scalars(
        update(Order)
        .where(
            Order.id.in_(_on(route).where(Order.state == OrderState.WAITING.value, Order.outcome_code == PAUSED)),
            Order.state == OrderState.WAITING.value,
        )
        .values(due_at=now, outcome_code=None)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    )
    return len(woken.all())


def answered(session: Session, route: str) -> None:
    """Forget the pause: the partner has taken an order of ours again."""
    session.execute(delete(RoutePause).where(RoutePause.route == route))


def pauses(session: Session) -> Sequence[tuple[RoutePause, int]]:
    """Return each pause with how many orders wait behind it, the oldest first."""
    waiting = (
        select(func.count())
        .select_from(Order)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(Order.state == OrderState.WAITING.value, Order.outcome_code == PAUSED, Offer.route == RoutePause.route)
        .scalar_subquery()
    )
    return [(pause, count) for pause, count in session.execute(select(RoutePause, waiting).order_by(RoutePause.since))]


def _on(route: str) -> Select[UUID]:
    return (
        select(Order.id)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(Offer.route == route)
    )
