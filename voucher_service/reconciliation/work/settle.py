"""Closing a break by a booking: proposed by one person, agreed to by another above the threshold, undone the same way.

Everything happens in one transaction, by compare-and-set: the break as it was proposed, the movement in the gift's
book, the order, the decision. Of two who decide at once, one does; a break that changed meanwhile is not booked.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.models import Order, StockItem
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.models import AccountKind, FloorBalance, Transfer
from voucher_service.partners.models import Agreement, Allocation, AllocationState
from voucher_service.partners.two_people import decide
from voucher_service.reconciliation.balances import compare
from voucher_service.reconciliation.breaks import gone
from voucher_service.reconciliation.closing.gift_end import is_tolerance_over
from voucher_service.reconciliation.closing.models import PeriodClose, is_closed, touches
from voucher_service.reconciliation.intake.sequence import REPLACED, replaced_by
from voucher_service.reconciliation.models import Break, Statement, StatementLine
from voucher_service.reconciliation.work import booking
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import Settlement, Side, Step, Way
from voucher_service.reconciliation.work.threshold import waits_for_second
from voucher_service.reconciliation.work.ways import Facts, movement, ways_of
from voucher_service.texts import clean_text

NOTE_MOST = 400


def facts_of(session: Session, break_id: UUID) -> Facts:
    """Return the break with what a booking of it needs to know. Raises NotFound."""
    found = session.get(Break, break_id, populate_existing=True)
    if found is None:
        raise NotFound("Cet écart n’existe pas : revenez à la liste.")
    order = None if found.order_id is None else session.get(Order, found.order_id, populate_existing=True)
    line = None if found.line_id is None else session.get(StatementLine, found.line_id)
    item = None
    if order is None and line is not None and line.serial is not None:
        same = (StockItem.partner_id == found.partner_id, StockItem.serial == line.serial)
        item = session.scalar(select(StockItem).where(*same).execution_options(populate_existing=True))
    ended = order is None or bool(session.scalar(select(exists().where(Transfer.resolves_id == order.hold_id))))
    balance = None if order is not None or line is not None else compare.balance_of(session, break_id)
    return Facts(found, order, item, ended, balance.allocation_id if balance else None)


def gifts_for(session: Session, found: Break) -> list[Allocation]:
    """Return the open gifts of the partner, in the break's unit, with enough left to bear it: first to end first."""
    query = (
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .join(FloorBalance, FloorBalance.account_id == Allocation.id * 100 + int(AccountKind.AVAILABLE))
        .where(Agreement.partner_id == found.partner_id, Allocation.unit == found.unit)
        .where(FloorBalance.balance >= abs(found.quantity))
        .where(Allocation.state == AllocationState.OPEN.value)
        .order_by(Allocation.valid_until, Allocation.id)
    )
    return list(session.scalars(query))


def propose(
    session: Session,
    break_id: UUID,
    *,
    way: Way,
    note: str,
    actor: str,
    now: datetime,
    allocation_id: int | None = None,
    side: Side = Side.PROGRAMME,
) -> Settlement:
    """Propose the booking; below the threshold it is booked at once. `allocation_id` only where no order asked for it.

    Of a number that no statement has, only the partner (`side`) can say that it never served; the programme agrees.

    Raises:
        BadInput: `note`, `way` (not for this break or this side), `allocation_id`. NotFound.
        Conflict: `settlement_pending`: a proposal waits already. `period_closed`. `allocation_exhausted`.
            `gift_tolerance_over`: the gift ended more than a month ago, and would pay what the partner counts more.
    """
    facts = facts_of(session, break_id)
    note = clean_text(note, field="note", least=3, most=NOTE_MOST)
    refuse_closed(session, facts.found)
    if way not in ways_of(facts, side):
        raise BadInput("Cet écart ne peut pas être réglé ainsi : rechargez la page.", field="way")
    _refuse_twice(session, facts.found)
    gift = _gift(session, facts, allocation_id)
    _refuse_over(session, facts, way, gift, now)
    return _propose(session, facts.found, way, note, actor, now, allocation_id=gift, side=side)


def propose_undo(session: Session, settlement_id: UUID, *, note: str, actor: str, now: datetime) -> Settlement:
    """Propose the counter-booking of a settlement; then the break is open again.

    Raises:
        BadInput: `note`. NotFound. Conflict: `settlement_final`: it is not (any more) one that can be undone.
    """
    note = clean_text(note, field="note", least=3, most=NOTE_MOST)
    settled = session.get(Settlement, settlement_id)
    if settled is None:
        raise NotFound("Ce règlement n’existe pas : revenez à la liste.")
    found = session.get_one(Break, settled.break_id, populate_existing=True)
    refuse_closed(session, found)
    if not can_undo(found, settled):
        raise Conflict("Ce règlement ne peut pas, ou plus, être annulé.", code="settlement_final")
    return _propose(session, found, Way.UNDO, note, actor, now, allocation_id=settled.allocation_id, undoes=settled.id)


def can_undo(found: Break, settled: Settlement) -> bool:
    """Say whether this settlement closed the break and has a counter-booking.

    A late delivery and a used code have none: the order was decided on, the code is spent.
    """
    return (
        found.resolved_by == booking.closed_by(settled.id)
        and settled.way in {Way.THEIRS.value, Way.WRITE_OFF.value, Way.TOLERANCE.value}
        and settled.kind not in booking.FINAL
    )


def _propose(
    session: Session, found: Break, way: Way, note: str, actor: str, now: datetime,
    *, allocation_id: int | None, undoes: UUID | None = None, side: Side = Side.PROGRAMME,
) -> Settlement:  # fmt: skip
    # Of two at once the database refuses one, which then runs again and finds the other here.
    waiting = (Settlement.break_id == found.id, Settlement.decided_at.is_(None))
    if session.scalar(select(Settlement.id).where(*waiting)) is not None:
        raise Conflict("Une proposition attend déjà : acceptez-la ou retirez-la.", code="settlement_pending")
    made = Settlement(
        id=new_id(), break_id=found.id, way=way.value, kind=found.kind, quantity=found.quantity, unit=found.unit,
        allocation_id=allocation_id, note=note, needs_second_person=int(_waits(session, found, way, actor, now)),
        proposed_by=actor, proposed_at=now, undoes_id=undoes,
    )  # fmt: skip
    session.add(made)
    session.flush()
    said = event_row(found.id, Step.PROPOSED, now, side=side, actor=actor, words=note, became=way.value)
    write_events(session, [said])
    return made if made.needs_second_person else _book(session, made, actor, now)


def agree(session: Session, settlement_id: UUID, *, actor: str, now: datetime) -> Settlement:
    """Agree, and book. The same person agreeing again gets the same answer.

    Raises:
        NotFound. SecondPersonNeeded: `actor` proposed it. Conflict: `settlement_decided`, `break_moved_on` (it has
        changed since it was proposed), `period_closed`, `allocation_exhausted`.
    """
    made = _fresh(session, settlement_id)
    if made.agreed == 1 and made.decided_by == actor:
        return made
    if made.proposed_by == actor:
        raise SecondPersonNeeded("Vous avez proposé ce règlement : une autre personne doit donner son accord.")
    if made.decided_at is not None:
        raise decided()
    return _book(session, made, actor, now)


def withdraw(session: Session, settlement_id: UUID, *, actor: str, now: datetime) -> Settlement:
    """Take a proposal back, one's own or another's. Raises NotFound, Conflict: `settlement_decided`."""
    made = _fresh(session, settlement_id)
    if not decide(session, made, agreed=0, actor=actor, now=now):
        raise decided()
    write_events(session, [event_row(made.break_id, Step.WITHDRAWN, now, side=Side.PROGRAMME, actor=actor)])
    return made


def _book(session: Session, made: Settlement, actor: str, now: datetime) -> Settlement:
    refuse_closed(session, session.get_one(Break, made.break_id))
    transfer_id = booking.book(session, made, facts_of(session, made.break_id), actor=actor, now=now)
    if not decide(session, made, agreed=1, actor=actor, now=now, transfer_id=transfer_id):
        raise decided()
    step = Step.RETURNED if made.way == Way.UNDO.value else Step.BOOKED
    said = event_row(made.break_id, step, now, side=Side.PROGRAMME, actor=actor, became=made.way)
    write_events(session, [said])
    found = session.get_one(Break, made.break_id)
    if found.statement_id is not None and replaced_by(session, found.statement_id) is not None:
        # What was undone is of a line that no longer counts; that of the corrected statement has a break of its own.
        # Only now: closing a break withdraws what still waits for it.
        gone(session, Break.id == found.id, true(), now, note=REPLACED)
    # What is left of the gift may agree now, or not any more.
    compare.refresh_partner(session, found.partner_id, now)
    return made


def _waits(session: Session, found: Break, way: Way, actor: str, now: datetime) -> bool:
    if way is Way.NO_VALUE:
        return True
    return waits_for_second(
        session, partner_id=found.partner_id, unit=found.unit, quantity=abs(found.quantity), actor=actor, now=now
    )


def settled_by_another(session: Session, found: Break, *which: ColumnElement[bool]) -> UUID | None:
    """Return the break that a booking for the same order closed; None: there is none."""
    if found.order_id is None:
        return None
    other = select(Break.id).where(Break.order_id == found.order_id, Break.id != found.id, *which)
    return session.scalar(other.where(Break.resolved_by.like("settlement:%")).limit(1))


def _refuse_twice(session: Session, found: Break) -> None:
    """Refuse a second booking for one order: a corrected statement may tell of the same difference again."""
    if settled_by_another(session, found, Break.kind == found.kind) is not None:
        raise Conflict(
            "Cette recharge a déjà été réglée par un autre écart : annulez d’abord ce règlement.", code="order_settled"
        )


def _gift(session: Session, facts: Facts, allocation_id: int | None) -> int | None:
    if not facts.needs_gift:
        return facts.gift if facts.order is None else facts.order.allocation_id
    if allocation_id not in {gift.id for gift in gifts_for(session, facts.found)}:
        raise BadInput("Choisissez la dotation qui porte cette perte.", field="allocation_id")
    return allocation_id


def _refuse_over(session: Session, facts: Facts, way: Way, allocation_id: int | None, now: datetime) -> None:
    """Refuse that a gift whose time and tolerance are over pays more than we booked: the rest goes back, or is lost.

    A late delivery, which has no other booking, is not refused.
    """
    moves = movement(facts, way)
    pays = moves is not None and (moves.source, moves.destination) == (AccountKind.AVAILABLE, AccountKind.DELIVERED)
    gift = session.get(Allocation, allocation_id) if pays else None
    if gift is not None and is_tolerance_over(session, gift, local_day(now)):
        raise Conflict(
            "La dotation est finie et son mois de tolérance passé : elle ne paie plus rien de plus. "
            "Faites corriger l’opérateur, ou passez en perte.",
            code="gift_tolerance_over",
        )


def refuse_closed(session: Session, found: Break) -> None:
    """Refuse what would move in a closed month; the database would refuse it too. Raises Conflict `period_closed`."""
    spans: ColumnElement[bool]
    balance = compare.balance_of(session, found.id)
    if balance is not None:
        spans = touches(balance.as_of, balance.as_of)
    elif found.statement_id is None:
        spans = (PeriodClose.from_at <= found.found_at) & (PeriodClose.until_at > found.found_at)
    else:
        of = session.get_one(Statement, found.statement_id)
        spans = touches(of.first_day, of.last_day)
    if is_closed(session, found.partner_id, spans):
        raise Conflict("Cet écart est dans un mois clos : plus rien n’y bouge.", code="period_closed")


def _fresh(session: Session, settlement_id: UUID) -> Settlement:
    made = session.get(Settlement, settlement_id, populate_existing=True)
    if made is None:
        raise NotFound("Ce règlement n’existe pas : revenez à la liste.")
    return made


def decided() -> Conflict:
    """Return the refusal of a second decision."""
    return Conflict("Cette proposition est déjà décidée : rechargez la page.", code="settlement_decided")
