"""Articles set aside for an order: the first to expire of those that lie at the order's own branch."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.fulfilment.articles.models import Article, ArticleState
from voucher_service.fulfilment.claim import Claim
from voucher_service.ids import local_day

IN_STOCK = Article.state == ArticleState.IN_STOCK.value
FIRST_EXPIRING = (func.coalesce(Article.sell_by, date.max), Article.id)
"""What has no last day comes last."""


def can_be_given(day: date) -> ColumnElement[bool]:
    """Return the condition that an article in stock may still be given on `day`."""
    return IN_STOCK & or_(Article.sell_by.is_(None), Article.sell_by >= day)


def pick(session: Session, claim: Claim, branch_id: int, now: datetime) -> Article | None:
    """Set the next article of the order's product at the branch aside; None when there is none."""
    first = (
        select(Article.id)
        .where(
            Article.branch_id == branch_id,
            Article.partner_id == claim.partner_id,
            Article.product_code == claim.product_code,
            Article.kind == claim.route.removesuffix("_stock"),
            can_be_given(local_day(now)),
        )
        .order_by(*FIRST_EXPIRING)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalar(
        update(Article)
        .where(Article.id == session.scalar(first), IN_STOCK)
        .values(state=ArticleState.HELD.value, order_id=claim.order_id, held_at=now)
        .returning(Article)
        .execution_options(synchronize_session=False)
    )


def unpick(session: Session, order_id: UUID) -> int | None:
    """Put the article set aside for the order back; return its lot, or None when there was none."""
    return session.scalar(
        update(Article)
        .where(held_for(order_id))
        .values(state=ArticleState.IN_STOCK.value, order_id=None, held_at=None)
        .returning(Article.lot_id)
        .execution_options(synchronize_session=False)
    )


def held_for(order_id: UUID) -> ColumnElement[bool]:
    """Return the condition that an article is set aside for the order, and not yet handed over."""
    return (Article.order_id == order_id) & (Article.state == ArticleState.HELD.value)
