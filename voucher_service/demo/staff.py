"""The branches and accounts of the demonstration: seven cities, one account for each role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.ids import new_id
from voucher_service.partners.models import Partner
from voucher_service.staff.accounts import create_staff
from voucher_service.staff.branches import create_branch
from voucher_service.staff.models import Role

PASSWORD = "un coup de pouce"  # noqa: S105  # shown on the start-up card: it guards invented data


@dataclass(frozen=True, slots=True)
class Account:
    """A demonstration account; `cities` names the branches it works at."""

    login: str
    name: str
    role: Role
    cities: tuple[str, ...] = ()


ACCOUNTS = (
    Account("coordination", "Awa Diallo", Role.COORDINATOR),
    Account("coordination2", "Marc Lefèvre", Role.COORDINATOR),  # whoever asks may not approve
    Account("accueil", "Inès Benali", Role.COUNTER, ("Lyon", "Grenoble")),
    Account("benevole", "Paul Martin", Role.VOLUNTEER, ("Lyon",)),
    Account("operateur", "Claire Morel", Role.PARTNER),
    Account("audit", "Hugo Petit", Role.AUDITOR),
)

BRANCHES = (
    ("Paris Nation", "Paris", "12 avenue des Essais, 75012 Paris"),
    ("Lyon Guillotière", "Lyon", "8 place des Essais, 69007 Lyon"),
    ("Marseille Joliette", "Marseille", "3 quai des Essais, 13002 Marseille"),
    ("Lille Fives", "Lille", "41 rue des Essais, 59800 Lille"),
    ("Bordeaux Bastide", "Bordeaux", "5 allée des Essais, 33100 Bordeaux"),
    ("Grenoble Berriat", "Grenoble", "27 cours des Essais, 38000 Grenoble"),
    ("Saint-Denis Basilique", "Saint-Denis", "2 rue des Essais, 93200 Saint-Denis"),
)
HOURS = "Du lundi au vendredi, 9 h 30 – 12 h 30 et 14 h – 17 h"


def fill_staff(session: Session, *, now: datetime) -> dict[str, int]:
    """Open the branches and the accounts; return the number of each branch by city.

    The operator's account belongs to the first partner of the database; there must be one.
    """
    branches = {
        city: create_branch(session, name=name, city=city, address=address, hours=HOURS, now=now).id
        for name, city, address in BRANCHES
    }
    partner: UUID = session.query(Partner.id).order_by(Partner.created_at, Partner.name).limit(1).scalar()
    for account in ACCOUNTS:
        create_staff(
            session,
            staff_id=new_id(),
            login=account.login,
            name=account.name,
            role=account.role,
            password=PASSWORD,
            branch_ids=[branches[city] for city in account.cities],
            partner_id=partner if account.role is Role.PARTNER else None,
            now=now,
        )
    return branches
