"""What a delivery is called on a screen: a closed set of words, each with a sentence and the next step.

The sentences are French message ids; doors pass them through gettext. No word of ours ever says "failed"
while a partner might still deliver.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import N_
from voucher_service.fulfilment.decide import PAUSED, REVERSED_CODE, UNDONE
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.waiting import STOCK_EMPTY
from voucher_service.units import Unit


class Progress(StrEnum):
    """All a screen can say of a delivery."""

    UNDER_WAY = "under_way"
    CONFIRMED = "confirmed"
    CODE_READY = "code_ready"
    ARTICLE_READY = "article_ready"
    HANDED_OVER = "handed_over"
    OUT_OF_STOCK = "out_of_stock"
    GIVEN_BACK = "given_back"
    UNDONE = "undone"
    TO_CHECK = "to_check"
    CLOSED = "closed"


class StatusWords(NamedTuple):
    """A word, its sentence and what to do next (French message ids)."""

    word: Progress
    sentence: str
    next_step: str


_WORDS = {
    Progress.UNDER_WAY: StatusWords(
        Progress.UNDER_WAY,
        N_("Recharge en cours, ne pas refaire."),
        N_("Rien à faire : la réponse de l’opérateur arrive toute seule, parfois après quelques heures."),
    ),
    Progress.CONFIRMED: StatusWords(
        Progress.CONFIRMED, N_("Recharge confirmée."), N_("Rien à faire : la personne a reçu sa recharge.")
    ),
    Progress.CODE_READY: StatusWords(
        Progress.CODE_READY,
        N_("Code de recharge prêt."),
        N_("Montrez le code à la personne quand elle est là : il ne s’affiche librement qu’une fois."),
    ),
    Progress.ARTICLE_READY: StatusWords(
        Progress.ARTICLE_READY,
        N_("Article mis de côté, à remettre."),
        N_("Prenez-le en stock, scannez sa boîte et remettez-le à la personne."),
    ),
    Progress.HANDED_OVER: StatusWords(
        Progress.HANDED_OVER, N_("Article remis."), N_("Rien à faire : la personne l’a reçu.")
    ),
    Progress.OUT_OF_STOCK: StatusWords(
        Progress.OUT_OF_STOCK,
        N_("Il n’y en a plus dans cette antenne."),
        N_("Annulez le passage pour rendre le bon, ou attendez un transfert : il sera mis de côté à son arrivée."),
    ),
    Progress.GIVEN_BACK: StatusWords(
        Progress.GIVEN_BACK,
        N_("Recharge refusée par l’opérateur, bon rendu."),
        N_("Vérifiez le numéro avec la personne, puis présentez le même bon de nouveau."),
    ),
    Progress.UNDONE: StatusWords(
        Progress.UNDONE,
        N_("Passage annulé à l’antenne, bon rendu."),
        N_("Rien n’est parti : le même bon peut être présenté de nouveau jusqu’à son dernier jour."),
    ),
    Progress.TO_CHECK: StatusWords(
        Progress.TO_CHECK,
        N_("À traiter, ne pas refaire."),
        N_("La coordination vérifie cette recharge avec l’opérateur ; le bon et sa valeur sont gardés."),
    ),
    Progress.CLOSED: StatusWords(
        Progress.CLOSED,
        N_("Recharge abandonnée, décision de deux personnes."),
        N_("Si la personne en a besoin, émettez un nouveau bon."),
    ),
}

_BY_STATE = {
    OrderState.WAITING: Progress.UNDER_WAY,
    OrderState.SENDING: Progress.UNDER_WAY,
    OrderState.ACCEPTED: Progress.UNDER_WAY,
    OrderState.UNKNOWN: Progress.UNDER_WAY,
    OrderState.REVERSING: Progress.UNDER_WAY,
    OrderState.HELD: Progress.CODE_READY,
    OrderState.DELIVERED: Progress.CONFIRMED,
    OrderState.GIVEN_BACK: Progress.GIVEN_BACK,
    OrderState.REVERSED: Progress.TO_CHECK,
    OrderState.MANUAL: Progress.TO_CHECK,
    OrderState.LOST: Progress.CLOSED,
}


def status_words(order: Order) -> StatusWords:
    """Return what a screen says of the order."""
    if order.unit == Unit.PIECE.value:
        word = _of_article(order)
        if word is not None:
            return _WORDS[word]
    if order.state == OrderState.WAITING and order.outcome_code == STOCK_EMPTY:
        return _WORDS[Progress.TO_CHECK]
    if order.state == OrderState.REVERSED and order.outcome_code != REVERSED_CODE:
        return _WORDS[Progress.CLOSED]  # two people have closed it
    if order.state == OrderState.GIVEN_BACK and order.outcome_code == UNDONE:
        return _WORDS[Progress.UNDONE]
    return _WORDS[_BY_STATE[OrderState(order.state)]]


def _of_article(order: Order) -> Progress | None:
    """Return the word of a thing's order; None where it is the same as for a top-up."""
    if order.state == OrderState.WAITING and order.outcome_code == STOCK_EMPTY:
        return Progress.OUT_OF_STOCK
    return {OrderState.HELD.value: Progress.ARTICLE_READY, OrderState.DELIVERED.value: Progress.HANDED_OVER}.get(
        order.state
    )


def to_check(session: Session, *, limit: int = 100) -> list[Order]:
    """Return the orders a coordinator must act on ("À traiter"), oldest first.

    Besides those in people's hands: those without a code in stock, and those that wait because the partner
    refuses the organisation itself (the person is told nothing of that).
    """
    waiting = (Order.state == OrderState.WAITING.value) & Order.outcome_code.in_([STOCK_EMPTY, PAUSED])
    taken_back = (Order.state == OrderState.REVERSED.value) & (Order.outcome_code == REVERSED_CODE)
    manual = Order.state == OrderState.MANUAL.value
    found = select(Order).where(waiting | manual | taken_back).order_by(Order.created_at).limit(limit)
    return list(session.scalars(found))
