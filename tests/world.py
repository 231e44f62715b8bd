"""A small programme to test with: a partner, an agreement, two branches. Days are in January 2030."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.ledger.models import BookKind
from voucher_service.ledger.post import open_book
from voucher_service.partners.gifts import create_agreement, create_partner, propose_allocation
from voucher_service.partners.models import Allocation, EarmarkKind
from voucher_service.partners.policies import set_threshold
from voucher_service.staff.models import Branch
from voucher_service.units import Unit

NOW = datetime(2030, 1, 10, 9, 30, tzinfo=UTC)
DAY = date(2030, 1, 10)
FIRST, LAST = date(2030, 1, 1), date(2030, 12, 31)
THRESHOLD = 100_000


@dataclass(frozen=True)
class World:
    """What the programme consists of; branch 1 is in Lyon, 2 in Saint-Denis, 3 in Lyon too."""

    partner_id: UUID
    agreement_id: UUID
    branches: tuple[int, int, int]


def branch(session: Session, name: str, city: str) -> int:
    """Open a branch with its till; return its number."""
    till = open_book(session, kind=BookKind.TILL, unit=Unit.EUR_CENT, now=NOW)
    row = Branch(name=name, city=city, address="1 rue de la Paix", hours="9 h – 17 h", till_book_id=till)
    session.add(row)
    session.flush()
    return row.id


def build(session: Session) -> World:
    """Make the programme."""
    for unit in Unit:
        set_threshold(session, unit=unit, effective_from=FIRST, quantity=THRESHOLD, today=FIRST)
    partner = create_partner(session, name="Télécom Solidaire", now=NOW)
    agreement = create_agreement(
        session,
        partner_id=partner.id,
        reference="C-2030",
        signed_on=FIRST,
        valid_from=FIRST,
        valid_until=LAST,
    )
    branches = (
        branch(session, "Lyon Est", "Lyon"),
        branch(session, "Saint-Denis", "Saint-Denis"),
        branch(session, "Lyon Ouest", "Lyon"),
    )
    return World(partner.id, agreement.id, branches)


def built(database: Database) -> World:
    """Make the programme in a transaction of its own."""
    with database.begin() as session:
        return build(session)


def give(
    session: Session,
    world: World,
    *,
    label: str = "Don",
    unit: Unit | str = Unit.EUR_CENT,
    quantity: int = 10_000,
    valid_from: date = FIRST,
    valid_until: date = LAST,
    priority: int = 100,
    earmarks: Sequence[tuple[EarmarkKind, str]] = (),
    actor: str = "staff:claire",
    now: datetime = NOW,
) -> Allocation:
    """Propose an allocation that is right unless told otherwise."""
    return propose_allocation(
        session,
        agreement_id=world.agreement_id,
        label=label,
        unit=unit,
        quantity=quantity,
        valid_from=valid_from,
        valid_until=valid_until,
        priority=priority,
        earmarks=earmarks,
        actor=actor,
        now=now,
    )
