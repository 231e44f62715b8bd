"""Earmarks: what a gift is restricted to, as branches and cities that exist."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import N_, BadInput
from voucher_service.partners.models import Earmark, EarmarkKind
from voucher_service.staff.models import Branch


def known_earmarks(session: Session, earmarks: Sequence[tuple[EarmarkKind, str]]) -> list[tuple[EarmarkKind, str]]:
    """Return `earmarks` once each, as they are stored: a branch by its number, a city as branches spell it.

    Raises:
        BadInput: a branch or a city that no branch has.
    """
    branches: dict[str, str] = {}
    cities: dict[str, str] = {}
    for number, city in session.execute(select(Branch.id, Branch.city)):
        branches[str(number)] = str(number)
        cities[_folded(city)] = city
    known: set[tuple[EarmarkKind, str]] = set()
    for kind, value in earmarks:
        by_branch = kind is EarmarkKind.BRANCH
        found = branches.get(value.strip()) if by_branch else cities.get(_folded(value))
        if found is None:
            nowhere = N_("Aucune antenne n’a le numéro « {value} » : choisissez dans la liste.")
            place = N_("Aucune antenne n’est à « {value} » : choisissez dans la liste.")
            raise BadInput(nowhere if by_branch else place, field="earmarks", value=value)
        known.add((kind, found))
    return sorted(known)


def earmarks_of(session: Session, allocation_id: int) -> list[tuple[EarmarkKind, str]]:
    """Return what the allocation is restricted to; empty: nothing."""
    rows = select(Earmark.kind, Earmark.value).where(Earmark.allocation_id == allocation_id)
    return sorted((EarmarkKind(kind), value) for kind, value in session.execute(rows))


def _folded(city: str) -> str:
    return " ".join(city.split()).casefold()
