"""Articles that leave stock other than to a person or a branch: lost, given back to the donor, past their day.

A thing in a hand is named by its serial. As with codes, above a threshold of pieces another person agrees first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict
from voucher_service.fulfilment.articles import books
from voucher_service.fulfilment.articles.hand_over import read_serial
from voucher_service.fulfilment.articles.holding import IN_STOCK
from voucher_service.fulfilment.articles.models import Article, ArticleState, StockActArticle
from voucher_service.fulfilment.custody_models import ActKind, StockAct
from voucher_service.ids import local_day

STEPS = {
    ActKind.LOST: (ArticleState.LOST, books.LOST),
    ActKind.RETURNED: (ArticleState.RETURNED, books.RETURNED),
}


def name_articles(session: Session, act: StockAct, serials: Sequence[str]) -> None:
    """Write down which articles of the lot the act is about.

    Raises:
        BadInput: `serials`: one is not in stock in this lot, or named twice.
    """
    wanted = [read_serial(serial) for serial in serials]
    theirs = select(Article.serial, Article.id).where(
        Article.lot_id == act.lot_id, Article.serial.in_(wanted), IN_STOCK
    )
    found: dict[str, UUID] = {serial: article for serial, article in session.execute(theirs)}  # noqa: C416  # rows
    for serial in wanted:
        if serial not in found:
            raise BadInput("{serial} n’est pas en stock dans ce lot.", field="serials", serial=serial)
    if len(set(wanted)) != len(wanted):
        raise BadInput("Un numéro de série est écrit deux fois.", field="serials")
    session.add_all(StockActArticle(act_id=act.id, article_id=found[serial]) for serial in wanted)
    session.flush()


def leave(session: Session, act: StockAct, *, actor: str, now: datetime) -> None:
    """Take the articles of the act out of stock.

    Raises:
        Conflict: `article_moved`: one of them was given, sent or counted out meanwhile.
    """
    state, step = STEPS[ActKind(act.kind)]
    named = session.scalars(select(StockActArticle.article_id).where(StockActArticle.act_id == act.id)).all()
    if _mark(session, named, state) < len(named):
        raise Conflict("Un de ces articles n’est plus en stock : refusez la demande.", code="article_moved")
    served = books.Served("act", str(act.id))
    books.book_step(session, step, [act.lot_id] * len(named), served, actor=actor, now=now)


def is_about_articles(session: Session, act: StockAct) -> bool:
    """Say whether the act names articles; otherwise it counts codes."""
    return session.scalar(select(StockActArticle.act_id).where(StockActArticle.act_id == act.id).limit(1)) is not None


def expire_articles(session: Session, now: datetime) -> int:
    """Take every article out of stock whose last day is over; return how many. Idempotent."""
    over = (IN_STOCK, Article.sell_by < local_day(now))
    rows = session.execute(select(Article.id, Article.lot_id).where(*over).with_for_update(skip_locked=True)).all()
    total = 0
    for lot in sorted({lot for _article, lot in rows}):
        ids = [article for article, its_lot in rows if its_lot == lot]
        many = _mark(session, ids, ArticleState.EXPIRED)
        served = books.Served("lot", str(lot))
        books.book_step(session, books.EXPIRED, [lot] * many, served, actor="clock", now=now, at=now.isoformat())
        total += many
    return total


def _mark(session: Session, ids: Sequence[UUID], state: ArticleState) -> int:
    marked = 0
    for start in range(0, len(ids), 500):
        done = session.scalars(
            update(Article)
            .where(Article.id.in_(ids[start : start + 500]), IN_STOCK)
            .values(state=state.value)
            .returning(Article.id)
            .execution_options(synchronize_session=False)
        )
        marked += len(done.all())
    return marked
