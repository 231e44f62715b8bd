"""Closing what a device promised in vain: a person has looked, says what was done, and the window opens again."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, NotFound
from voucher_service.texts import clean_text
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.overview import entries_query
from voucher_service.visits.offline.rules import Status

SETTLED: Final = "settled"


def waiting(session: Session) -> list[OfflineEntry]:
    """Return every conflict and refusal that no person has closed, the oldest acceptance first."""
    return list(session.scalars(entries_query().order_by(OfflineEntry.accepted_at, OfflineEntry.id)))


def close(session: Session, entry_id: UUID, *, note: str, actor: str, now: datetime) -> None:
    """Close a conflict or refusal with a note, once. Its answer stays; what was sealed is erased with its key.

    Raises:
        BadInput: `note` (3 to 400 characters). NotFound: no such entry waits or waited.
        Conflict: `already_closed`: somebody closed it before.
    """
    note = clean_text(note, field="note", most=400, least=3)
    # One statement decides between two people who close it at once.
    closed = session.scalar(
        update(OfflineEntry)
        .where(
            OfflineEntry.id == entry_id,
            OfflineEntry.status != Status.CONFIRMED.value,
            OfflineEntry.closed_at.is_(None),
        )
        .values(
            closed_at=now,
            closed_by=actor,
            decision=SETTLED,
            closing_note=note,
            wrapped_key=None,
            content_sealed=None,
        )
        .returning(OfflineEntry.id)
    )
    if closed is not None:
        return
    known = session.get(OfflineEntry, entry_id)
    if known is None or known.closed_at is None:
        raise NotFound("Ce passage n’attend personne : revenez à la liste.")
    raise Conflict("Ce passage est déjà réglé : revenez à la liste.", code="already_closed")
