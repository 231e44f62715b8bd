"""Idempotency: a request is claimed under its key, worked on once, and its answer kept for whoever asks again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, KeyReused
from voucher_service.partners.api.models import ApiAnswer

ABANDONED = timedelta(minutes=5)
"""A claim older than this without an answer was left by a process that died: the next try takes it over."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given: HTTP status and JSON text."""

    status: int
    body: str


def request_hash(method: str, path: str, query: str, body: bytes) -> bytes:
    """Return SHA-256 over what was asked; parts cannot run into each other."""
    parts = (method.encode(), path.encode(), query.encode(), hashlib.sha256(body).digest())
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def claim(session: Session, *, partner_id: UUID, key: str, asked: bytes, now: datetime) -> Kept | None:
    """Claim the request for this caller: None, or the answer it was given before.

    Raises:
        KeyReused: the key came with another request.
        Conflict: `in_flight`: another process works on the same request now.
        IntegrityError: someone claimed it first, just now: `Database.run` asks again and gets their state.
    """
    found = session.execute(
        select(ApiAnswer.request_hash, ApiAnswer.status, ApiAnswer.body).where(_at(partner_id, key))
    ).one_or_none()
    if found is None:
        session.add(ApiAnswer(partner_id=partner_id, key=key, request_hash=asked, claimed_at=now))
        session.flush()
        return None
    if found.request_hash != asked:
        raise KeyReused("Cette clé de demande a déjà servi pour une autre demande : prenez-en une nouvelle.")
    if found.status is not None:
        return Kept(found.status, found.body)
    taken = session.scalar(
        update(ApiAnswer)
        .where(_at(partner_id, key), ApiAnswer.status.is_(None), ApiAnswer.claimed_at < now - ABANDONED)
        .values(claimed_at=now)
        .returning(ApiAnswer.key)
    )
    if taken is None:
        raise Conflict("Cette demande est en cours : redemandez dans un instant.", code="in_flight")
    return None


def keep(session: Session, *, partner_id: UUID, key: str, answer: Kept) -> None:
    """Keep the answer to a claimed request, in the transaction that does the work where there is one."""
    session.execute(
        update(ApiAnswer)
        .where(_at(partner_id, key))
        .values(status=answer.status, body=answer.body)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, *, partner_id: UUID, key: str) -> None:
    """Give a claim back: what went wrong was ours, and the same request may be tried again at once."""
    session.execute(delete(ApiAnswer).where(_at(partner_id, key), ApiAnswer.status.is_(None)))


def _at(partner_id: UUID, key: str) -> ColumnElement[bool]:
    return and_(ApiAnswer.partner_id == partner_id, ApiAnswer.key == key)
