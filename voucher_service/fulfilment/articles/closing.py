"""Closing a stock-take: what differs, found again from how things stand now, and booked by a second person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, SecondPersonNeeded
from voucher_service.fulfilment.articles import books, counts
from voucher_service.fulfilment.articles.count_models import CountLine, CountState, CountStray, Finding, StockCount
from voucher_service.fulfilment.articles.holding import IN_STOCK
from voucher_service.fulfilment.articles.models import Article, ArticleState
from voucher_service.fulfilment.articles.parcel_models import Parcel, ParcelState
from voucher_service.fulfilment.articles.parcels import pack
from voucher_service.fulfilment.waiting import wake_waiting
from voucher_service.ids import new_id
from voucher_service.texts import clean_text


class Difference(NamedTuple):
    """An article of which the shelf and the list do not say the same, and what that is called."""

    article: Article
    finding: Finding


BOOKED = (Finding.MISSING, Finding.FOUND, Finding.ELSEWHERE)


def differences(session: Session, count: StockCount) -> list[Difference]:
    """Return what differs, in the order of serials; of a closed stock-take, what was found when it was closed."""
    query = (
        select(CountLine, Article)
        .join(Article, Article.id == CountLine.article_id)
        .where(CountLine.count_id == count.id, or_(CountLine.expected == 0, CountLine.seen_by.is_(None)))
        .order_by(Article.kind, Article.serial)
        .execution_options(populate_existing=True)
    )
    rows = session.execute(query).all()
    if count.state == CountState.CLOSED:
        return [Difference(article, Finding(line.finding)) for line, article in rows if line.finding]
    return [Difference(article, judge(count.branch_id, line, article)) for line, article in rows]


def judge(branch_id: int, line: CountLine, article: Article) -> Finding:
    """Return what is to be said of an article that was expected and not seen, or seen and not expected."""
    here = article.branch_id == branch_id
    if line.seen_by is None:
        if here and article.state == ArticleState.IN_STOCK:
            return Finding.MISSING
        return Finding.SET_ASIDE if here and article.state == ArticleState.HELD else Finding.EXPLAINED
    if article.state == ArticleState.LOST:
        return Finding.FOUND
    if article.state == ArticleState.IN_STOCK:
        return Finding.EXPLAINED if here else Finding.ELSEWHERE
    return Finding.EXPLAINED if here and article.state == ArticleState.HELD else Finding.MISPLACED


def strays(session: Session, count_id: UUID) -> list[CountStray]:
    """Return the serials seen that no lot has brought."""
    return list(session.scalars(select(CountStray).where(CountStray.count_id == count_id).order_by(CountStray.serial)))


def close(session: Session, *, count_id: UUID, reason: str, actor: str, now: datetime) -> StockCount:
    """Close a submitted stock-take: what is missing is lost, what was found is back, what lay here moves here.

    Raises:
        NotFound. SecondPersonNeeded: `actor` submitted it. BadInput: `reason`, when something is booked.
        Conflict: `count_not_open`; `article_moved`: an article changed just now, look again.
    """
    count = counts.get(session, count_id)
    if count.submitted_by == actor:
        raise SecondPersonNeeded("Vous avez terminé ce comptage : une autre personne le clôt.")
    submitted_by = count.submitted_by or ""
    found = differences(session, count)
    booked = any(one.finding in BOOKED for one in found)
    reason = clean_text(reason, field="reason", least=3 if booked else 0, most=200)
    counts.change(
        session, count_id, CountState.SUBMITTED, state=CountState.CLOSED, closed_by=actor, closed_at=now, reason=reason
    )
    for finding in Finding:
        _write(session, count_id, finding, [one.article.id for one in found if one.finding is finding])
    here = {finding: [one.article for one in found if one.finding is finding] for finding in BOOKED}
    served = books.Served("count", str(count_id))
    for finding, step, values in (
        (Finding.MISSING, books.LOST, {"state": ArticleState.LOST.value}),
        (Finding.FOUND, books.FOUND, {"state": ArticleState.IN_STOCK.value, "branch_id": count.branch_id}),
        (Finding.ELSEWHERE, None, {"branch_id": count.branch_id}),
    ):
        articles = here[finding]
        _move(session, articles, finding, **values)
        if step is not None:
            books.book_step(session, step, [one.lot_id for one in articles], served, actor=actor, now=now)
    came = [one for one in (*here[Finding.FOUND], *here[Finding.ELSEWHERE]) if one.branch_id != count.branch_id]
    _as_journeys(session, count, came, submitted_by, actor=actor, now=now)
    _write_present(session, count_id)
    wake_waiting(session, branch_id=count.branch_id, now=now)
    return count


def _move(session: Session, articles: Sequence[Article], finding: Finding, **values: object) -> None:
    still = Article.state == ArticleState.LOST.value if finding is Finding.FOUND else IN_STOCK
    for article in articles:
        moved = session.scalar(
            update(Article)
            .where(Article.id == article.id, Article.branch_id == article.branch_id, still)
            .values(**values)
            .returning(Article.id)
            .execution_options(synchronize_session=False)
        )
        if moved is None:
            raise Conflict("Un article vient de changer d’état : rechargez la page.", code="article_moved")


def _as_journeys(
    session: Session, count: StockCount, articles: Sequence[Article], sent_by: str, *, actor: str, now: datetime
) -> None:
    """Write down for each branch that what lay here, and belonged there, has come here: the story stays whole."""
    for origin in sorted({article.branch_id for article in articles}):
        parcel = Parcel(
            id=new_id(),
            from_branch_id=origin,
            to_branch_id=count.branch_id,
            state=ParcelState.RECEIVED.value,
            note="",
            sent_by=sent_by,
            sent_at=now,
            ended_by=actor,
            ended_at=now,
            ended_note="",
            count_id=count.id,
        )
        session.add(parcel)
        session.flush()
        pack(session, parcel.id, [one for one in articles if one.branch_id == origin], arrived=1)


def _write(session: Session, count_id: UUID, finding: Finding, ids: Sequence[UUID]) -> None:
    for start in range(0, len(ids), 500):
        session.execute(
            update(CountLine)
            .where(CountLine.count_id == count_id, CountLine.article_id.in_(ids[start : start + 500]))
            .values(finding=finding.value)
            .execution_options(synchronize_session=False)
        )


def _write_present(session: Session, count_id: UUID) -> None:
    session.execute(
        update(CountLine)
        .where(CountLine.count_id == count_id, CountLine.finding.is_(None))
        .values(finding=Finding.PRESENT.value)
        .execution_options(synchronize_session=False)
    )
