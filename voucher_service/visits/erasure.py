"""Erasing a person everywhere: their file, the notes of their visits, the numbers their top-ups and
messages went to, and those that partners' statements name.

The books, the visits' codes and the counts stay: they say that someone was helped, not who.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.models import OPEN_STATES, Order
from voucher_service.fulfilment.stated_numbers import forget_stated
from voucher_service.messages.outbox import erase_messages
from voucher_service.people import identity
from voucher_service.visits.models import Visit, VisitUndo
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.paper.models import PaperLine
from voucher_service.vouchers.models import Voucher


def erase_person(session: Session, person_id: UUID, *, now: datetime) -> None:
    """Destroy every key and sealed field that belongs to the person. Erasing twice changes nothing.

    Raises:
        NotFound: there never was such a person.
        Conflict: `top_up_under_way`: a number is still needed to finish what was promised.
    """
    theirs = select(Voucher.id).where(Voucher.person_id == person_id)
    open_states = [state.value for state in OPEN_STATES]
    if session.scalar(select(Order.id).where(Order.voucher_id.in_(theirs), Order.state.in_(open_states)).limit(1)):
        raise Conflict(
            "Une recharge est encore en cours pour cette personne : effacez-la quand elle sera terminée.",
            code="top_up_under_way",
        )
    forget_stated(session, person_id)
    identity.erase(session, person_id, now)
    erase_messages(session, theirs, now=now)
    of_theirs = or_(Visit.person_id == person_id, Visit.voucher_id.in_(theirs))
    session.execute(
        update(VisitUndo)
        .where(VisitUndo.visit_id.in_(select(Visit.id).where(of_theirs)))
        .values(reason=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Visit)
        .where(of_theirs)
        .values(wrapped_key=None, note_sealed=None)
        .execution_options(synchronize_session=False)
    )
    for table in (OfflineEntry, PaperLine):
        session.execute(
            update(table)
            .where(table.voucher_id.in_(theirs))
            .values(wrapped_key=None, content_sealed=None)
            .execution_options(synchronize_session=False)
        )
    # The card stays in the stock's books; that this number is theirs goes.
    session.execute(
        update(Article)
        .where(Article.order_id.in_(select(Order.id).where(Order.voucher_id.in_(theirs))))
        .values(number_sealed=None, number_lookup=None, number_tail=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Order)
        .where(Order.voucher_id.in_(theirs))
        .values(wrapped_key=None, number_sealed=None, number_lookup=None, number_tail=None)
        .execution_options(synchronize_session=False)
    )
