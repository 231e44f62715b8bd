"""Which allocations pay for the next vouchers, and how many each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from voucher_service.errors import N_, Conflict
from voucher_service.ledger.models import AccountKind, FloorBalance
from voucher_service.partners.ending.models import USUAL_STOP, EndCalendar
from voucher_service.partners.models import (
    Agreement,
    Allocation,
    AllocationState,
    DrawDown,
    Earmark,
    EarmarkKind,
)
from voucher_service.staff.models import Branch
from voucher_service.units import Unit


@dataclass(frozen=True, slots=True)
class Draw:
    """`count` vouchers from one allocation; `last_day` is the last day these vouchers can be used."""

    allocation_id: int
    count: int
    last_day: date


@dataclass(frozen=True, slots=True)
class Pot:
    """An allocation that may pay: what is available, in its unit, and for how many whole vouchers."""

    allocation_id: int
    priority: int
    valid_until: date
    available: int
    vouchers: int


def choose(
    session: Session,
    *,
    partner_id: UUID,
    unit: Unit,
    quantity_each: int,
    count: int,
    branch_id: int | None,
    last_day: date,
    day: date,
    rule: DrawDown,
) -> list[Draw]:
    """Return which open allocations of the partner pay for `count` vouchers of `quantity_each` on `day`.

    `last_day` is the day the offer would allow; a draw never outlives its allocation. An allocation with
    earmarks pays only for its branches and cities; without a branch (to bearer), only those without pay.
    Nothing is locked: the floor of the books is the guard, and a caller who meets `allocation_exhausted`
    while posting chooses once more.

    Raises:
        Conflict: `allocation_exhausted`: together they do not suffice; the sentence says what would.
    """
    assert quantity_each > 0, "a voucher is worth something"
    assert count > 0, "at least one voucher is drawn"
    pots = eligible(
        session,
        partner_id=partner_id,
        unit=unit,
        quantity_each=quantity_each,
        branch_id=branch_id,
        day=day,
    )
    possible = sum(pot.vouchers for pot in pots)
    if possible < count:
        raise _too_little(possible, count, branch_id)
    until = {pot.allocation_id: pot.valid_until for pot in pots}
    return [
        Draw(allocation, vouchers, min(last_day, until[allocation]))
        for allocation, vouchers in share(pots, count, rule)
    ]


def eligible(
    session: Session, *, partner_id: UUID, unit: Unit, quantity_each: int, branch_id: int | None, day: date
) -> list[Pot]:
    """Return the allocations that may pay for at least one such voucher, in order of their number."""
    # A voucher is good until its gift ends: from so many days before, none is issued from it any more.
    last = day + timedelta(days=stop_days_on(session, day))
    rows = session.execute(
        select(Allocation.id, Allocation.priority, Allocation.valid_until, FloorBalance.balance)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .join(FloorBalance, FloorBalance.account_id == Allocation.id * 100 + int(AccountKind.AVAILABLE))
        .where(
            Agreement.partner_id == partner_id,
            Allocation.unit == unit.value,
            Allocation.state == AllocationState.OPEN.value,
            Allocation.valid_from <= day,
            Allocation.valid_until >= last,
            FloorBalance.balance >= quantity_each,
            _may_pay_for(branch_id),
        )
        .order_by(Allocation.id)
    )
    return [
        Pot(allocation, priority, valid_until, balance, balance // quantity_each)
        for allocation, priority, valid_until, balance in rows
    ]


def stop_days_on(session: Session, day: date) -> int:
    """Return how many days before a gift's last day nothing is issued from it any more."""
    rule = select(EndCalendar.stop_days).where(EndCalendar.effective_from <= day)
    held = session.scalar(rule.order_by(EndCalendar.effective_from.desc()).limit(1))
    return USUAL_STOP if held is None else held


def share(pots: Sequence[Pot], count: int, rule: DrawDown) -> list[tuple[int, int]]:
    """Divide `count` vouchers over `pots` by `rule`: (allocation, vouchers), none of zero.

    PRO_RATA is in proportion to what is available, by largest remainder; equal remainders go to the
    allocation that expires first, then to the lower number. `count` must be possible.
    """
    assert count <= sum(pot.vouchers for pot in pots), "the caller checks that there is enough"
    if rule is DrawDown.PRO_RATA:
        return _pro_rata(pots, count)
    by_date = sorted(pots, key=lambda pot: (pot.valid_until, pot.allocation_id))
    if rule is DrawDown.PRIORITY:
        by_date.sort(key=lambda pot: pot.priority)
    drawn: list[tuple[int, int]] = []
    for pot in by_date:
        taken = min(pot.vouchers, count)
        count -= taken
        if taken:
            drawn.append((pot.allocation_id, taken))
    return drawn


def _pro_rata(pots: Sequence[Pot], count: int) -> list[tuple[int, int]]:
    total = sum(pot.available for pot in pots)
    # A share never exceeds what its pot can pay: count * a / total <= a / quantity_each.
    taken = {pot.allocation_id: count * pot.available // total for pot in pots}
    left = count - sum(taken.values())
    order = sorted(pots, key=lambda pot: (-(count * pot.available % total), pot.valid_until, pot.allocation_id))
    while left:
        for pot in order:
            if left and taken[pot.allocation_id] < pot.vouchers:
                taken[pot.allocation_id] += 1
                left -= 1
    return [(allocation, vouchers) for allocation, vouchers in sorted(taken.items()) if vouchers]


def _may_pay_for(branch_id: int | None) -> ColumnElement[bool]:
    free = ~exists().where(Earmark.allocation_id == Allocation.id)
    if branch_id is None:
        return free
    city = select(Branch.city).where(Branch.id == branch_id).scalar_subquery()
    named = exists().where(
        Earmark.allocation_id == Allocation.id,
        or_(
            and_(Earmark.kind == EarmarkKind.BRANCH.value, Earmark.value == str(branch_id)),
            and_(Earmark.kind == EarmarkKind.CITY.value, Earmark.value == city),
        ),
    )
    return or_(free, named)


def _too_little(possible: int, count: int, branch_id: int | None) -> Conflict:
    if possible == 0:
        none_here = N_(
            "Aucune dotation ouverte ne peut payer un tel bon pour cette antenne : "
            "enregistrez une dotation, ou choisissez une autre offre."
        )
        none = N_(
            "Aucune dotation ouverte ne peut payer un tel bon sans antenne : "
            "enregistrez une dotation, ou choisissez une autre offre."
        )
        return Conflict(none if branch_id is None else none_here, code="allocation_exhausted")
    few_here = N_(
        "Les dotations ouvertes pour cette antenne suffisent pour {possible} bons sur {count} : "
        "demandez-en {possible} au plus, ou enregistrez une dotation."
    )
    few = N_(
        "Les dotations ouvertes sans antenne suffisent pour {possible} bons sur {count} : "
        "demandez-en {possible} au plus, ou enregistrez une dotation."
    )
    told = few if branch_id is None else few_here
    return Conflict(told, code="allocation_exhausted", possible=possible, count=count)
