"""The life of one voucher, told from the rows of every part: issue, scans, visit, delivery, statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Attempt, Order, OrderState
from voucher_service.reconciliation.models import LineClaim, Statement, StatementIntake, StatementLine, in_statement
from voucher_service.units import Unit
from voucher_service.visits.models import Scan, Visit, VisitUndo
from voucher_service.vouchers.lists import successor_of
from voucher_service.vouchers.models import Voucher, VoucherState

MOST = 200
"""Rows of one kind that are told: a voucher scanned more often is shown by its first scans."""


class Step(StrEnum):
    """What happened. A refusal's outcome code stands in `detail`."""

    ISSUED = "issued"
    REFUSED = "refused"
    REDEEMED = "redeemed"
    VISIT = "visit"
    ORDERED = "ordered"
    ASKED = "asked"
    DELIVERED = "delivered"
    GIVEN_BACK = "given_back"
    UNDONE = "undone"
    ON_STATEMENT = "on_statement"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; quantities in `unit`. `detail` is a code or words, as the step needs."""

    step: Step
    at: datetime
    actor: str | None = None
    branch_id: int | None = None
    quantity: int | None = None
    unit: Unit | None = None
    detail: str = ""
    other_id: UUID | None = None


def story(session: Session, voucher: Voucher) -> list[Event]:
    """Return everything that happened to the voucher, oldest first."""
    events = [
        Event(
            step=Step.ISSUED,
            at=voucher.issued_at,
            actor=voucher.issued_by,
            branch_id=voucher.branch_id,
            quantity=voucher.quantity,
            unit=Unit(voucher.unit),
            other_id=voucher.replaces_id,
        ),
        *_scans(session, voucher),
        *_visits(session, voucher),
        *_orders(session, voucher),
        *_end(session, voucher),
    ]
    order = list(Step)
    return sorted(events, key=lambda event: (event.at, order.index(event.step)))


def _scans(session: Session, voucher: Voucher) -> Iterator[Event]:
    rows = session.scalars(select(Scan).where(Scan.voucher_id == voucher.id).order_by(Scan.received_at).limit(MOST))
    for scan in rows:
        accepted = scan.order_id is not None
        yield Event(
            step=Step.REDEEMED if accepted else Step.REFUSED,
            at=scan.received_at,
            actor=f"staff:{scan.staff_id}",
            branch_id=scan.branch_id,
            quantity=voucher.quantity if accepted else None,
            unit=Unit(voucher.unit) if accepted else None,
            detail=scan.outcome,
        )


def _visits(session: Session, voucher: Voucher) -> Iterator[Event]:
    rows = session.scalars(select(Visit).where(Visit.voucher_id == voucher.id).order_by(Visit.recorded_at).limit(MOST))
    for visit in rows:
        yield Event(
            step=Step.VISIT,
            at=visit.recorded_at,
            actor=f"staff:{visit.staff_id}",
            branch_id=visit.branch_id,
            quantity=visit.paid_cents,
            unit=Unit.EUR_CENT,
            other_id=visit.id,
        )


def _orders(session: Session, voucher: Voucher) -> Iterator[Event]:
    orders = session.scalars(
        select(Order).where(Order.voucher_id == voucher.id).order_by(Order.created_at).limit(MOST)
    ).all()
    for order in orders:
        yield Event(
            step=Step.ORDERED,
            at=order.created_at,
            branch_id=order.branch_id,
            quantity=order.quantity,
            unit=Unit(order.unit),
            detail=order.state,
            other_id=order.id,
        )
        undo = session.scalar(select(VisitUndo).where(VisitUndo.order_id == order.id))
        if undo is not None:
            yield Event(
                step=Step.UNDONE,
                at=undo.undone_at,
                actor=f"staff:{undo.staff_id}",
                quantity=order.quantity,
                unit=Unit(order.unit),
                detail=undo.reason or "",
                other_id=undo.visit_id,
            )
        elif order.final_at is not None:
            given_back = order.state == OrderState.GIVEN_BACK.value
            yield Event(
                step=Step.GIVEN_BACK if given_back else Step.DELIVERED,
                at=order.final_at,
                quantity=order.quantity,
                unit=Unit(order.unit),
                detail=order.outcome_code or order.partner_ref or "",
                other_id=order.id,
            )
    ids = [order.id for order in orders]
    attempts = session.scalars(
        select(Attempt).where(Attempt.order_id.in_(ids)).order_by(Attempt.started_at).limit(MOST)
    )
    for attempt in attempts:
        yield Event(step=Step.ASKED, at=attempt.started_at, detail=attempt.outcome or "", other_id=attempt.order_id)
    lines = session.execute(
        select(StatementLine, Statement.uploaded_at, Statement.uploaded_by, LineClaim.order_id, LineClaim.summed_by)
        .join(StatementIntake, in_statement())
        .join(Statement, Statement.id == StatementIntake.statement_id)
        .join(LineClaim, func.coalesce(LineClaim.summed_by, LineClaim.line_id) == StatementLine.id)
        .where(LineClaim.order_id.in_(ids))
        .limit(MOST)
    )
    for line, uploaded_at, uploaded_by, order_id, summed_by in lines:
        yield Event(
            step=Step.ON_STATEMENT,
            at=uploaded_at,
            actor=uploaded_by,
            quantity=line.quantity if summed_by is None else None,  # that of a whole day
            unit=Unit(line.unit) if summed_by is None else None,
            detail=line.status,
            other_id=order_id,
        )


def _end(session: Session, voucher: Voucher) -> Iterator[Event]:
    if voucher.ended_at is None:
        return
    state = VoucherState(voucher.state)
    yield Event(
        step=Step(state.value),
        at=voucher.ended_at,
        actor=voucher.ended_by,
        quantity=voucher.quantity,
        unit=Unit(voucher.unit),
        detail=voucher.ended_reason or "",
        other_id=successor_of(session, voucher.id) if state is VoucherState.REPLACED else None,
    )
