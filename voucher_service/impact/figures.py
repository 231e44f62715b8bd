"""First figures for the dashboard, each by one query over a set, months as the branches' calendar has them.

A person counts once in each month or city they were received in; a visit of someone unnamed (a voucher to
bearer) counts as a visit, not as a person. So people of months or cities must not be added up. A visit that was
undone at the counter counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, distinct, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import PROGRAMME_ZONE, local_day
from voucher_service.staff.models import Branch
from voucher_service.units import Unit
from voucher_service.visits.models import Visit, VisitUndo
from voucher_service.vouchers.models import Voucher, VoucherState

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Delivered:
    """Top-ups of one unit that the partner confirmed: how many, and `quantity` in the unit."""

    top_ups: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a month or a city. `people` are different persons."""

    people: int = 0
    visits: int = 0
    delivered: Mapping[Unit, Delivered] = field(default_factory=dict)

    @property
    def top_ups(self) -> int:
        """Return the top-ups delivered, of all units."""
        return sum(each.top_ups for each in self.delivered.values())


@dataclass(frozen=True, slots=True)
class Live:
    """Vouchers that can still be used: how many, `quantity` in their unit, face value in EUR cents."""

    vouchers: int
    quantity: int
    face_value_cents: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The page: this month, the last twelve months (oldest first, this one last), cities this month."""

    this_month: Figures
    months: list[tuple[date, Figures]]
    cities: dict[str, Figures]
    live: dict[Unit, Live]


def dashboard(session: Session, now: datetime) -> Dashboard:
    """Return the figures as of `now`; a month is named by its first day. Cities without any are zero."""
    firsts = _month_starts(local_day(now))
    months = by_month(session, firsts)
    cities = by_city(session, _instant(firsts[-2]), _instant(firsts[-1]))
    return Dashboard(months[-1][1], months, cities, live_vouchers(session, local_day(now)))


def by_month(session: Session, firsts: list[date]) -> list[tuple[date, Figures]]:
    """Return the figures of each month; `firsts` are first days, the last one ends the last month."""
    edges = [_instant(first) for first in firsts]
    visits = _visits(session, _bucket(Visit.occurred_at, edges), edges[0], edges[-1])
    delivered = _delivered(session, _bucket(Order.final_at, edges), edges[0], edges[-1])
    found = _joined(visits, delivered)
    return [(first, found.get(number, Figures())) for number, first in enumerate(firsts[:-1])]


def by_city(session: Session, since: datetime, until: datetime) -> dict[str, Figures]:
    """Return the figures of every city that has a branch, from `since` to before `until`, by name."""
    found = _joined(_visits(session, Branch.city, since, until), _delivered(session, Branch.city, since, until))
    cities = session.scalars(select(Branch.city).distinct().order_by(Branch.city))
    return {city: found.get(city, Figures()) for city in cities}


def live_vouchers(session: Session, day: date) -> dict[Unit, Live]:
    """Return the vouchers that can be used on `day`, by unit."""
    rows = session.execute(
        select(Voucher.unit, func.count(), func.sum(Voucher.quantity), func.sum(Voucher.face_value_cents))
        .where(Voucher.state == VoucherState.ISSUED.value, Voucher.last_day >= day)
        .group_by(Voucher.unit)
    )
    return {Unit(unit): Live(count, int(held), int(cents)) for unit, count, held, cents in rows}


def _visits(
    session: Session, group: ColumnElement[Any] | InstrumentedAttribute[Any], since: datetime, until: datetime
) -> dict[Any, tuple[int, int]]:
    rows = session.execute(
        select(group.label("part"), func.count(distinct(Visit.person_id)), func.count())
        .select_from(Visit)
        .join(Branch, Branch.id == Visit.branch_id)
        .where(Visit.occurred_at >= since, Visit.occurred_at < until, ~exists().where(VisitUndo.visit_id == Visit.id))
        .group_by("part")
    )
    return {part: (people, visits) for part, people, visits in rows}


def _delivered(
    session: Session, group: ColumnElement[Any] | InstrumentedAttribute[Any], since: datetime, until: datetime
) -> dict[Any, dict[Unit, Delivered]]:
    rows = session.execute(
        select(group.label("part"), Order.unit, func.count(), func.sum(Order.quantity))
        .select_from(Order)
        .join(Branch, Branch.id == Order.branch_id)
        .where(Order.state == OrderState.DELIVERED.value, Order.final_at >= since, Order.final_at < until)
        .group_by("part", Order.unit)
    )
    result: dict[Any, dict[Unit, Delivered]] = {}
    for part, unit, count, quantity in rows:
        result.setdefault(part, {})[Unit(unit)] = Delivered(count, int(quantity))
    return result


def _joined(
    visits: Mapping[Any, tuple[int, int]], delivered: Mapping[Any, Mapping[Unit, Delivered]]
) -> dict[Any, Figures]:
    return {
        part: Figures(*visits.get(part, (0, 0)), delivered.get(part, {})) for part in visits.keys() | delivered.keys()
    }


def _bucket(stamp: InstrumentedAttribute[Any], edges: list[datetime]) -> ColumnElement[int]:
    return case(*((stamp < edge, number) for number, edge in enumerate(edges[1:])))


def _month_starts(day: date) -> list[date]:
    last = day.year * 12 + day.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(last - MONTHS + 1, last + 2)]


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PROGRAMME_ZONE)
