"""Branches: opened with a till of their own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict
from voucher_service.ledger.models import BookKind
from voucher_service.ledger.post import open_book
from voucher_service.staff.models import Branch
from voucher_service.units import Unit

_LIMITS = {"name": 80, "city": 80, "address": 160, "hours": 160}


def create_branch(session: Session, *, name: str, city: str, address: str, hours: str, now: datetime) -> Branch:
    """Open a branch and the till book its cash legs are written in (unit: EUR cents).

    Raises:
        BadInput: a text is empty or too long.
        Conflict: `branch_exists`.
    """
    texts = {"name": name.strip(), "city": city.strip(), "address": address.strip(), "hours": hours.strip()}
    for field, limit in _LIMITS.items():
        if not 1 <= len(texts[field]) <= limit:
            raise BadInput("Ce texte compte de 1 à {limit} caractères.", field=field, limit=limit)
    if session.scalar(select(Branch.id).where(Branch.name == texts["name"])):
        raise Conflict("Une antenne porte déjà ce nom : choisissez-en un autre.", code="branch_exists")
    till = open_book(session, kind=BookKind.TILL, unit=Unit.EUR_CENT, now=now)
    branch = Branch(**texts, till_book_id=till)
    session.add(branch)
    session.flush()
    return branch


def cities(session: Session) -> list[str]:
    """Return the cities that have a branch, in alphabetical order."""
    return list(session.scalars(select(Branch.city).distinct().order_by(Branch.city)))
