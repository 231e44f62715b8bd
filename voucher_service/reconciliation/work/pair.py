"""Matching by hand: a person says that a line and an order, which no reference joins, are one top-up, or are not.

Above the threshold another person agrees. Then the line claims the order as any match does, once on either side
(UNIQUE); an open order is booked with the line as its evidence; both breaks are brought to what holds now. Undone
before the month is closed, the claim goes and the difference is open again. What the line booked stays booked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.partners.two_people import decide
from voucher_service.reconciliation.breaks import refresh_pair
from voucher_service.reconciliation.classify import look_at
from voucher_service.reconciliation.intake.sequence import replaced_by
from voucher_service.reconciliation.match import LOOSE_FIELDS, own_order, settle
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, StatedSum, Statement, StatementLine
from voucher_service.reconciliation.scratch import LOOSE, SEEN, keep
from voucher_service.reconciliation.work.booking import moved_on
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Pairing, Settlement, Side, Step
from voucher_service.reconciliation.work.settle import NOTE_MOST, decided, refuse_closed
from voucher_service.reconciliation.work.threshold import waits_for_second
from voucher_service.texts import clean_text

BY_HAND = "hand"
PAIRED_KINDS = frozenset({BreakClass.UNEXPECTED_AT_PARTNER.value, BreakClass.UNCLASSIFIED.value})
"""Classes of a line that no reference joins to one order of ours."""


def pair(session: Session, break_id: UUID, *, order_id: UUID, note: str, actor: str, now: datetime) -> Pairing:
    """Propose that the line of this break is that order; below the threshold it is matched at once.

    Raises:
        BadInput: `note`; `order_ref`: no order of ours that a gift of this partner pays for.
        NotFound. Conflict: `pair_taken`: one of both is matched, or waits for an answer, already; `pair_apart`:
            somebody said they are not the same; `break_moved_on`; `period_closed`.
    """
    note = clean_text(note, field="note", least=3, most=NOTE_MOST)
    found, line, order = _both(session, break_id, order_id)
    _refuse_taken(session, line.id, order.id)
    if session.scalar(_live(Pairing.line_id == line.id, Pairing.order_id == order.id)) is not None:
        raise Conflict(
            "Quelqu’un a noté que ce n’est pas la même recharge : annulez d’abord cette réponse.", code="pair_apart"
        )
    quantity = max(line.quantity, order.quantity)
    waits = waits_for_second(
        session, partner_id=found.partner_id, unit=found.unit, quantity=quantity, actor=actor, now=now
    )
    made = Pairing(
        id=new_id(), line_id=line.id, order_id=order.id, is_same=1, quantity=quantity, unit=found.unit, note=note,
        needs_second_person=int(waits), proposed_by=actor, proposed_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _say(session, made, Step.PAIR_ASKED, actor, now, words=note)
    return made if waits else _match(session, made, found, actor, now)


def agree_pair(session: Session, pairing_id: UUID, *, actor: str, now: datetime) -> Pairing:
    """Agree, and match. The same person agreeing again gets the same answer.

    Raises:
        NotFound. SecondPersonNeeded. Conflict: `settlement_decided`, `break_moved_on`, `period_closed`, `pair_taken`.
    """
    made = _fresh(session, pairing_id)
    if made.agreed == 1 and made.decided_by == actor:
        return made
    if made.proposed_by == actor:
        raise SecondPersonNeeded("Vous avez proposé ce rapprochement : une autre personne doit donner son accord.")
    if made.decided_at is not None:
        raise decided()
    return _match(session, made, _break_of_line(session, made.line_id), actor, now)


def withdraw_pair(session: Session, pairing_id: UUID, *, actor: str, now: datetime) -> Pairing:
    """Take a proposal back, one's own or another's. Raises NotFound, Conflict: `settlement_decided`."""
    made = _fresh(session, pairing_id)
    if not decide(session, made, agreed=0, actor=actor, now=now):
        raise decided()
    _say(session, made, Step.PAIR_REFUSED, actor, now)
    return made


def set_apart(session: Session, break_id: UUID, *, order_id: UUID, note: str, actor: str, now: datetime) -> Pairing:
    """Say that the line of this break is not that order: it is no longer suggested. Raises as `pair` does."""
    note = clean_text(note, field="note", least=3, most=NOTE_MOST)
    found, line, order = _both(session, break_id, order_id)
    _refuse_taken(session, line.id, order.id)
    known = _live(Pairing.line_id == line.id, Pairing.order_id == order.id)
    if (made := session.scalar(known)) is not None:
        return made
    made = Pairing(
        id=new_id(), line_id=line.id, order_id=order.id, is_same=0, quantity=0, unit=found.unit, note=note,
        needs_second_person=0, proposed_by=actor, proposed_at=now, agreed=1, decided_by=actor, decided_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _say(session, made, Step.APART, actor, now, words=note)
    return made


def undo_pair(session: Session, pairing_id: UUID, *, note: str, actor: str, now: datetime) -> Pairing:
    """Take back what was matched by hand, or set apart. The line and the order stand alone again.

    Raises:
        BadInput: `note`. NotFound. Conflict: `pair_final`: it does not hold (any more), or the difference it left is
            settled, or waits to be; `period_closed`.
    """
    note = clean_text(note, field="note", least=3, most=NOTE_MOST)
    made = _fresh(session, pairing_id)
    found = _break_of_line(session, made.line_id)
    for one in _breaks(session, made):
        refuse_closed(session, one)
    done = session.scalar(
        update(Pairing)
        .where(Pairing.id == made.id, Pairing.agreed == 1, Pairing.undone_at.is_(None))
        .values(undone_at=now, undone_by=actor, undone_note=note)
        .returning(Pairing.id)
        .execution_options(synchronize_session=False)
    )
    waiting = exists().where(Settlement.break_id == found.id, Settlement.decided_at.is_(None))
    is_settled = (found.resolved_by or "").startswith("settlement:")
    if done is None or (made.is_same and (is_settled or session.scalar(select(waiting)))):
        raise Conflict("Ce rapprochement ne peut pas, ou plus, être annulé.", code="pair_final")
    _say(session, made, Step.UNPAIRED if made.is_same else Step.APART_UNDONE, actor, now, words=note)
    if made.is_same:
        session.execute(delete(LineClaim).where(LineClaim.line_id == made.line_id, LineClaim.matched_by == BY_HAND))
        _compare(session, found, made, now)
    return _fresh(session, made.id)


def pairings_of(session: Session, break_id: UUID) -> Sequence[Pairing]:
    """Return what people answered about the line, or the order, of a break and what waits, oldest first."""
    found = session.get(Break, break_id)
    if found is None:
        return []
    of = Pairing.order_id == found.order_id if found.line_id is None else Pairing.line_id == found.line_id
    return session.scalars(select(Pairing).where(of).order_by(Pairing.proposed_at, Pairing.id)).all()


def may_be_named(session: Session, break_id: UUID) -> bool:
    """Say whether a person may name the order that the line of this break is: no reference joins it to one."""
    found = session.get(Break, break_id)
    if found is None or found.line_id is None or found.resolved_at is not None or found.kind not in PAIRED_KINDS:
        return False
    return not session.scalar(select(exists().where(StatedSum.line_id == found.line_id)))


def _both(session: Session, break_id: UUID, order_id: UUID) -> tuple[Break, StatementLine, Order]:
    found = _locked(session, Break.id == break_id)
    if found is None or found.line_id is None:
        raise NotFound("Cet écart n’existe pas : revenez à la liste.")
    order = session.scalar(
        select(Order).where(Order.id == order_id, own_order(found.partner_id)).execution_options(populate_existing=True)
    )
    if order is None:
        raise BadInput("Aucune recharge payée par un don de cet opérateur n’a cette référence.", field="order_ref")
    _check(session, found, order)
    return found, session.get_one(StatementLine, found.line_id), order


def _check(session: Session, found: Break, order: Order) -> None:
    """Refuse what is closed, replaced, summed up, no longer open, or settled already."""
    refuse_closed(session, found)
    alone = _locked(session, Break.order_id == order.id, Break.line_id.is_(None))
    if alone is not None:
        refuse_closed(session, alone)
    settled = exists().where(Break.order_id == order.id, Break.resolved_by.like("settlement:%"))
    is_sum = exists().where(StatedSum.line_id == found.line_id)
    if (
        found.resolved_at is not None
        or found.kind not in PAIRED_KINDS
        or session.scalar(select(or_(settled, is_sum)))
        or (found.statement_id is not None and replaced_by(session, found.statement_id) is not None)
    ):
        raise moved_on()


def _refuse_taken(session: Session, line_id: int, order_id: UUID, *, but: UUID | None = None) -> None:
    claim = exists().where(or_(LineClaim.line_id == line_id, LineClaim.order_id == order_id))
    same = _live(Pairing.is_same == 1, or_(Pairing.line_id == line_id, Pairing.order_id == order_id))
    if but is not None:
        same = same.where(Pairing.id != but)
    if session.scalar(select(claim)) or session.scalar(same) is not None:
        raise Conflict(
            "Cette ligne ou cette recharge est déjà rapprochée, ou une proposition attend déjà.", code="pair_taken"
        )


def _live(*which: ColumnElement[bool]) -> Select[Pairing]:
    return select(Pairing).where(*which, Pairing.undone_at.is_(None), Pairing.agreed.is_distinct_from(0))


def _match(session: Session, made: Pairing, found: Break, actor: str, now: datetime) -> Pairing:
    order = session.get_one(Order, made.order_id, populate_existing=True)
    _check(session, found, order)
    _refuse_taken(session, made.line_id, made.order_id, but=made.id)
    if not decide(session, made, agreed=1, actor=actor, now=now):
        raise decided()
    # Of two who match one of both at once, the database refuses one, which then runs again and finds it taken.
    session.add(LineClaim(order_id=made.order_id, line_id=made.line_id, matched_by=BY_HAND))
    session.flush()
    _say(session, made, Step.PAIRED, actor, now)
    _compare(session, found, made, now)
    return made


def _compare(session: Session, found: Break, made: Pairing, now: datetime) -> None:
    """Look at the two again, as a run over the whole statement would."""
    statement = session.get_one(Statement, found.statement_id)
    this = StatementLine.id == made.line_id
    settle(session, this, actor=f"statement:{statement.id}", now=now)
    keep(session, SEEN, look_at(this))
    keep(session, LOOSE, select(*LOOSE_FIELDS).where(this, ~exists().where(LineClaim.line_id == StatementLine.id)))
    refresh_pair(session, statement, made.line_id, made.order_id, now)


def _say(session: Session, made: Pairing, step: Step, actor: str, now: datetime, *, words: str | None = None) -> None:
    """Write the step under both breaks: each names the other side."""
    line = session.get_one(StatementLine, made.line_id)
    write_events(
        session,
        [
            event_row(
                one.id, step, now, side=Side.PROGRAMME, actor=actor, words=words,
                became=str(made.order_id) if one.line_id is not None else str(line.line),
            )
            for one in _breaks(session, made)
        ],
    )  # fmt: skip


def _breaks(session: Session, made: Pairing) -> Sequence[Break]:
    alone = (Break.order_id == made.order_id) & Break.line_id.is_(None)
    return session.scalars(select(Break).where(or_(Break.line_id == made.line_id, alone))).all()


def _break_of_line(session: Session, line_id: int) -> Break:
    found = _locked(session, Break.line_id == line_id)
    assert found is not None, "a line was matched by hand from its break"
    return found


def _locked(session: Session, *which: ColumnElement[bool]) -> Break | None:
    """Return the break as it stands, and let nobody book it until this is done."""
    asked = select(Break).where(*which).with_for_update()
    return session.scalar(asked.execution_options(populate_existing=True))


def _fresh(session: Session, pairing_id: UUID) -> Pairing:
    made = session.get(Pairing, pairing_id, populate_existing=True)
    if made is None:
        raise NotFound("Ce rapprochement n’existe pas : revenez à la liste.")
    return made
