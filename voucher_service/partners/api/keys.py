"""Keys for partners' programs: made once, shown once, kept as a hash, scoped, ended with notice or at once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.db import UtcDateTime
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.partners.api.models import ApiKey

PREFIX = "cdp_"
OVERLAP = timedelta(days=7)
"""After a rotation both keys are good this long, so that no program stands still."""

MAX_KEYS = 20
"""Keys of one partner that are good at the same time."""


class Scope(StrEnum):
    """What a key opens."""

    BOOKS_READ = "books.read"
    STATEMENTS_READ = "statements.read"
    STATEMENTS_WRITE = "statements.write"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The program that presented a key: whose it is and what it may do."""

    key_id: UUID
    partner_id: UUID
    scopes: frozenset[Scope]
    last_used_on: date | None = None

    @property
    def actor(self) -> str:
        """Return the name under which its acts are recorded."""
        return f"api_key:{self.key_id}"


def create(
    session: Session, *, partner_id: UUID, name: str, scopes: Iterable[Scope], actor: str, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key; return its row, and the key itself: 256 random bits, nowhere kept.

    Raises:
        BadInput: no name (field `name`) or no scope (field `scopes`).
        Conflict: `too_many_keys`.
    """
    name, chosen = name.strip(), sorted(set(scopes))
    if not name or len(name) > 80:
        raise BadInput("Nommez la clé d’après le programme qui s’en servira, en 80 caractères au plus.", field="name")
    if not chosen:
        raise BadInput("Choisissez au moins une chose que cette clé ouvre.", field="scopes")
    if len(good_keys(session, partner_id, now)) >= MAX_KEYS:
        raise Conflict("Il y a déjà {most} clés en service : retirez-en une.", code="too_many_keys", most=MAX_KEYS)
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        id=new_id(),
        partner_id=partner_id,
        name=name,
        secret_hash=_hash(token),
        tail=token[-4:],
        scopes=" ".join(chosen),
        created_by=actor,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, token


def rotate(session: Session, *, partner_id: UUID, key_id: UUID, actor: str, now: datetime) -> tuple[ApiKey, str]:
    """Make the successor of a key; the old one is good for seven days more.

    Raises:
        NotFound: no such key of this partner.
        Conflict: `key_ended`: it is no longer good, or is being replaced already.
    """
    old = key_of(session, partner_id, key_id)
    ending = session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None), ApiKey.ends_at.is_(None))
        .values(ends_at=now + OVERLAP)
        .returning(ApiKey.id)
    )
    if ending is None:
        raise Conflict("Cette clé est déjà retirée ou remplacée : créez-en une nouvelle.", code="key_ended")
    scopes = [Scope(word) for word in old.scopes.split()]
    return create(session, partner_id=partner_id, name=old.name, scopes=scopes, actor=actor, now=now)


def revoke(session: Session, *, partner_id: UUID, key_id: UUID, actor: str, now: datetime) -> None:
    """End a key at once; ending it again changes nothing. Raises NotFound: no such key of this partner."""
    key_of(session, partner_id, key_id)
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=actor)
        .execution_options(synchronize_session=False)
    )


def authenticate(database: Session | Connection, token: str, now: datetime) -> KeyHolder | None:
    """Return who presents this key, or None when it is not good (any more)."""
    row = database.execute(_HOLDER, {"secret": _hash(token), "at": now}).one_or_none()
    if row is None:
        return None
    return KeyHolder(row[0], row[1], frozenset(Scope(word) for word in row[2].split()), row[3])


def is_new_day(holder: KeyHolder, now: datetime) -> bool:
    """Say whether the day of use is still to be noted: a program that only reads then waits for no writer."""
    return holder.last_used_on is None or holder.last_used_on < local_day(now)


def used(session: Session, key_id: UUID, now: datetime) -> None:
    """Note the day of use: written once a day, so that a busy program costs nothing."""
    today = local_day(now)
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, or_(ApiKey.last_used_on.is_(None), ApiKey.last_used_on < today))
        .values(last_used_on=today)
        .execution_options(synchronize_session=False)
    )


def key_of(session: Session, partner_id: UUID, key_id: UUID) -> ApiKey:
    """Return the partner's key. Raises NotFound: the same answer whether it exists elsewhere or not."""
    found = session.get(ApiKey, key_id)
    if found is None or found.partner_id != partner_id:
        raise NotFound("Cette clé n’existe pas : revenez à la liste.")
    return found


def keys_of(session: Session, partner_id: UUID) -> Sequence[ApiKey]:
    """Return all keys of the partner, newest first, those that ended included."""
    return session.scalars(select(ApiKey).where(ApiKey.partner_id == partner_id).order_by(ApiKey.id.desc())).all()


def good_keys(session: Session, partner_id: UUID, now: datetime) -> Sequence[UUID]:
    """Return the ids of the partner's keys that open something now."""
    return session.scalars(select(ApiKey.id).where(ApiKey.partner_id == partner_id, _good(now))).all()


def is_good(key: ApiKey, now: datetime) -> bool:
    """Say whether the key opens anything now."""
    return key.revoked_at is None and (key.ends_at is None or key.ends_at > now)


def _good(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(ApiKey.revoked_at.is_(None), or_(ApiKey.ends_at.is_(None), ApiKey.ends_at > now))


# Asked by every request: put together once.
_HOLDER = select(ApiKey.id, ApiKey.partner_id, ApiKey.scopes, ApiKey.last_used_on).where(
    ApiKey.secret_hash == bindparam("secret"), _good(bindparam("at", type_=UtcDateTime()))
)


def _hash(token: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(token.encode()).digest()
