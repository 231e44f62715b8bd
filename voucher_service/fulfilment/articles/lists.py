"""What screens list of articles, transfers and stock-takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment.articles.count_models import CountLine, CountState, StockCount
from voucher_service.fulfilment.articles.models import Article, ArticleKind, ArticleLot, ArticleState
from voucher_service.fulfilment.articles.parcel_models import Parcel, ParcelArticle, ParcelState
from voucher_service.fulfilment.articles.parcels import Product
from voucher_service.fulfilment.models import Lot
from voucher_service.partners.models import Partner

LOW = 5
"""Below this many of a product a branch is told to ask for a transfer: about a week of one branch."""

ON_SHELVES = (ArticleState.IN_STOCK, ArticleState.HELD, ArticleState.IN_TRANSIT)


@dataclass(slots=True)
class ArticleShelf:
    """One product at one branch; `earliest` is the first last day among those in stock."""

    branch_id: int
    partner: str
    product: Product
    many: Counter[ArticleState] = field(default_factory=Counter)
    earliest: date | None = None

    @property
    def in_stock(self) -> int:
        """Return how many can be given out now."""
        return self.many[ArticleState.IN_STOCK]

    @property
    def is_low(self) -> bool:
        """Say whether it is time to ask for a transfer; a workshop is allowed to be full."""
        return self.in_stock < LOW and self.product.kind != ArticleKind.SEAT


def shelves(session: Session, *, branch_id: int | None = None) -> list[ArticleShelf]:
    """Return what lies where: each product of each branch that ever had some, by branch and product."""
    rows = (
        select(
            Article.branch_id,
            Article.partner_id,
            Partner.name,
            Article.kind,
            Article.product_code,
            Article.state,
            func.count(),
            func.min(Article.sell_by),
        )
        .join(Partner, Partner.id == Article.partner_id)
        .group_by(
            Article.branch_id, Article.partner_id, Partner.name, Article.kind, Article.product_code, Article.state
        )
        .order_by(Article.branch_id, Article.kind, Article.product_code)
    )
    if branch_id is not None:
        rows = rows.where(Article.branch_id == branch_id)
    found: dict[tuple[int, UUID, str, str], ArticleShelf] = {}
    for branch, partner_id, partner, kind, code, state, many, earliest in session.execute(rows):
        product = Product(partner_id=partner_id, kind=kind, product_code=code)
        shelf = found.setdefault((branch, partner_id, kind, code), ArticleShelf(branch, partner, product))
        shelf.many[ArticleState(state)] = many
        if state == ArticleState.IN_STOCK:
            shelf.earliest = earliest
    return list(found.values())


def articles_query(
    *, branch_id: int | None = None, product: str = "", state: ArticleState | None = None
) -> Select[Article]:
    """Return the query for articles."""
    query = select(Article)
    if branch_id is not None:
        query = query.where(Article.branch_id == branch_id)
    if product:
        query = query.where(Article.product_code == product)
    return query if state is None else query.where(Article.state == state.value)


def by_serial(session: Session, serial: str) -> Article | None:
    """Return the article of this serial, of whatever kind."""
    return session.scalar(select(Article).where(Article.serial == serial).limit(1))


def lots(session: Session) -> list[tuple[Lot, ArticleLot, Counter[ArticleState]]]:
    """Return the lots of articles, newest first, with how many of each are where."""
    query = select(Lot, ArticleLot).join(ArticleLot, ArticleLot.lot_id == Lot.id).order_by(Lot.id.desc()).limit(100)
    pairs = [(lot, extra) for lot, extra in session.execute(query)]
    ids = [lot.id for lot, _ in pairs]
    counted: dict[int, Counter[ArticleState]] = {lot: Counter() for lot in ids}
    states = select(Article.lot_id, Article.state, func.count()).where(Article.lot_id.in_(ids))
    for lot, state, many in session.execute(states.group_by(Article.lot_id, Article.state)):
        counted[lot][ArticleState(state)] = many
    return [(lot, extra, counted[lot.id]) for lot, extra in pairs]


def journeys(session: Session, article_id: UUID) -> list[tuple[Parcel, ParcelArticle]]:
    """Return the article's transfers, newest first."""
    query = (
        select(Parcel, ParcelArticle)
        .join(ParcelArticle, ParcelArticle.parcel_id == Parcel.id)
        .where(ParcelArticle.article_id == article_id)
        .order_by(ParcelArticle.number.desc())
    )
    return [(parcel, place) for parcel, place in session.execute(query)]


def parcels_query() -> Select[Parcel]:
    """Return the query for transfers."""
    return select(Parcel)


def arriving(session: Session, branch_ids: Collection[int]) -> Sequence[Parcel]:
    """Return the transfers on their way to these branches, the oldest first."""
    query = select(Parcel).where(Parcel.to_branch_id.in_(branch_ids), Parcel.state == ParcelState.SENT.value)
    return session.scalars(query.order_by(Parcel.sent_at).limit(50)).all()


def sizes(session: Session, parcel_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return how many articles each parcel holds, and how many of them arrived."""
    rows = (
        select(ParcelArticle.parcel_id, func.count(), func.coalesce(func.sum(ParcelArticle.arrived), 0))
        .where(ParcelArticle.parcel_id.in_(parcel_ids))
        .group_by(ParcelArticle.parcel_id)
    )
    return {parcel: (many, int(arrived or 0)) for parcel, many, arrived in session.execute(rows)}


def not_arrived(session: Session, parcel_id: UUID) -> set[UUID]:
    """Return the articles that did not come with the parcel."""
    query = select(ParcelArticle.article_id).where(ParcelArticle.parcel_id == parcel_id, ParcelArticle.arrived == 0)
    return set(session.scalars(query))


def counts_query(*, state: CountState | None = None) -> Select[StockCount]:
    """Return the query for stock-takes."""
    query = select(StockCount)
    return query if state is None else query.where(StockCount.state == state.value)


@dataclass(frozen=True, slots=True)
class CountedProduct:
    """Of one product in a stock-take: how many are expected, and how many of those were seen."""

    product: Product
    expected: int
    seen: int


def counted(session: Session, count_id: UUID) -> list[CountedProduct]:
    """Return the products of a stock-take."""
    rows = (
        select(Article.partner_id, Article.kind, Article.product_code, func.count(), func.count(CountLine.seen_by))
        .join(CountLine, CountLine.article_id == Article.id)
        .where(CountLine.count_id == count_id, CountLine.expected == 1)
        .group_by(Article.partner_id, Article.kind, Article.product_code)
        .order_by(Article.kind, Article.product_code)
    )
    return [
        CountedProduct(Product(partner_id=partner, kind=kind, product_code=code), expected, seen)
        for partner, kind, code, expected, seen in session.execute(rows)
    ]


def expected_articles(session: Session, count_id: UUID, *, limit: int = 5000) -> Iterable[tuple[Article, CountLine]]:
    """Return what a stock-take expects, as its sheet lists it."""
    query = (
        select(Article, CountLine)
        .join(CountLine, CountLine.article_id == Article.id)
        .where(CountLine.count_id == count_id, CountLine.expected == 1)
        .order_by(Article.kind, Article.product_code, Article.serial)
        .limit(limit)
    )
    return [(article, line) for article, line in session.execute(query)]
