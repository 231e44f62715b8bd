"""Taking a redemption back at the counter: by whom had scanned, within ten minutes, while nothing has left.

The visit stays and is marked by a row of its own; value and price go back by transfers of their own. The scan
keeps its first outcome for whoever sends it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, NotFound
from voucher_service.fulfilment.claim import is_at
from voucher_service.fulfilment.decide import UNDONE
from voucher_service.fulfilment.models import Attempt, AttemptOutcome, Order, OrderState
from voucher_service.fulfilment.settle import give_back
from voucher_service.fulfilment.stock import put_back
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import Entry, post
from voucher_service.texts import clean_text
from voucher_service.units import Unit
from voucher_service.visits.follow_up import ScanLine
from voucher_service.visits.models import Scan, Visit, VisitUndo
from voucher_service.vouchers.life import expire_due

UNDO_WITHIN = timedelta(minutes=10)
"""Counted by our clock, from when the redemption reached us."""

MAX_REASON = 200

_STAYED = (AttemptOutcome.NOT_SENT, AttemptOutcome.INTERNAL, AttemptOutcome.STOCK_EMPTY, AttemptOutcome.HELD)
"""What came back of attempts of which nothing can have left the house."""


def _refused_scan() -> Conflict:
    return Conflict("Ce bon avait été refusé : il n’y a rien à annuler.", code="nothing_to_undo")


def _given_back() -> Conflict:
    return Conflict("La recharge n’a pas été faite et le bon est déjà rendu.", code="nothing_to_undo")


def _too_late() -> Conflict:
    return Conflict("Plus de 10 minutes ont passé : appelez la coordination.", code="undo_too_late")


def _sent() -> Conflict:
    return Conflict("La recharge est peut-être déjà partie : elle ne s’annule plus.", code="undo_sent")


def _shown() -> Conflict:
    return Conflict("Le code de recharge a été montré : il ne s’annule plus.", code="undo_code_shown")


def _handed() -> Conflict:
    return Conflict("L’article a été remis : le passage ne s’annule plus.", code="undo_handed_over")


def undo(session: Session, *, scan_id: UUID, staff_id: UUID, reason: str, now: datetime) -> VisitUndo:
    """Take the scan's redemption back, whole; undoing it again changes nothing and returns the first undo.

    The voucher lives again, or goes back to its gift when its last day is over.

    Raises:
        NotFound: no such scan of this member of staff.
        BadInput: `reason`: 3 to 200 characters.
        Conflict: see `refusal`; also when the deliverer was quicker.
    """
    scan = session.get(Scan, scan_id)
    if scan is None or scan.staff_id != staff_id:
        raise NotFound("Ce passage n’existe pas, ou n’est pas de votre service.")
    if (known := _undone(session, scan)) is not None:
        return known
    reason = clean_text(reason, field="reason", most=MAX_REASON, least=3)
    order = session.get(Order, scan.order_id, populate_existing=True) if scan.order_id else None
    why_not = refusal(session, scan, order, now=now)
    if order is None or why_not is not None:
        # A double click's first request may have ended between the two reads above.
        return _first_or_refuse(session, scan, why_not or _refused_scan())
    actor = f"staff:{staff_id}"
    if order.state == OrderState.HELD and not put_back(session, order_id=order.id, actor=actor, now=now):
        return _first_or_refuse(session, scan, _shown())
    # The deliverer's claim changes what stands here: of the two, one wins.
    at = is_at(order.id, order.state, order.tries, order.queries)
    if not give_back(session, at, code=UNDONE, actor=actor, occurred_at=now, now=now, reason=Reason.UNDONE):
        return _first_or_refuse(session, scan, _sent())
    refund_id = _refund(session, scan_id, order.id, actor=actor, now=now)
    visit_id = session.scalars(select(Visit.id).where(Visit.scan_id == scan_id)).one()
    undone = VisitUndo(
        visit_id=visit_id, order_id=order.id, refund_id=refund_id, staff_id=staff_id, undone_at=now, reason=reason
    )
    session.add(undone)
    session.flush()
    expire_due(session, now=now, only=scan.voucher_id)  # last: it may move the gift's kept balance
    return undone


def refusal(session: Session, scan: Scan, order: Order | None, *, now: datetime) -> Conflict | None:
    """Return why the scan, not undone yet, cannot be undone at `now`; None when it can."""
    if order is None:
        return _refused_scan()
    if now - scan.received_at > UNDO_WITHIN:
        return _too_late()
    if order.state == OrderState.GIVEN_BACK:
        return _given_back()
    if order.state == OrderState.DELIVERED and order.number_sealed is None:
        return _handed() if order.unit == Unit.PIECE.value else _shown()
    if order.state not in {OrderState.WAITING, OrderState.HELD}:
        return _sent()
    attempts = session.scalars(select(Attempt.outcome).where(Attempt.order_id == order.id))
    return _sent() if any(outcome not in _STAYED for outcome in attempts) else None


@dataclass(frozen=True, slots=True)
class Undoing:
    """Of one accepted scan: that it was undone, or why it cannot be; neither: it can."""

    undone: VisitUndo | None
    refusal: Conflict | None


def undoing(session: Session, lines: Iterable[ScanLine], *, now: datetime) -> Mapping[UUID, Undoing]:
    """Return how it stands with undoing the accepted scans among `lines`, by scan."""
    accepted = [line for line in lines if line.order is not None]
    found = select(VisitUndo).where(VisitUndo.order_id.in_([line.scan.order_id for line in accepted]))
    undone = {each.order_id: each for each in session.scalars(found)}
    told = {}
    for line in accepted:
        known = undone.get(line.order.id) if line.order else None
        told[line.scan.id] = Undoing(known, None if known else refusal(session, line.scan, line.order, now=now))
    return told


def _undone(session: Session, scan: Scan) -> VisitUndo | None:
    return session.scalar(select(VisitUndo).where(VisitUndo.order_id == scan.order_id))


def _first_or_refuse(session: Session, scan: Scan, why_not: Conflict) -> VisitUndo:
    """Return the undo that the same person's other request has just made, else refuse: nothing of ours is kept."""
    known = _undone(session, scan)
    if known is None:
        raise why_not
    return known


def _refund(session: Session, scan_id: UUID, order_id: UUID, *, actor: str, now: datetime) -> UUID | None:
    """Give the price paid back out of the till it went into; None when nothing was paid."""
    price = session.scalar(select(Transfer).where(Transfer.key == f"price:{scan_id}"))
    if price is None:
        return None
    entry = Entry(
        key=f"unprice:{scan_id}",
        book_id=price.source_id // 100,
        source=AccountKind.TILL,
        destination=AccountKind.PERSON,
        unit=Unit(price.unit),
        quantity=price.quantity,
        reason=Reason.PRICE_RETURNED,
        object_kind="order",
        object_id=str(order_id),
        corrects=price.id,
    )
    (refund_id,) = post(session, [entry], actor=actor, occurred_at=now, now=now)
    return refund_id
