"""What staff do at the desk of the demonstration, each time through the real features."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.demo.cast import Cast, Someone
from voucher_service.demo.moment import Clock, Joined
from voucher_service.fulfilment.deliver import deliver_next
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.providers import Operator, Provider
from voucher_service.fulfilment.stock import reveal
from voucher_service.ids import local_day, new_id
from voucher_service.partners.models import STOCK_ROUTES, Offer
from voucher_service.people.identity import register
from voucher_service.staff.models import Branch
from voucher_service.visits.desk import open_day, redeem_at_desk
from voucher_service.visits.follow_up import record_visit
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.questions import Forms
from voucher_service.visits.redeem import Recorded, ScanRequest
from voucher_service.vouchers.issue import Wanted, issue_one
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher


@runtime_checkable
class Rehearsable(Protocol):
    """A partner that can live by another clock, at once and without waiting: the sandbox."""

    def rehearsal(self, clock: Clock) -> Operator:
        """Return the same partner by the time of `clock`."""


def rehearsed(providers: Mapping[str, Provider], clock: Clock) -> dict[str, Provider]:
    """Return the providers a demonstration can use without speaking to anyone real."""
    return {
        route: provider.rehearsal(clock) if isinstance(provider, Rehearsable) else provider
        for route, provider in providers.items()
        if isinstance(provider, Rehearsable) or not isinstance(provider, Operator)
    }


@dataclass(slots=True)
class Desk:
    """Everything a visit needs. `staff` has, for each branch by its index, who receives people there."""

    vault: Vault
    ring: KeyRing
    providers: Mapping[str, Provider]
    forms: Forms
    clock: Clock
    cast: Cast
    rng: random.Random
    branches: list[Branch]
    staff: list[list[UUID]]

    def new_id(self) -> UUID:
        """Return an id of the clock's instant."""
        return new_id(int(self.clock.now.timestamp() * 1000))

    def receive(self, database: Joined, person: Someone) -> None:
        """Register someone who is here for the first time."""
        person.id = self.new_id()
        database.run(
            register,
            self.vault,
            name=person.name,
            phone=person.number,
            birth_year=person.birth_year,
            language=person.language,
            branch_id=self.branches[person.home].id,
            now=self.clock.now,
            person_id=person.id,
        )

    def issue(self, database: Joined, wanted: Wanted) -> Voucher:
        """Issue a voucher."""
        return database.run(issue_one, self.ring, self.new_id(), wanted, now=self.clock.now)

    def present(
        self, database: Joined, person: Someone, voucher: Voucher, *, number: str | None = None, code: str = ""
    ) -> Recorded:
        """Scan the person's voucher (or what they show instead: `code`), and deliver it at once."""
        request = self._request(database, person, voucher, number, code)
        recorded = database.run(redeem_at_desk, self.vault, self.ring, self.forms, request, now=self.clock.now)
        if recorded.outcome is Outcome.ACCEPTED:
            person.visits += 1
            assert recorded.order_id is not None, "an accepted scan has its order"
            self.clock.now += timedelta(seconds=self.rng.randint(2, 5))
            deliver_next(database, self.providers, self.vault, self.clock, order_id=recorded.order_id)
        return recorded

    def _request(
        self, database: Joined, person: Someone, voucher: Voucher, number: str | None, code: str
    ) -> ScanRequest:
        branch = self.branches[person.home]
        with database.read() as session:
            printed = self.ring.printed(session, voucher)
            by_number = session.get_one(Offer, voucher.offer_id).route not in STOCK_ROUTES
        shown = printed.typed if self.rng.random() < 0.12 else printed.digits
        pays = self.rng.random() < 0.85  # whoever cannot pay is not asked to
        return ScanRequest(
            scan_id=self.new_id(),
            code=code or shown,
            branch_id=branch.id,
            till_book_id=branch.till_book_id,
            staff_id=self.who(person),
            scanned_at=self.clock.now - timedelta(seconds=1),
            number=(number or person.number or _BORROWED) if by_number else None,
            paid_cents=voucher.price_cents if pays else 0,
            answers=self.cast.answers(person.visits),
            note=self.cast.note(),
            next_visit_on=open_day(local_day(self.clock.now) + timedelta(days=30)),
        )

    def who(self, person: Someone) -> UUID:
        """Return who receives the person."""
        return self.rng.choice(self.staff[person.home])

    def reveal(self, database: Joined, order_id: UUID, actor: UUID) -> None:
        """Show the recharge code of the order, if one is set aside."""
        with database.read() as session:
            held = session.scalar(select(Order.id).where(Order.id == order_id, Order.state == OrderState.HELD.value))
        if held is not None:
            database.run(reveal, self.vault, order_id=order_id, actor=f"staff:{actor}", reason="", now=self.clock.now)

    def talk(self, database: Joined, person: Someone, campaign_id: UUID) -> None:
        """Record a visit without a voucher."""
        person.visits += 1
        database.run(
            record_visit,
            self.vault,
            self.forms,
            visit_id=self.new_id(),
            person_id=person.id,
            campaign_id=campaign_id,
            branch_id=self.branches[person.home].id,
            staff_id=self.who(person),
            occurred_at=self.clock.now,
            answers=self.cast.answers(person.visits),
            note=self.cast.note(),
            next_visit_on=open_day(local_day(self.clock.now) + timedelta(days=30)),
            now=self.clock.now,
        )


_BORROWED = "+33639980000"
"""The number of the branch's own telephone, for those who have none."""


def has_open_orders(session: Session) -> bool:
    """Say whether a delivery is still without its end."""
    states = [OrderState.WAITING.value, OrderState.SENDING.value, OrderState.ACCEPTED.value, OrderState.UNKNOWN.value]
    return session.scalar(select(Order.id).where(Order.state.in_(states)).limit(1)) is not None
