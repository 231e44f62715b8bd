"""How stock leaves other than to a person: past its day, lost, or given back to the donor.

Each piece moves in its lot's book and its row changes state in the same transaction, so that the equation of the
stock-take (received = held + delivered + expired + returned + lost) can be held against the ledger at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.articles.leaving import expire_articles, is_about_articles, leave, name_articles
from voucher_service.fulfilment.articles.models import ArticleLot
from voucher_service.fulfilment.custody_models import ActKind, ActState, StockAct
from voucher_service.fulfilment.models import ItemState, Lot, StockItem
from voucher_service.ids import local_day
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.policies import check_range, needs_second_person
from voucher_service.texts import clean_text
from voucher_service.units import Unit

SPLIT_WINDOW = timedelta(hours=24)
"""What one person takes out of one lot within this time counts as one act for the second person."""

_LEAVES = {
    ActKind.LOST: (ItemState.LOST, AccountKind.WRITTEN_OFF, Reason.WRITTEN_OFF),
    ActKind.RETURNED: (ItemState.RETURNED, AccountKind.RETURNED_TO_DONOR, Reason.RETURNED),
}


def take_out(
    session: Session,
    *,
    act_id: UUID,
    lot_id: int,
    kind: ActKind,
    quantity: int = 0,
    serials: Sequence[str] = (),
    reason: str,
    actor: str,
    now: datetime,
) -> StockAct:
    """Take codes of a lot out of stock, those that expire first; above the threshold only ask for it.

    Of codes it takes `quantity`; articles are named by their `serials`. The same `act_id` again answers with the
    first act.

    Raises:
        BadInput: the quantity, the serials or the reason. NotFound: no such lot.
        Conflict: `stock_too_small`: the lot has not that many in stock.
    """
    known = session.get(StockAct, act_id)
    if known is not None:
        return known
    lot = session.scalar(select(Lot).where(Lot.id == lot_id).with_for_update())
    if lot is None:
        raise NotFound("Ce lot n’existe pas.")
    reason = clean_text(reason, field="reason", least=3, most=200)
    if (session.get(ArticleLot, lot_id) is not None) != bool(serials):
        raise BadInput("Les articles se nomment par leur numéro de série, les codes se comptent.", field="serials")
    quantity = len(serials) or quantity
    check_range("quantity", quantity, 1, lot.quantity)
    recent = session.scalar(
        select(func.coalesce(func.sum(StockAct.quantity), 0)).where(
            StockAct.lot_id == lot_id,
            StockAct.created_by == actor,
            StockAct.created_at > now - SPLIT_WINDOW,
            StockAct.state != ActState.DECLINED.value,
        )
    )
    waits = needs_second_person(session, Unit.PIECE, quantity + int(recent or 0), local_day(now))
    act = StockAct(
        id=act_id,
        lot_id=lot_id,
        kind=kind.value,
        quantity=quantity,
        reason=reason,
        state=(ActState.PENDING if waits else ActState.DONE).value,
        needs_second_person=int(waits),
        created_by=actor,
        created_at=now,
    )
    session.add(act)
    session.flush()
    name_articles(session, act, serials)
    if not waits:
        _leave(session, act, actor, now)
    return act


def decide(session: Session, act_id: UUID, *, agree: bool, actor: str, now: datetime) -> StockAct:
    """Agree to an act that waits, or decline it; who asked may decline but not agree.

    Raises:
        NotFound. SecondPersonNeeded: `actor` asked for it. Conflict: `act_not_pending`; `stock_too_small`.
    """
    act = session.get(StockAct, act_id)
    if act is None:
        raise NotFound("Cette demande n’existe pas.")
    if agree and act.created_by == actor:
        raise SecondPersonNeeded("Vous avez fait cette demande : une autre personne doit l’approuver.")
    state = ActState.DONE if agree else ActState.DECLINED
    won = session.scalar(
        update(StockAct)
        .where(StockAct.id == act_id, StockAct.state == ActState.PENDING.value)
        .values(state=state.value, decided_by=actor, decided_at=now)
        .returning(StockAct.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(act)
    if won is None:
        raise Conflict("Cette demande a déjà été décidée : rechargez la page.", code="act_not_pending")
    if agree:
        _leave(session, act, actor, now)
    return act


def _leave(session: Session, act: StockAct, actor: str, now: datetime) -> None:
    if is_about_articles(session, act):
        leave(session, act, actor=actor, now=now)
        return
    state, account, reason = _LEAVES[ActKind(act.kind)]
    first = (
        select(StockItem.id)
        .where(StockItem.lot_id == act.lot_id, StockItem.state == ItemState.IN_STOCK.value)
        .order_by(StockItem.sell_by, StockItem.id)
        .limit(act.quantity)
        .with_for_update(skip_locked=True)
    )
    taken = _mark(session, session.scalars(first).all(), state)
    if taken < act.quantity:
        raise Conflict("Ce lot n’a plus autant de codes en stock : rechargez la page.", code="stock_too_small")
    _post(session, f"stock:{act.id}", act.lot_id, account, reason, taken, actor=actor, now=now)


def _mark(session: Session, ids: Sequence[UUID], state: ItemState) -> int:
    marked = 0
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        done = session.scalars(
            update(StockItem)
            .where(StockItem.id.in_(part), StockItem.state == ItemState.IN_STOCK.value)
            .values(state=state.value)
            .returning(StockItem.id)
            .execution_options(synchronize_session=False)
        )
        marked += len(done.all())
    return marked


def _post(
    session: Session, key: str, lot_id: int, to: AccountKind, reason: Reason, many: int, *, actor: str, now: datetime
) -> None:
    entry = Entry(
        key=key,
        book_id=lot_id,
        source=AccountKind.AVAILABLE,
        destination=to,
        unit=Unit.PIECE,
        quantity=many,
        reason=reason,
        object_kind="lot",
        object_id=str(lot_id),
    )
    post(session, [entry], actor=actor, occurred_at=now, now=now)


def expire_stock(session: Session, now: datetime) -> int:
    """Take every code and article out of stock whose last day is over; return how many. Idempotent."""
    day, total = local_day(now), expire_articles(session, now)
    over = (StockItem.state == ItemState.IN_STOCK.value, StockItem.sell_by < day)
    for lot_id in session.scalars(select(StockItem.lot_id).where(*over).distinct().order_by(StockItem.lot_id)).all():
        ids = session.scalars(
            select(StockItem.id).where(StockItem.lot_id == lot_id, *over).with_for_update(skip_locked=True)
        ).all()
        many = _mark(session, ids, ItemState.EXPIRED)
        if many:
            key = f"stock-expired:{lot_id}:{now.isoformat()}"
            _post(session, key, lot_id, AccountKind.WRITTEN_OFF, Reason.EXPIRED, many, actor="clock", now=now)
        total += many
    return total
