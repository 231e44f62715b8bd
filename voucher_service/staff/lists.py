"""What screens list of branches and staff."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voucher_service.staff.models import Branch, Role, Staff, StaffBranch

_PREFIX = "staff:"


def names_of(session: Session, actors: Iterable[str | None]) -> dict[str, str]:
    """Return the name of each member of staff among `actors` (`staff:<id>`); parts of the system are absent."""
    ids = set()
    for actor in actors:
        if actor is not None and actor.startswith(_PREFIX):
            try:
                ids.add(UUID(actor.removeprefix(_PREFIX)))
            except ValueError:
                continue  # written by a command, not by a person
    if not ids:
        return {}
    return {
        f"{_PREFIX}{id_}": name for id_, name in session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))
    }


def branches(session: Session) -> list[Branch]:
    """Return every branch by name."""
    return list(session.scalars(select(Branch).order_by(Branch.name)))


def branch_names(session: Session) -> dict[int, str]:
    """Return the name of every branch by its number, in alphabetical order."""
    return dict(session.execute(select(Branch.id, Branch.name).order_by(Branch.name)).all())


def staff_query(*, role: Role | None = None, active: bool | None = None) -> Select[Staff]:
    """Return the query for accounts, of one role or all, open or closed or both."""
    query = select(Staff)
    if role is not None:
        query = query.where(Staff.role == role.value)
    if active is not None:
        query = query.where(Staff.active == active)
    return query


def branches_of(session: Session, staff: Sequence[Staff]) -> dict[UUID, list[str]]:
    """Return the names of the branches each person works at; nobody without one appears."""
    rows = session.execute(
        select(StaffBranch.staff_id, Branch.name)
        .join(Branch, Branch.id == StaffBranch.branch_id)
        .where(StaffBranch.staff_id.in_([one.id for one in staff]))
        .order_by(Branch.name)
    )
    found: dict[UUID, list[str]] = {}
    for staff_id, name in rows:
        found.setdefault(staff_id, []).append(name)
    return found
