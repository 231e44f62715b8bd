"""Articles on their way between branches: sent by one person, received by another, who says what is missing.

Nothing on its way can be given: it is in no branch's stock. Three things keep one article out of two parcels: the
compare-and-set on its state, its one place under way, and the number of its journey.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.fulfilment.articles import books
from voucher_service.fulfilment.articles.hand_over import read_serial
from voucher_service.fulfilment.articles.holding import FIRST_EXPIRING, IN_STOCK, can_be_given
from voucher_service.fulfilment.articles.models import Article, ArticleState
from voucher_service.fulfilment.articles.parcel_models import Parcel, ParcelArticle, ParcelState
from voucher_service.fulfilment.waiting import wake_waiting
from voucher_service.ids import local_day
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text

MOST = 1000
"""So many articles go into one parcel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product of a partner, as it lies on a shelf."""

    partner_id: UUID
    kind: str
    product_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is sent: the serials named, or so many of a product, those that expire first."""

    parcel_id: UUID
    from_branch_id: int
    to_branch_id: int
    serials: Sequence[str] = ()
    product: Product | None = None
    quantity: int = 0
    note: str = field(default="")


def send(session: Session, sending: Sending, *, actor: str, now: datetime) -> Parcel:
    """Send articles from one branch to another. The same parcel again answers with the first.

    Raises:
        NotFound: no such branch. BadInput: `to_branch_id`, `serials` or `quantity`.
        Conflict: `stock_too_small`: the branch has not that many; `article_moved`: someone was quicker.
    """
    known = session.get(Parcel, sending.parcel_id)
    if known is not None:
        return known
    for branch in (sending.from_branch_id, sending.to_branch_id):
        if session.get(Branch, branch) is None:
            raise NotFound("Cette antenne n’existe pas.")
    if sending.from_branch_id == sending.to_branch_id:
        raise BadInput("Choisissez une autre antenne que celle du départ.", field="to_branch_id")
    articles = _named(session, sending) if sending.serials else _next(session, sending, now)
    parcel = Parcel(
        id=sending.parcel_id,
        from_branch_id=sending.from_branch_id,
        to_branch_id=sending.to_branch_id,
        state=ParcelState.SENT.value,
        note=clean_text(sending.note, field="note", least=0, most=200),
        sent_by=actor,
        sent_at=now,
        ended_note="",
    )
    session.add(parcel)
    session.flush()
    pack(session, parcel.id, articles, arrived=None)
    ids = [article.id for article in articles]
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        moved = session.scalars(
            update(Article)
            .where(Article.id.in_(part), Article.branch_id == sending.from_branch_id, IN_STOCK)
            .values(state=ArticleState.IN_TRANSIT.value)
            .returning(Article.id)
            .execution_options(synchronize_session=False)
        ).all()
        if len(moved) < len(part):
            raise Conflict(
                "Un de ces articles vient de partir ou d’être remis : rechargez la page.", code="article_moved"
            )
    lots = [article.lot_id for article in articles]
    books.book_step(session, books.SENT, lots, _served(parcel.id), actor=actor, now=now)
    return parcel


def pack(session: Session, parcel_id: UUID, articles: Sequence[Article], *, arrived: int | None) -> None:
    """Write each article's place in the parcel, with the number of its journey."""
    ids = [article.id for article in articles]
    last: dict[UUID, int] = {}
    for start in range(0, len(ids), 500):
        counted = (
            select(ParcelArticle.article_id, func.max(ParcelArticle.number))
            .where(ParcelArticle.article_id.in_(ids[start : start + 500]))
            .group_by(ParcelArticle.article_id)
        )
        last.update((article, number) for article, number in session.execute(counted))
    session.add_all(
        ParcelArticle(parcel_id=parcel_id, article_id=one, number=last.get(one, 0) + 1, arrived=arrived) for one in ids
    )
    session.flush()


def _named(session: Session, sending: Sending) -> list[Article]:
    serials = list(dict.fromkeys(filter(None, map(read_serial, sending.serials))))
    if not 1 <= len(serials) <= MOST:
        raise BadInput("Un transfert porte 1 à {most} articles.", field="serials", most=MOST)
    found: dict[str, Article] = {}
    for article in session.scalars(select(Article).where(Article.serial.in_(serials))):
        found.setdefault(article.serial, article)
    for serial in serials:
        known = found.get(serial)
        if known is None or known.branch_id != sending.from_branch_id or known.state != ArticleState.IN_STOCK:
            raise BadInput("{serial} n’est pas en stock dans cette antenne.", field="serials", serial=serial)
    return [found[serial] for serial in serials]


def _next(session: Session, sending: Sending, now: datetime) -> list[Article]:
    product = sending.product
    if product is None or not 1 <= sending.quantity <= MOST:
        raise BadInput("Un transfert porte 1 à {most} articles.", field="quantity", most=MOST)
    first = (
        select(Article)
        .where(
            Article.branch_id == sending.from_branch_id,
            Article.partner_id == product.partner_id,
            Article.product_code == product.product_code,
            Article.kind == product.kind,
            can_be_given(local_day(now)),
        )
        .order_by(*FIRST_EXPIRING)
        .limit(sending.quantity)
        .with_for_update(skip_locked=True)
    )
    articles = list(session.scalars(first))
    if len(articles) < sending.quantity:
        raise Conflict(
            "L’antenne n’en a plus autant en stock : choisissez un nombre plus petit.", code="stock_too_small"
        )
    return articles


def receive(
    session: Session, *, parcel_id: UUID, missing: Collection[UUID], note: str, actor: str, now: datetime
) -> Parcel:
    """Receive a parcel at its branch; the articles in `missing` were not in it, and are lost until found.

    Raises:
        NotFound. SecondPersonNeeded: `actor` sent it. BadInput: `missing`, or `note` when something is missing.
        Conflict: `parcel_ended`: it was received or recalled before.
    """
    parcel = _get(session, parcel_id)
    if parcel.sent_by == actor:
        raise SecondPersonNeeded("Vous avez envoyé ce transfert : une autre personne le reçoit.")
    note = clean_text(note, field="note", least=3 if missing else 0, most=200)
    articles = articles_of(session, parcel_id)
    gone = [article for article in articles if article.id in missing]
    if len(gone) != len(set(missing)):
        raise BadInput("Un de ces articles n’est pas dans ce transfert.", field="missing")
    _end(session, parcel, ParcelState.RECEIVED, note, actor=actor, now=now)
    here = [article for article in articles if article.id not in missing]
    _arrive(session, parcel, here, branch_id=parcel.to_branch_id, arrived=1)
    _leave_lost(session, parcel, gone)
    served = _served(parcel_id)
    books.book_step(session, books.ARRIVED, [one.lot_id for one in here], served, actor=actor, now=now)
    books.book_step(session, books.LOST_ON_THE_WAY, [one.lot_id for one in gone], served, actor=actor, now=now)
    wake_waiting(session, branch_id=parcel.to_branch_id, now=now)
    return parcel


def recall(session: Session, *, parcel_id: UUID, note: str, actor: str, now: datetime) -> Parcel:
    """Take a parcel back that never left: everything is in stock again where it was.

    Raises:
        NotFound. BadInput: `note`. Conflict: `parcel_ended`.
    """
    parcel = _get(session, parcel_id)
    note = clean_text(note, field="note", least=3, most=200)
    articles = articles_of(session, parcel_id)
    _end(session, parcel, ParcelState.RECALLED, note, actor=actor, now=now)
    _arrive(session, parcel, articles, branch_id=parcel.from_branch_id, arrived=0)
    lots = [article.lot_id for article in articles]
    books.book_step(session, books.ARRIVED, lots, _served(parcel_id), actor=actor, now=now)
    wake_waiting(session, branch_id=parcel.from_branch_id, now=now)
    return parcel


def _get(session: Session, parcel_id: UUID) -> Parcel:
    parcel = session.get(Parcel, parcel_id)
    if parcel is None:
        raise NotFound("Ce transfert n’existe pas.")
    return parcel


def articles_of(session: Session, parcel_id: UUID) -> list[Article]:
    """Return what is, or was, in the parcel."""
    inside = select(ParcelArticle.article_id).where(ParcelArticle.parcel_id == parcel_id)
    return list(session.scalars(select(Article).where(Article.id.in_(inside)).order_by(Article.id)))


def _end(session: Session, parcel: Parcel, state: ParcelState, note: str, *, actor: str, now: datetime) -> None:
    ended = session.scalar(
        update(Parcel)
        .where(Parcel.id == parcel.id, Parcel.state == ParcelState.SENT.value)
        .values(state=state.value, ended_by=actor, ended_at=now, ended_note=note)
        .returning(Parcel.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(parcel)
    if ended is None:
        raise Conflict("Ce transfert a déjà été reçu ou rappelé : rechargez la page.", code="parcel_ended")


def _arrive(session: Session, parcel: Parcel, articles: Sequence[Article], *, branch_id: int, arrived: int) -> None:
    _unpack(session, parcel, articles, arrived, state=ArticleState.IN_STOCK.value, branch_id=branch_id)


def _leave_lost(session: Session, parcel: Parcel, articles: Sequence[Article]) -> None:
    _unpack(session, parcel, articles, 0, state=ArticleState.LOST.value)


def _unpack(session: Session, parcel: Parcel, articles: Sequence[Article], arrived: int, **values: object) -> None:
    ids = [article.id for article in articles]
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        moved = session.scalars(
            update(Article)
            .where(Article.id.in_(part), Article.state == ArticleState.IN_TRANSIT.value)
            .values(**values)
            .returning(Article.id)
            .execution_options(synchronize_session=False)
        ).all()
        assert len(moved) == len(part), f"parcel {parcel.id} was under way with an article that was not"
        session.execute(
            update(ParcelArticle)
            .where(ParcelArticle.parcel_id == parcel.id, ParcelArticle.article_id.in_(part))
            .values(arrived=arrived)
            .execution_options(synchronize_session=False)
        )


def _served(parcel_id: UUID) -> books.Served:
    return books.Served("parcel", str(parcel_id))
