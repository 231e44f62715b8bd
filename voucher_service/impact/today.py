"""What needs a person now: counts of lists that the coordination can open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.fulfilment import lists as fulfilment_lists
from voucher_service.fulfilment.around import RoutePause
from voucher_service.fulfilment.articles import lists as article_lists
from voucher_service.fulfilment.articles.count_models import CountState
from voucher_service.fulfilment.balance import balances, low
from voucher_service.partners.lists import gifts_query
from voucher_service.partners.models import AllocationState
from voucher_service.reconciliation.models import Break, BreakClass
from voucher_service.visits.offline.closing import paper_query
from voucher_service.visits.offline.overview import entries_query
from voucher_service.vouchers.lists import batches_query
from voucher_service.vouchers.models import Batch, BatchState

SOON = timedelta(days=30)
"""A gift that ends within this time is told: a month is left to give it out or to return it."""

MOST = 1000
"""Counting stops here: more than this is "many", and the page stays quick."""


@dataclass(frozen=True, slots=True)
class Needs:
    """How many of each wait for a person; `MOST` means that many or more."""

    gifts_pending: int
    batches_pending: int
    batches_stopped: int
    orders: int
    breaks: int
    gifts_ending: int
    shelves_low: int
    articles_low: int
    counts_submitted: int
    routes_paused: int
    balances_low: int
    offline: int
    paper: int

    @property
    def total(self) -> int:
        """Return how many things there are in all."""
        return (
            self.gifts_pending
            + self.batches_pending
            + self.batches_stopped
            + self.orders
            + self.breaks
            + self.gifts_ending
            + self.shelves_low
            + self.articles_low
            + self.counts_submitted
            + self.routes_paused
            + self.balances_low
            + self.offline
            + self.paper
        )


def needs(session: Session, day: date) -> Needs:
    """Return what needs a person on `day`."""
    stopped = batches_query(state=BatchState.READY).where(Batch.stopped_because.is_not(None))
    awaited = Break.kind == BreakClass.AWAITED_AT_PARTNER.value  # for the next statement, not for a person
    return Needs(
        gifts_pending=_count(session, gifts_query(state=AllocationState.PENDING)),
        batches_pending=_count(session, batches_query(state=BatchState.PENDING)),
        batches_stopped=_count(session, stopped),
        orders=_count(session, fulfilment_lists.orders_query()),
        breaks=_count(session, select(Break).where(Break.resolved_at.is_(None), ~awaited)),
        gifts_ending=_count(session, gifts_query(ends_by=day + SOON)),
        shelves_low=sum(shelf.is_low for shelf in fulfilment_lists.shelves(session, day)),
        articles_low=sum(shelf.is_low for shelf in article_lists.shelves(session)),
        counts_submitted=_count(session, article_lists.counts_query(state=CountState.SUBMITTED)),
        routes_paused=_count(session, select(RoutePause)),
        balances_low=sum(low(balance) for balance in balances(session).values()),
        offline=_count(session, entries_query()),
        paper=_count(session, paper_query()),
    )


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(MOST).subquery())) or 0
