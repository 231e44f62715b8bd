"""The tolerance that a partner and the programme agreed on: 0 unless declared, booked when used, bounded, listed.

What it closes is booked between `available` and `variance`: the gift loses, or gets back, what the partner counted
otherwise, and the books show it as unexplained. Above the bound of a statement nothing of it is used: many small
differences are one fault, not noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.ledger.balances import available
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.models import GiftNote, Partner
from voucher_service.partners.policies import check_range
from voucher_service.reconciliation.balances.models import DeclaredBalance, Tolerance
from voucher_service.reconciliation.models import Break, BreakClass, BreakSubject, Statement, StatementLine
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Settlement, Step, Way
from voucher_service.units import MAX_QUANTITY, Unit

ACTOR = "tolerance"
_CHUNK = 500


def tolerance_on(session: Session, partner_id: UUID, unit: str, day: date) -> Tolerance | None:
    """Return the tolerance in force on `day`; None: every piece counts."""
    return session.scalar(
        select(Tolerance)
        .where(Tolerance.partner_id == partner_id, Tolerance.unit == unit, Tolerance.effective_from <= day)
        .order_by(Tolerance.effective_from.desc())
        .limit(1)
    )


def tolerances(session: Session, partner_id: UUID) -> Sequence[Tolerance]:
    """Return what was declared, newest first."""
    of = select(Tolerance).where(Tolerance.partner_id == partner_id)
    return session.scalars(of.order_by(Tolerance.effective_from.desc(), Tolerance.unit)).all()


def set_tolerance(
    session: Session, *, partner_id: UUID, unit: Unit, each: int, most: int, effective_from: date, actor: str,
    today: date, now: datetime,
) -> Tolerance:  # fmt: skip
    """Declare, from a day on, how much one difference and all of a statement together may come to.

    It is never edited: another counts from another day. A wider one begins tomorrow at the earliest, so that it cannot
    be made for a difference that somebody sees today.

    Raises:
        NotFound. BadInput: `each`, `most`, `effective_from`. Conflict: `already_in_force`: one was set for that day.
    """
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    check_range("each", each, 0, MAX_QUANTITY)
    check_range("most", most, each, MAX_QUANTITY)
    held = tolerance_on(session, partner_id, unit.value, today)
    is_wider = each > (held.each if held else 0) or most > (held.most if held else 0)
    if effective_from < today or (effective_from == today and is_wider):
        raise BadInput(
            "Une tolérance plus large ne vaut qu’à partir de demain, et aucune ne vaut pour le passé.",
            field="effective_from",
        )
    if session.get(Tolerance, (partner_id, unit.value, effective_from)) is not None:
        raise Conflict(
            "Une tolérance est déjà fixée pour ce jour : elle ne se corrige pas, choisissez un autre jour.",
            code="already_in_force",
        )
    row = Tolerance(
        partner_id=partner_id, unit=unit.value, effective_from=effective_from, each=each, most=most, set_by=actor,
        set_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


@dataclass(frozen=True, slots=True)
class Small:
    """An open break that is small enough: theirs minus ours, and the gift that bears it. `left`: less there is left."""

    break_id: UUID
    kind: str
    quantity: int
    unit: str
    gift: int
    evidence: str

    @property
    def is_less_left(self) -> bool:
        """Say whether the partner has less left of the gift than the books."""
        return (self.quantity > 0) is (self.kind == BreakClass.AMOUNT_DIFFERS.value)


def use_on_lines(session: Session, statement: Statement, now: datetime) -> int:
    """Book the small amounts that differ of the statement's lines, all of a unit or none; return how many."""
    first = statement.number << 32
    of = Break.line_id.between(first, first + 2**32 - 1)
    units = session.scalars(select(Tolerance.unit).where(Tolerance.partner_id == statement.partner_id).distinct()).all()
    booked = 0
    for unit in units:
        rule = tolerance_on(session, statement.partner_id, unit, statement.last_day)
        if rule is None or rule.each == 0:
            continue
        small = _small_lines(session, statement, of, rule)
        booked += _use(session, small, rule.most - _used(session, of, unit), now)
    return booked


def use_on_balance(session: Session, balance: DeclaredBalance, now: datetime) -> int:
    """Book the residual of a balance where it is small enough, beside what its statement, or its day, has used."""
    rule = tolerance_on(session, balance.partner_id, balance.unit, balance.as_of)
    if rule is None or rule.each == 0:
        return 0
    found = session.scalar(
        select(Break)
        .join(BreakSubject, BreakSubject.break_id == Break.id)
        .where(BreakSubject.balance_id == balance.id, Break.resolved_at.is_(None), ~_tolerated_once())
        .where(func.abs(Break.quantity) <= rule.each)
    )
    if found is None:
        return 0
    if balance.statement_id is not None:
        group: ColumnElement[bool] = Break.statement_id == balance.statement_id
    else:
        same_day = select(BreakSubject.break_id).join(DeclaredBalance, DeclaredBalance.id == BreakSubject.balance_id)
        group = Break.id.in_(same_day.where(DeclaredBalance.as_of == balance.as_of)) & (
            Break.partner_id == balance.partner_id
        )
    evidence = f"solde du {balance.as_of:%d/%m/%Y}"
    small = Small(found.id, found.kind, found.quantity, found.unit, balance.allocation_id, evidence)
    return _use(session, [small], rule.most - _used(session, group, balance.unit), now)


def _small_lines(session: Session, statement: Statement, of: ColumnElement[bool], rule: Tolerance) -> list[Small]:
    other = aliased(Break)
    settled_before = exists().where(
        other.order_id == Break.order_id, other.id != Break.id, other.resolved_by.like("settlement:%")
    )
    rows = session.execute(
        select(Break.id, Break.quantity, Order.allocation_id, StatementLine.line)
        .join(Order, and_(Order.id == Break.order_id, Order.unit == Break.unit))
        .join(StatementLine, StatementLine.id == Break.line_id)
        .where(of, Break.kind == BreakClass.AMOUNT_DIFFERS.value, Break.unit == rule.unit)
        .where(Break.resolved_at.is_(None), func.abs(Break.quantity) <= rule.each)
        .where(Order.state == OrderState.DELIVERED.value, ~settled_before, ~_tolerated_once())
        .order_by(StatementLine.line)
    )
    name = statement.file_name[-80:]
    return [
        Small(one, BreakClass.AMOUNT_DIFFERS.value, quantity, rule.unit, gift, f"{name}, ligne {line}")
        for one, quantity, gift, line in rows
    ]


def _tolerated_once() -> ColumnElement[bool]:
    """What people have undone is not booked by itself again; nor is a break with a proposal."""
    return exists().where(
        Settlement.break_id == Break.id, (Settlement.way == Way.TOLERANCE.value) | Settlement.decided_at.is_(None)
    )


def _used(session: Session, of: ColumnElement[bool], unit: str) -> int:
    used = session.scalar(
        select(func.sum(func.abs(Settlement.quantity)))
        .join(Break, Break.id == Settlement.break_id)
        .where(of, Settlement.way == Way.TOLERANCE.value, Settlement.unit == unit, Break.resolved_at.is_not(None))
    )
    return int(used or 0)


def _use(session: Session, small: Sequence[Small], bound: int, now: datetime) -> int:
    """Book all of them, or none: above the bound, or where a gift has not that much available."""
    if not small or sum(abs(one.quantity) for one in small) > bound:
        return 0
    for gift in {one.gift for one in small}:
        net = sum(abs(one.quantity) for one in small if one.gift == gift and one.is_less_left)
        if net > available(session, gift):
            return 0
    ids = [new_id() for _ in small]
    moved = post(
        session, [_entry(i, one) for i, one in zip(ids, small, strict=True)], actor=ACTOR, occurred_at=now, now=now
    )
    rows = list(zip(ids, small, moved, strict=True))
    for start in range(0, len(rows), _CHUNK):
        _write(session, rows[start : start + _CHUNK], now)
    return len(rows)


def _entry(settlement_id: UUID, one: Small) -> Entry:
    ends = (AccountKind.AVAILABLE, AccountKind.VARIANCE)
    source, destination = ends if one.is_less_left else ends[::-1]
    return Entry(
        key=f"break:{settlement_id}", book_id=one.gift, source=source, destination=destination, unit=Unit(one.unit),
        quantity=abs(one.quantity), reason=Reason.CORRECTED, object_kind="break", object_id=str(one.break_id),
    )  # fmt: skip


def _write(session: Session, rows: Sequence[tuple[UUID, Small, UUID]], now: datetime) -> None:
    def note(one: Small) -> str:
        return f"Tolérance convenue : {one.evidence}"

    settlements: list[dict[str, Any]] = [
        {
            "id": i, "break_id": one.break_id, "way": Way.TOLERANCE.value, "kind": one.kind, "quantity": one.quantity,
            "unit": one.unit, "allocation_id": one.gift, "note": note(one), "needs_second_person": 0,
            "proposed_by": ACTOR, "proposed_at": now, "agreed": 1, "decided_by": ACTOR, "decided_at": now,
            "transfer_id": transfer,
        }
        for i, one, transfer in rows
    ]  # fmt: skip
    session.execute(insert(Settlement), settlements)
    session.execute(insert(GiftNote), [{"transfer_id": t, "reason": note(one)[:200]} for _, one, t in rows])
    for i, one, _ in rows:
        closed = {"resolved_at": now, "resolved_by": f"settlement:{i}", "note": note(one)}
        session.execute(
            update(Break)
            .where(Break.id == one.break_id, Break.resolved_at.is_(None))
            .values(closed)
            .execution_options(synchronize_session=False)
        )
    write_events(
        session,
        [event_row(one.break_id, Step.BOOKED, now, words=note(one), became=Way.TOLERANCE.value) for _, one, _ in rows],
    )
