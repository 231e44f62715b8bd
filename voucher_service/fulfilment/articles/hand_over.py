"""Handing an article over: the serial on the box is checked, the delivery is booked, a SIM's secrets are shown once.

Staff may take another box than the one set aside, of the same product: the two change places, also in the books.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, unseal
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles import books
from voucher_service.fulfilment.articles.holding import can_be_given, held_for, unpick
from voucher_service.fulfilment.articles.models import Article, ArticleKind, ArticleLook, ArticleState
from voucher_service.fulfilment.articles.numbers import lot_key, set_number
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.settle import confirm
from voucher_service.fulfilment.stock import check_reason
from voucher_service.ids import local_day, new_id

TAIL = 4
"""So many last digits of the serial are enough to check the box against the screen."""

_NOT_SERIAL = re.compile(r"[^0-9A-Za-z-]")


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed over, and the SIM's secrets to show now, and only now (empty: it has none)."""

    serial: str
    kind: ArticleKind
    pin: str = field(default="", repr=False)
    puk: str = field(default="", repr=False)


def for_order(session: Session, order_id: UUID) -> Article | None:
    """Return the article set aside for the order or given; None when it has none."""
    return session.scalar(select(Article).where(Article.order_id == order_id).execution_options(populate_existing=True))


def hand_over(
    session: Session, vault: Vault, *, order_id: UUID, serial: str, number: str, actor: str, now: datetime
) -> Handed:
    """Hand the order's article over. `serial` is what was scanned or typed: all of it, or its last four digits.

    `number`, in E.164 form, is the SIM's telephone number if it is known now. A seat has nothing to scan.

    Raises:
        NotFound: nothing is set aside for this order. BadInput: `serial` or `number`.
        Conflict: `article_given`: it was handed over before; `order_moved_on`; `article_moved`.
    """
    article = for_order(session, order_id)
    if article is None:
        raise NotFound("Rien n’est mis de côté pour ce bon : vérifiez son état dans un instant.")
    if article.state == ArticleState.GIVEN:
        raise Conflict("Cet article a déjà été remis : rien n’est remis deux fois.", code="article_given")
    if article.kind != ArticleKind.SEAT:
        article = _in_hand(session, article, read_serial(serial), actor=actor, now=now)
    if number:
        set_number(session, vault, article_id=article.id, number=number)
    given = session.scalar(
        update(Article)
        .where(Article.id == article.id, held_for(order_id))
        .values(state=ArticleState.GIVEN.value, given_at=now)
        .returning(Article.id)
        .execution_options(synchronize_session=False)
    )
    at = (Order.id == order_id) & (Order.state == OrderState.HELD.value)
    if given is None or not confirm(session, at, partner_ref=article.serial, actor=actor, occurred_at=now, now=now):
        raise Conflict(
            "Ce bon n’attend plus son article : consultez la coordination avant de le remettre.", code="order_moved_on"
        )
    return _shown(session, vault, article, actor=actor, reason="", now=now)


def look_again(session: Session, vault: Vault, *, order_id: UUID, actor: str, reason: str, now: datetime) -> Handed:
    """Show the secrets of a SIM that was handed over once more; the reason is kept.

    Raises:
        NotFound: the order has no card with secrets. BadInput: `reason`.
    """
    article = for_order(session, order_id)
    if article is None or article.state != ArticleState.GIVEN or not (article.pin_sealed or article.puk_sealed):
        raise NotFound("Aucune carte avec un code n’a été remise pour ce bon.")
    reason = reason.strip()
    check_reason(reason)
    return _shown(session, vault, article, actor=actor, reason=reason, now=now)


def read_serial(typed: str) -> str:
    """Return the serial that a hand scanner or a person typed, without what is not part of it.

    Some cards print an F after the nineteen digits, to fill the last place.
    """
    serial = _NOT_SERIAL.sub("", typed.strip()).upper()
    return serial[:-1] if serial.startswith("89") and serial.endswith("F") else serial


def _in_hand(session: Session, article: Article, serial: str, *, actor: str, now: datetime) -> Article:
    """Return the article in the hand: the one set aside, or the one it changed places with."""
    if not serial:
        raise BadInput("Scannez le code-barres de la boîte, ou tapez ses quatre derniers chiffres.", field="serial")
    if serial == article.serial or (len(serial) == TAIL and article.serial.endswith(serial)):
        return article
    other = session.scalar(select(Article).where(Article.kind == article.kind, Article.serial == serial))
    if other is None:
        raise BadInput(
            "Ce n’est pas l’article mis de côté (il finit par {tail}) : prenez celui-là, ou scannez la boîte entière.",
            field="serial",
            code="not_the_article",
            tail=article.serial[-TAIL:],
        )
    return _exchange(session, article, other, actor=actor, now=now)


def _exchange(session: Session, article: Article, other: Article, *, actor: str, now: datetime) -> Article:
    order_id, first_lot = article.order_id, article.lot_id
    assert order_id is not None, "the article is set aside"
    if unpick(session, order_id) is None:
        raise _moved()
    taken = session.scalar(
        update(Article)
        .where(
            Article.id == other.id,
            Article.branch_id == article.branch_id,
            Article.partner_id == article.partner_id,
            Article.product_code == article.product_code,
            Article.face_value_cents == article.face_value_cents,
            can_be_given(local_day(now)),
        )
        .values(state=ArticleState.HELD.value, order_id=order_id, held_at=now)
        .returning(Article)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if taken is None:
        raise BadInput(
            "Cet article n’est pas en stock dans cette antenne, ou n’est pas du même produit : prenez celui qui finit "
            "par {tail}.",
            field="serial",
            code="not_the_article",
            tail=article.serial[-TAIL:],
        )
    if taken.lot_id != first_lot:
        served = books.Served("order", str(order_id))
        books.book_step(session, books.PUT_BACK, [first_lot], served, actor=actor, now=now)
        books.book_step(session, books.TAKEN, [taken.lot_id], served, actor=actor, now=now)
    return taken


def _moved() -> Conflict:
    return Conflict("Cet article vient de changer d’état : rechargez la page.", code="article_moved")


def _shown(session: Session, vault: Vault, article: Article, *, actor: str, reason: str, now: datetime) -> Handed:
    kind = ArticleKind(article.kind)
    if not (article.pin_sealed or article.puk_sealed):
        return Handed(article.serial, kind)
    seen = session.scalar(select(func.max(ArticleLook.number)).where(ArticleLook.article_id == article.id)) or 0
    look = ArticleLook(
        id=new_id(), article_id=article.id, number=seen + 1, actor=actor, reason=reason[:200], shown_at=now
    )
    session.add(look)
    session.flush()
    key = lot_key(session, vault, article.lot_id)
    pin, puk = (
        unseal(key, Place("article", name, str(article.id)), sealed).decode() if sealed else ""
        for name, sealed in (("pin", article.pin_sealed), ("puk", article.puk_sealed))
    )
    return Handed(article.serial, kind, pin, puk)
