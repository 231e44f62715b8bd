"""The branches and accounts of the demonstration: seven cities, one account for each role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.ids import new_id
from voucher_service.partners.models import Partner
from voucher_service.staff.accounts import create_staff
from voucher_service.staff.branches import create_branch
from voucher_service.staff.models import Role

PASSWORD = "un coup de pouce"  # noqa: S105  # shown on the start-up card: it guards invented data


@dataclass(frozen=True, slots=True)
class Account:
    """A demonstration account; `cities` names the branches it works at, `partner` counts the operators from 0."""

    login: str
    name: str
    role: Role
    cities: tuple[str, ...] = ()
    partner: int = 0


ACCOUNTS = (
    Account("coordination", "Awa Diallo", Role.COORDINATOR),
    Account("coordination2", "Marc Lefèvre", Role.COORDINATOR),  # whoever asks may not approve
    Account("accueil", "Inès Benali", Role.COUNTER, ("Lyon", "Grenoble")),
    Account("benevole", "Paul Martin", Role.VOLUNTEER, ("Lyon",)),
    Account("operateur", "Claire Morel", Role.PARTNER),
    Account("audit", "Hugo Petit", Role.AUDITOR),
)
"""The sign-ins of the start-up card."""

COLLEAGUES = (
    Account("accueil.paris", "Salima Meziane", Role.COUNTER, ("Paris", "Saint-Denis")),
    Account("accueil.marseille", "Toni Garcin", Role.COUNTER, ("Marseille",)),
    Account("accueil.lille", "Jeanne Wouters", Role.COUNTER, ("Lille",)),
    Account("accueil.bordeaux", "Mathieu Etcheverry", Role.COUNTER, ("Bordeaux",)),
    Account("operateur2", "Loïc Le Bihan", Role.PARTNER, partner=1),
)
"""Who else works in the full programme."""

BRANCHES = (
    ("Paris Nation", "Paris", "12 avenue des Essais, 75012 Paris"),
    ("Lyon Guillotière", "Lyon", "8 place des Essais, 69007 Lyon"),
    ("Marseille Joliette", "Marseille", "3 quai des Essais, 13002 Marseille"),
    ("Lille Fives", "Lille", "41 rue des Essais, 59800 Lille"),
    ("Bordeaux Bastide", "Bordeaux", "5 allée des Essais, 33100 Bordeaux"),
    ("Grenoble Berriat", "Grenoble", "27 cours des Essais, 38000 Grenoble"),
    ("Saint-Denis Basilique", "Saint-Denis", "2 rue des Essais, 93200 Saint-Denis"),
    ("Paris Ménilmontant", "Paris", "60 rue des Essais, 75020 Paris"),
    ("Marseille Belle de Mai", "Marseille", "19 boulevard des Essais, 13003 Marseille"),
)
HOURS = "Du lundi au vendredi, 9 h 30 – 12 h 30 et 14 h – 17 h"


def fill_staff(session: Session, *, now: datetime, accounts: Iterable[Account] = ACCOUNTS) -> dict[str, list[int]]:
    """Open the branches and the accounts; return the numbers of each city's branches, in the order above.

    An operator's account belongs to the partner of its number, or to the last one; there must be one.
    """
    branches: dict[str, list[int]] = {}
    for name, city, address in BRANCHES:
        opened = create_branch(session, name=name, city=city, address=address, hours=HOURS, now=now)
        branches.setdefault(city, []).append(opened.id)
    partners: list[UUID] = list(session.scalars(select(Partner.id).order_by(Partner.created_at, Partner.name)))
    for account in accounts:
        create_staff(
            session,
            staff_id=new_id(),
            login=account.login,
            name=account.name,
            role=account.role,
            password=PASSWORD,
            branch_ids=[branch for city in account.cities for branch in branches[city]],
            partner_id=partners[min(account.partner, len(partners) - 1)] if account.role is Role.PARTNER else None,
            now=now,
        )
    return branches
