"""Closing what a device or a line of paper promised in vain: a person has looked and says what was done.

With a device's conflict its window opens again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, NotFound
from voucher_service.texts import clean_text
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.overview import entries_query
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.paper.models import PaperLine

SETTLED: Final = "settled"


def waiting(session: Session) -> list[OfflineEntry]:
    """Return every conflict and refusal that no person has closed, the oldest acceptance first."""
    return list(session.scalars(entries_query().order_by(OfflineEntry.accepted_at, OfflineEntry.id)))


def waiting_on_paper(session: Session) -> list[PaperLine]:
    """Return every conflict of a keyed line of paper that no person has closed, the oldest first."""
    return list(session.scalars(paper_query().order_by(PaperLine.handed_at, PaperLine.id)))


def paper_query(*, settled: bool = False) -> Select[PaperLine]:
    """Return the query for conflicts of keyed lines: those that wait for a person, or those `settled`."""
    closed = PaperLine.closed_at.is_not(None) if settled else PaperLine.closed_at.is_(None)
    return select(PaperLine).where(PaperLine.status == Status.CONFLICT.value, closed)


def close(session: Session, entry_id: UUID, *, note: str, actor: str, now: datetime) -> None:
    """Close a conflict or refusal, of a device or on paper, with a note, once.

    Its answer stays; what was sealed is erased with its key.

    Raises:
        BadInput: `note` (3 to 400 characters). NotFound: no such entry waits or waited.
        Conflict: `already_closed`: somebody closed it before.
    """
    note = clean_text(note, field="note", most=400, least=3)
    if any(_close(session, table, entry_id, note=note, actor=actor, now=now) for table in (OfflineEntry, PaperLine)):
        return
    known = session.get(OfflineEntry, entry_id) or session.get(PaperLine, entry_id)
    if known is None or known.closed_at is None:
        raise NotFound("Ce passage n’attend personne : revenez à la liste.")
    raise Conflict("Ce passage est déjà réglé : revenez à la liste.", code="already_closed")


def _close(
    session: Session,
    table: type[OfflineEntry | PaperLine],
    entry_id: UUID,
    *,
    note: str,
    actor: str,
    now: datetime,
) -> bool:
    # One statement decides between two people who close it at once.
    closed = session.scalar(
        update(table)
        .where(table.id == entry_id, table.status != Status.CONFIRMED.value, table.closed_at.is_(None))
        .values(
            closed_at=now,
            closed_by=actor,
            decision=SETTLED,
            closing_note=note,
            wrapped_key=None,
            content_sealed=None,
        )
        .returning(table.id)
    )
    return closed is not None
