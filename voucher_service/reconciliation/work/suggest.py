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
from voucher_service.fulfilment.stated_numbers import StatedNumber
from voucher_service.partners.models import Offer
from voucher_service.reconciliation.explain import Ours, Theirs
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
    """The other side: `line` of their file and its `reference`, or none of both and our order's; and why it may be.

    `break_id` is the open break over there; an order that is not decided yet has none. `line_break` is that of the
    line, whichever side asks. `tail`: both name one telephone, which ends so. `apart` is never negative.
    """

    break_id: UUID | None
    at: datetime
    line: int | None
    reference: str
    line_break: UUID
    order_id: UUID
    tail: str | None
    same_product: bool
    same_quantity: bool
    apart: timedelta


@dataclass(frozen=True, slots=True)
class _Alike:
    """What line and order must have in common; the quantity is left out where number and product are the same."""

    tail: str | None
    conditions: tuple[ColumnElement[bool], ...]


def suggestions(session: Session, item: Item) -> list[Suggestion]:
    """Return what may be the other side of an open break, at most five: the same telephone first, then the nearest.

    A line that no reference joins to an order, and an order of the same partner that is missing, or (asked from the
    line) not decided yet; in the same unit, a day apart at most, and not set apart by a person. Where the line states
    a product, it is the order's; and the quantity is the same, unless telephone and product are.
    """
    one = item.difference
    if one.resolved_at is not None:
        return []
    if one.kind in _ABSENT and one.ours:
        return _lines(session, item, one.ours)
    is_delivered = one.theirs is not None and one.theirs.status == LineStatus.DELIVERED.value
    if one.kind is BreakClass.UNEXPECTED_AT_PARTNER and one.theirs and is_delivered:
        return _orders(session, item, one.theirs)
    return []


def _lines(session: Session, item: Item, ours: Ours) -> list[Suggestion]:
    product, quantity = _product_of(ours.order_id), StatementLine.quantity == ours.quantity
    base = (
        select(
            Break.id, StatementLine.event_at, StatementLine.line, StatementLine.spelled, StatementLine.named_id,
            StatementLine.partner_ref, StatementLine.product.is_not(None), StatementLine.quantity,
        )
        .join(StatementLine, StatementLine.id == Break.line_id)
        .where(*_open(item, (BreakClass.UNEXPECTED_AT_PARTNER,)))
        .where(StatementLine.unit == ours.unit.value, StatementLine.status == LineStatus.DELIVERED.value)
        .where(StatementLine.id.not_in(select(StatedSum.line_id)))
        .where(~_answered(StatementLine.id, literal(ours.order_id)))
        .where(or_(StatementLine.product.is_(None), StatementLine.product == product))
    )  # fmt: skip
    ways = [_Alike(None, (quantity,))]
    number = session.execute(select(Order.number_lookup, Order.number_tail).where(Order.id == ours.order_id)).one()
    if number.number_lookup is not None:
        named = select(StatedNumber.line_id).where(StatedNumber.lookup == number.number_lookup)
        alike = (StatementLine.id.in_(named), or_(StatementLine.product.is_not(None), quantity))
        ways.insert(0, _Alike(number.number_tail, alike))
    made = [
        Suggestion(
            found, at, line, reference(spelled, named) or partner_ref or "", found, ours.order_id, way.tail, states,
            told == ours.quantity, abs(at - ours.at),
        )
        for way in ways
        for found, at, line, spelled, named, partner_ref, states, told in _nearest(
            session, base.where(*way.conditions), StatementLine.event_at, ours.at
        )
    ]  # fmt: skip
    return _first(made)


def _orders(session: Session, item: Item, theirs: Theirs) -> list[Suggestion]:
    line_break = item.difference.id
    line = select(Break.line_id).where(Break.id == line_break).scalar_subquery()
    same: tuple[ColumnElement[bool], ...] = (
        Order.unit == theirs.unit.value,
        ~_answered(line, Order.id),
        ~exists().where(StatedSum.line_id == line),
    )
    quantity = Order.quantity == theirs.quantity
    if theirs.product is not None:
        same += (Order.voucher_id.in_(_vouchers_of(theirs.product)),)
    ways = [_Alike(None, (quantity,))]
    number = session.execute(select(StatedNumber.lookup, StatedNumber.tail).where(StatedNumber.line_id == line)).first()
    if number is not None and number.lookup is not None:
        alike = (Order.number_lookup == number.lookup,)
        ways.insert(0, _Alike(number.tail, alike if theirs.product is not None else (*alike, quantity)))
    made = []
    for way in ways:
        missing = (
            select(Break.id, Order.final_at, Order.id, Order.quantity)
            .join(Order, Order.id == Break.order_id)
            .where(*_open(item, _ABSENT), *same, *way.conditions, Order.final_at.is_not(None))
        )
        undecided = (
            select(cast(null(), Break.id.type), Order.created_at, Order.id, Order.quantity)
            .where(own_order(item.partner_id), Order.state.in_(DECIDABLE), ~claimed(), ~hold_ended())
            .where(*same, *way.conditions)
        )
        found = _nearest(session, missing, Order.final_at, theirs.at)
        found += _nearest(session, undecided, Order.created_at, theirs.at)
        made += [
            Suggestion(
                other, at, None, str(order), line_break, order, way.tail, theirs.product is not None,
                told == theirs.quantity, abs(at - theirs.at),
            )
            for other, at, order, told in sorted(found, key=lambda row: abs(row[1] - theirs.at))
        ]  # fmt: skip
    return _first(made)


def _first(made: list[Suggestion]) -> list[Suggestion]:
    """Return the few that come first, each pair of line and order once, as it was found first."""
    once: dict[tuple[UUID, UUID], Suggestion] = {}
    for one in made:
        once.setdefault((one.line_break, one.order_id), one)
    return list(once.values())[:MOST]


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
