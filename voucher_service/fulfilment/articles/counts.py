"""Counting a branch's shelves: the list expected is written down at the start, serials are scanned against it.

The branch goes on working: what is handed over, sent or received while the count is open explains itself. What
was expected, is still in stock and was not seen is missing. Nothing is booked here: see `closing`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, insert, literal, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles.count_models import CountLine, CountState, CountStray, StockCount
from voucher_service.fulfilment.articles.hand_over import read_serial
from voucher_service.fulfilment.articles.models import Article, ArticleKind, ArticleState
from voucher_service.fulfilment.articles.parcels import Product
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text

ON_THE_SHELF = (ArticleState.IN_STOCK.value, ArticleState.HELD.value)
IN_HAND = (ArticleKind.SIM.value, ArticleKind.HANDSET.value)
"""Kinds that can be scanned: nobody counts seats."""


class Seen(StrEnum):
    """What a scanned serial is to the count."""

    EXPECTED = "expected"
    AGAIN = "again"
    UNEXPECTED = "unexpected"
    UNKNOWN = "unknown"


def open_count(session: Session, *, count_id: UUID, branch_id: int, actor: str, now: datetime) -> StockCount:
    """Open a stock-take of the branch and write down what it should hold. The same id again answers with the first.

    Raises:
        NotFound: no such branch. Conflict: `count_under_way`: one is open there already.
    """
    known = session.get(StockCount, count_id)
    if known is not None:
        return known
    if session.get(Branch, branch_id) is None:
        raise NotFound("Cette antenne n’existe pas.")
    under_way = select(StockCount.id).where(
        StockCount.branch_id == branch_id,
        StockCount.state.in_([CountState.OPEN.value, CountState.SUBMITTED.value]),
    )
    if session.scalar(under_way) is not None:
        raise Conflict("Un inventaire de cette antenne est déjà ouvert : terminez-le d’abord.", code="count_under_way")
    count = StockCount(
        id=count_id, branch_id=branch_id, state=CountState.OPEN.value, opened_by=actor, opened_at=now, reason=""
    )
    session.add(count)
    session.flush()
    expected = select(literal(count_id, CountLine.count_id.type), Article.id, literal(1)).where(
        Article.branch_id == branch_id, Article.state.in_(ON_THE_SHELF), Article.kind.in_(IN_HAND)
    )
    session.execute(insert(CountLine).from_select(["count_id", "article_id", "expected"], expected))
    return count


def see(session: Session, *, count_id: UUID, serial: str, actor: str, now: datetime) -> Seen:
    """Note a serial that lies there. Noting it again changes nothing.

    Raises:
        NotFound. BadInput: `serial` is empty or too long. Conflict: `count_not_open`.
    """
    _open(session, count_id)
    serial = read_serial(serial)
    if not 1 <= len(serial) <= 30:
        raise BadInput("Scannez un code-barres, ou tapez le numéro en entier.", field="serial")
    article_id = session.scalar(select(Article.id).where(Article.serial == serial, Article.kind.in_(IN_HAND)))
    if article_id is None:
        known = session.get(CountStray, (count_id, serial))
        if known is None:
            session.add(CountStray(count_id=count_id, serial=serial, seen_by=actor, seen_at=now))
        session.flush()
        return Seen.AGAIN if known else Seen.UNKNOWN
    line = session.get(CountLine, (count_id, article_id))
    if line is None:
        session.add(CountLine(count_id=count_id, article_id=article_id, expected=0, seen_by=actor, seen_at=now))
        session.flush()
        return Seen.UNEXPECTED
    if line.seen_by is not None:
        return Seen.AGAIN
    line.seen_by, line.seen_at = actor, now
    session.flush()
    return Seen.EXPECTED


def see_all(session: Session, *, count_id: UUID, product: Product, quantity: int, actor: str, now: datetime) -> int:
    """Note every article expected of a product as seen, if as many were counted by hand; return how many were new.

    Raises:
        NotFound. Conflict: `count_not_open`. BadInput: `quantity` is another number than expected.
    """
    _open(session, count_id)
    theirs = select(Article.id).where(
        Article.partner_id == product.partner_id,
        Article.kind == product.kind,
        Article.product_code == product.product_code,
    )
    lines = select(CountLine).where(CountLine.count_id == count_id, CountLine.article_id.in_(theirs))
    found = list(session.scalars(lines))
    expected = [line for line in found if line.expected]
    if not expected or len(found) > len(expected) or quantity != len(expected):
        raise BadInput(
            "{expected} attendus : scannez-les un par un pour savoir lequel manque ou est de trop.",
            field="quantity",
            expected=len(expected),
        )
    fresh = [line for line in expected if line.seen_by is None]
    for line in fresh:
        line.seen_by, line.seen_at = actor, now
    session.flush()
    return len(fresh)


def forget(session: Session, *, count_id: UUID, serial: str) -> None:
    """Take back that a serial was seen: a slip of the hand. Raises NotFound; Conflict: `count_not_open`."""
    _open(session, count_id)
    article = select(Article.id).where(Article.serial == serial)
    mine = CountLine.count_id == count_id, CountLine.article_id.in_(article)
    session.execute(delete(CountLine).where(*mine, CountLine.expected == 0))
    session.execute(
        update(CountLine).where(*mine).values(seen_by=None, seen_at=None).execution_options(synchronize_session=False)
    )
    session.execute(delete(CountStray).where(CountStray.count_id == count_id, CountStray.serial == serial))


def submit(session: Session, *, count_id: UUID, actor: str, now: datetime) -> StockCount:
    """Say that everything there was counted: another person may close. Raises NotFound; Conflict: `count_not_open`."""
    return change(session, count_id, CountState.OPEN, state=CountState.SUBMITTED, submitted_by=actor, submitted_at=now)


def reopen(session: Session, *, count_id: UUID) -> StockCount:
    """Go on counting. Raises NotFound; Conflict: `count_not_open`: it is not submitted."""
    return change(session, count_id, CountState.SUBMITTED, state=CountState.OPEN, submitted_by=None, submitted_at=None)


def drop(session: Session, *, count_id: UUID, reason: str, actor: str, now: datetime) -> StockCount:
    """Give the stock-take up: nothing is booked. Raises NotFound; BadInput: `reason`; Conflict: `count_not_open`."""
    count = get(session, count_id)
    reason = clean_text(reason, field="reason", least=3, most=200)
    return change(
        session, count_id, CountState(count.state), state=CountState.DROPPED, closed_by=actor, closed_at=now,
        reason=reason,
    )  # fmt: skip


def get(session: Session, count_id: UUID) -> StockCount:
    """Return the stock-take. Raises NotFound."""
    count = session.get(StockCount, count_id, populate_existing=True)
    if count is None:
        raise NotFound("Cet inventaire n’existe pas.")
    return count


def change(session: Session, count_id: UUID, at: CountState, **values: object) -> StockCount:
    """Change the stock-take that is `at` and under way. Raises NotFound; Conflict: `count_not_open`."""
    count = get(session, count_id)
    won = None
    if at in {CountState.OPEN, CountState.SUBMITTED}:
        plain = {name: value.value if isinstance(value, CountState) else value for name, value in values.items()}
        won = session.scalar(
            update(StockCount)
            .where(StockCount.id == count_id, StockCount.state == at.value)
            .values(**plain)
            .returning(StockCount.id)
            .execution_options(synchronize_session=False)
        )
    session.refresh(count)
    if won is None:
        raise _not_open()
    return count


def _open(session: Session, count_id: UUID) -> None:
    # Locked: nothing is seen any more once it was submitted.
    state = session.scalar(select(StockCount.state).where(StockCount.id == count_id).with_for_update(read=True))
    if state is None:
        raise NotFound("Cet inventaire n’existe pas.")
    if state != CountState.OPEN:
        raise _not_open()


def _not_open() -> Conflict:
    return Conflict("Cet inventaire n’est plus à cette étape : rechargez la page.", code="count_not_open")
