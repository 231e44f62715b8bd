"""Accounts of staff: made, recognised by password, changed, closed.

Passwords are kept as Argon2id hashes (RFC 9106) with the least cost that OWASP's password storage guide
names for it: 19 MiB, two passes, one lane.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Uuid, bindparam, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.prepared import Prepared
from voucher_service.staff.models import Branch, Role, Staff, StaffBranch

MIN_PASSWORD = 12
MAX_PASSWORD = 200
SEES_ALL_BRANCHES = frozenset({Role.COORDINATOR, Role.AUDITOR})

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{2,79}")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in. `branches` maps the ids of the branches they work at to their names."""

    id: UUID
    login: str
    name: str
    role: Role
    partner_id: UUID | None
    session_version: int
    branches: dict[int, str]

    @property
    def sees_all_branches(self) -> bool:
        """Say whether the branch scope does not bound this person."""
        return self.role in SEES_ALL_BRANCHES

    @property
    def actor(self) -> str:
        """Return the name under which this person's acts are recorded: pseudonymous, stable."""
        return f"staff:{self.id}"

    @property
    def place(self) -> str:
        """Return the names of their branches, for the head of the page."""
        return ", ".join(self.branches.values())


def create_staff(
    session: Session,
    *,
    staff_id: UUID,
    login: str,
    name: str,
    role: Role,
    password: str,
    now: datetime,
    branch_ids: Sequence[int] = (),
    partner_id: UUID | None = None,
) -> Staff:
    """Open an account and return its row.

    Raises:
        BadInput: `login`, `name`, `password`, `branch_ids` or `partner_id` will not do.
        Conflict: `login_taken`.
    """
    login, name = login.strip().lower(), name.strip()
    if not _LOGIN.fullmatch(login):
        raise BadInput("L’identifiant compte de 3 à 80 lettres sans accent, chiffres, points ou tirets.", field="login")
    if not 1 <= len(name) <= 80:
        raise BadInput("Le nom compte de 1 à 80 caractères.", field="name")
    if (role is Role.PARTNER) != (partner_id is not None):
        raise BadInput("Un compte opérateur, et lui seul, appartient à un opérateur.", field="partner_id")
    check_password(password, login=login)
    known = set(session.scalars(select(Branch.id).where(Branch.id.in_(branch_ids))))
    if missing := set(branch_ids) - known:
        raise BadInput("Antenne inconnue : {number}.", field="branch_ids", number=min(missing))
    if session.scalar(select(Staff.id).where(Staff.login == login)):
        raise Conflict("Cet identifiant est déjà pris : choisissez-en un autre.", code="login_taken")
    staff = Staff(
        id=staff_id,
        login=login,
        name=name,
        role=role.value,
        password_hash=_HASHER.hash(password),
        partner_id=partner_id,
        active=True,
        session_version=1,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    session.add_all(StaffBranch(staff_id=staff_id, branch_id=branch) for branch in sorted(known))
    session.flush()
    return staff


def check_password(password: str, *, login: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        BadInput: on the field `password`, with the remedy.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadInput(
            "Le mot de passe compte au moins {least} caractères (au plus {most}) : une phrase de quatre mots convient.",
            field="password",
            least=MIN_PASSWORD,
            most=MAX_PASSWORD,
        )
    if login in password.lower() or len(set(password)) < 5:
        raise BadInput("Ce mot de passe se devine : évitez votre identifiant et les répétitions.", field="password")


def authenticate(session: Session, login: str, password: str) -> Staff | None:
    """Return the active account that `login` and `password` open, else None.

    An unknown login costs the same hashing as a known one, so time does not tell which logins exist.
    """
    staff = session.scalar(select(Staff).where(Staff.login == login.strip().lower(), Staff.active))
    try:
        _HASHER.verify(staff.password_hash if staff else _nobody(), password[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return None
    return staff


@cache
def _nobody() -> str:
    """Return a hash of the same cost as every other; what matches it opens nothing."""
    return _HASHER.hash("nobody")


def is_outdated(staff: Staff) -> bool:
    """Say whether the hash was made with other costs than today's."""
    return _HASHER.check_needs_rehash(staff.password_hash)


def rehash(session: Session, staff_id: UUID, password: str, *, outdated: str) -> None:
    """Store `password` with today's costs, unless the hash is no longer the `outdated` one."""
    session.execute(
        update(Staff)
        .where(Staff.id == staff_id, Staff.password_hash == outdated)
        .values(password_hash=_HASHER.hash(password))
    )


def set_password(session: Session, staff_id: UUID, password: str) -> int:
    """Change a password, end all sessions and return the new session version.

    Raises:
        BadInput: the password is easily guessed.
        NotFound: no such account.
    """
    login = session.scalar(select(Staff.login).where(Staff.id == staff_id))
    if login is None:
        raise NotFound("Ce compte n’existe pas.")
    check_password(password, login=login)
    session.execute(update(Staff).where(Staff.id == staff_id).values(password_hash=_HASHER.hash(password)))
    return end_sessions(session, staff_id)


def end_sessions(session: Session, staff_id: UUID) -> int:
    """End every open session of a person, on every device, and return the new session version.

    Raises:
        NotFound: no such account.
    """
    version = session.scalar(
        update(Staff)
        .where(Staff.id == staff_id)
        .values(session_version=Staff.session_version + 1)
        .returning(Staff.session_version)
        .execution_options(synchronize_session=False)
    )
    if version is None:
        raise NotFound("Ce compte n’existe pas.")
    return version


def deactivate(session: Session, staff_id: UUID) -> None:
    """Close an account: it signs in no more, and its open sessions end. Its acts stay recorded.

    Raises:
        NotFound: no such account.
    """
    end_sessions(session, staff_id)
    session.execute(update(Staff).where(Staff.id == staff_id).values(active=False))


# Asked at every request: built once, and read as plain columns.
_SIGNED_IN = (
    select(
        Staff.id,
        Staff.login,
        Staff.name,
        Staff.role,
        Staff.partner_id,
        Staff.session_version,
        Branch.id,
        Branch.name,
    )
    .outerjoin(StaffBranch, StaffBranch.staff_id == Staff.id)
    .outerjoin(Branch, Branch.id == StaffBranch.branch_id)
    .where(Staff.id == bindparam("staff_id", type_=Uuid), Staff.active)
    .order_by(Branch.name)
)


_SIGNED_IN_PREPARED = Prepared(_SIGNED_IN)


def signed_in(connection: Connection, staff_id: UUID) -> SignedIn | None:
    """Return the active account with its branches, in one query; None when there is no such account.

    Asked before every request, so without a session; and always anew, so an ended session ends at once.
    """
    given = {"staff_id": staff_id}
    if connection.dialect.name == "postgresql":
        rows: Sequence[Any] = _SIGNED_IN_PREPARED.all(connection, given)
    else:
        rows = connection.execute(_SIGNED_IN, given).all()
    if not rows:
        return None
    found, login, name, role, partner_id, version, _, _ = rows[0]
    # An outer join: someone without a branch has one row with none (branches count from 1).
    branches = {row[6]: row[7] for row in rows if row[6]}
    return SignedIn(found, login, name, Role(role), partner_id, version, branches)
