"""Lists of people: references first, names only for a reader who asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.people.identity import Identity, opened
from voucher_service.people.models import Person, PersonKey

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """One line: the person's row, and who it is when that was asked and the key still exists."""

    person: Person
    identity: Identity | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines in order of reference; `after` asks for the next page, None: this was the last."""

    lines: list[Listed]
    after: str | None


def list_people(
    session: Session,
    *,
    branch_id: int | None = None,
    after: str = "",
    limit: int = 50,
    names: Vault | None = None,
) -> Page:
    """Return a page of people who are not erased, of one branch or of all, after the reference `after`.

    Nothing is opened unless `names` holds the vault.
    """
    assert 1 <= limit <= MAX_PAGE, "a page is short"
    query = (
        select(Person)
        .where(Person.reference > after, Person.erased_at.is_(None))
        .order_by(Person.reference)
        .limit(limit + 1)
    )
    if branch_id is not None:
        query = query.where(Person.branch_id == branch_id)
    found = list(session.scalars(query))
    people = found[:limit]
    keys = {} if names is None else _keys(session, names, [person.id for person in people])
    lines = [Listed(person, opened(person, keys[person.id]) if person.id in keys else None) for person in people]
    return Page(lines, people[-1].reference if len(found) > limit else None)


def _keys(session: Session, vault: Vault, ids: list[UUID]) -> dict[UUID, bytes]:
    rows = select(PersonKey.person_id, PersonKey.wrapped_key).where(PersonKey.person_id.in_(ids))
    return {
        person_id: vault.open_key(Place("person", "wrapped_key", str(person_id)), wrapped)
        for person_id, wrapped in session.execute(rows)
    }


def people_query(*, branch_id: int | None = None) -> Select[Person]:
    """Return the query for people who are not erased; their rows open nothing."""
    query = select(Person).where(Person.erased_at.is_(None))
    return query if branch_id is None else query.where(Person.branch_id == branch_id)
