"""Which line and which order may be the same top-up under two references. It suggests; a person decides (`pair`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session

from voucher_service.fulfilment.models import Order
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.explain import Theirs
from voucher_service.reconciliation.match import DECIDABLE, claimed, hold_ended, own_order
from voucher_service.reconciliation.models import Break, BreakClass, StatedSum, StatementLine, reference
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.reconciliation.work.models import Pairing
from voucher_service.reconciliation.work.worklist import Item
from voucher_service.vouchers.models import Voucher

APART = timedelta(hours=24)
MOST = 5
_ABSENT = (BreakClass.MISSING_AT_PARTNER, BreakClass.AWAITED_AT_PARTNER)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The other side: `line` of their file and its `reference`, or none of both and our order's.

    `break_id` is the open break over there; an order that is not decided yet has none. `line_break` is that of the
    line, whichever side asks.
    """

    break_id: UUID | None
    at: datetime
    line: int | None
    reference: str
    line_break: UUID
    order_id: UUID


def suggestions(session: Session, item: Item) -> list[Suggestion]:
    """Return what may be the other side of an open break: the nearest in time first, at most five.

    A line that no reference joins to an order, and an order of the same partner that is missing, or (asked from the
    line) not decided yet; in the same unit and quantity, and product where the line states one; a day apart at most,
    and not set apart by a person.
    """
    one = item.difference
    if one.resolved_at is not None:
        return []
    if one.kind in _ABSENT and one.ours:
        their_lines = (
            select(
                Break.id,
                StatementLine.event_at,
                StatementLine.line,
                StatementLine.spelled,
                StatementLine.named_id,
                StatementLine.partner_ref,
            )
            .join(StatementLine, StatementLine.id == Break.line_id)
            .where(*_open(item, (BreakClass.UNEXPECTED_AT_PARTNER,)))
            .where(StatementLine.unit == one.ours.unit.value, StatementLine.quantity == one.ours.quantity)
            .where(StatementLine.status == LineStatus.DELIVERED.value)
            .where(StatementLine.id.not_in(select(StatedSum.line_id)))
            .where(~_answered(StatementLine.id, literal(one.ours.order_id)))
            .where(or_(StatementLine.product.is_(None), StatementLine.product == _product_of(one.ours.order_id)))
        )
        rows = _nearest(session, their_lines, StatementLine.event_at, one.ours.at)
        order = one.ours.order_id
        return [
            Suggestion(i, at, line, reference(spelled, named) or theirs or "", i, order)
            for i, at, line, spelled, named, theirs in rows
        ]
    is_delivered = one.theirs is not None and one.theirs.status == LineStatus.DELIVERED.value
    if one.kind is BreakClass.UNEXPECTED_AT_PARTNER and one.theirs and is_delivered:
        return _orders(session, item, one.theirs)
    return []


def _orders(session: Session, item: Item, theirs: Theirs) -> list[Suggestion]:
    line = select(Break.line_id).where(Break.id == item.difference.id).scalar_subquery()
    same: tuple[ColumnElement[bool], ...] = (
        Order.unit == theirs.unit.value,
        Order.quantity == theirs.quantity,
        ~_answered(line, Order.id),
        ~exists().where(StatedSum.line_id == line),
    )
    if theirs.product is not None:
        same += (Order.voucher_id.in_(_vouchers_of(theirs.product)),)
    missing = (
        select(Break.id, Order.final_at, Order.id)
        .join(Order, Order.id == Break.order_id)
        .where(*_open(item, _ABSENT), *same)
    )
    undecided = (
        select(cast(null(), Break.id.type), Order.created_at, Order.id)
        .where(own_order(item.partner_id), Order.state.in_(DECIDABLE), ~claimed(), ~hold_ended(), *same)
    )  # fmt: skip
    found = _nearest(session, missing, Order.final_at, theirs.at)
    found += _nearest(session, undecided, Order.created_at, theirs.at)
    nearest = sorted(found, key=lambda row: abs(row[1] - theirs.at))[:MOST]
    return [Suggestion(i, at, None, str(order), item.difference.id, order) for i, at, order in nearest]


def _product_of(order_id: UUID) -> ScalarSelect[str]:
    of = (
        select(Offer.product_code)
        .join(Voucher, Voucher.offer_id == Offer.id)
        .join(Order, Order.voucher_id == Voucher.id)
    )
    return of.where(Order.id == order_id).scalar_subquery()


def _vouchers_of(product: str) -> Select[UUID]:
    return select(Voucher.id).join(Offer, Offer.id == Voucher.offer_id).where(Offer.product_code == product)


def _answered(line_id: SQLColumnExpression[Any], order_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Return the condition "a person has answered for these two, or both wait for another person"."""
    held = or_(Pairing.agreed.is_(None), Pairing.agreed == 1)
    return exists().where(Pairing.line_id == line_id, Pairing.order_id == order_id, Pairing.undone_at.is_(None), held)


def _open(item: Item, kinds: tuple[BreakClass, ...]) -> tuple[ColumnElement[bool], ...]:
    return (Break.partner_id == item.partner_id, Break.kind.in_(kinds), Break.resolved_at.is_(None))


def _nearest(
    session: Session, query: Select[*tuple[Any, ...]], moment: SQLColumnExpression[Any], at: datetime
) -> list[Any]:
    """Return the few rows nearest to `at`; `moment` is their second column."""
    before = query.where(moment <= at, moment >= at - APART).order_by(moment.desc()).limit(MOST)
    after = query.where(moment > at, moment <= at + APART).order_by(moment).limit(MOST)
    rows = [row for part in (before, after) for row in session.execute(part)]
    return sorted(rows, key=lambda row: abs(row[1] - at))[:MOST]
