"""A partner, its gift, and one break of a chosen class, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.flows.reconciliation.builders import DAY, NOON, Wanted, World, add_orders, make_world
from tests.flows.reconciliation.codes import add_code
from tests.flows.reconciliation.test_statements import keep, line
from tests.flows.reconciliation.test_whole_life import SCANLESS
from voucher_service.db import Database
from voucher_service.fulfilment.models import ItemState, Order, OrderState
from voucher_service.ledger.audit import audit
from voucher_service.ledger.balances import Balances, balances
from voucher_service.partners.policies import set_threshold
from voucher_service.reconciliation.intake.models import GracePeriod
from voucher_service.reconciliation.models import Break, Statement
from voucher_service.reconciliation.run import RunResult, run
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Settlement, Way

CLAIRE, OMAR = "staff:claire", "staff:omar"
TOTALS = "our ref;montant;unit;status;date;nombre de recharges\n"


@dataclass
class Bench:
    """What the tests of this folder handle. `break_id` is the break at hand."""

    database: Database
    world: World
    statement_id: UUID | None = None
    order_id: UUID | None = None
    break_id: UUID | None = None
    now: datetime = NOON

    @property
    def hand(self) -> UUID:
        """The break at hand."""
        assert self.break_id is not None
        return self.break_id

    @property
    def ordered(self) -> UUID:
        """The order of the break at hand."""
        assert self.order_id is not None
        return self.order_id

    def make(self, kind: str) -> Bench:
        """Make a break of this class, through a statement and a run."""
        state, lines = CASES[kind]
        with self.database.begin() as session:
            (order,) = add_orders(session, self.world, [Wanted(state)])
            if kind == "awaited_at_partner":
                rule = {"effective_from": DAY, "days": 1, "most_days": 35, "set_by": CLAIRE, "set_at": NOON}
                session.add(GracePeriod(partner_id=self.world.partner_id, **rule))
            if kind == "code_used_before_reveal":
                add_code(session, self.world, "8910", ItemState.IN_STOCK)
            days = (DAY, DAY)
            head = {"head": TOTALS} if kind == "total_differs" else {}
            texts = [text.replace("ORDER", str(order)) for text in lines]
            statement = keep(session, self.world, *texts, period=days, **head)
            self.order_id, self.statement_id = order, statement.id
        self.again()
        with self.database.read() as session:
            found = session.scalars(select(Break).where(Break.kind == kind)).one()
        self.break_id = found.id
        return self

    def again(self) -> RunResult:
        """Compare again, a day later."""
        self.now += timedelta(days=1)
        assert self.statement_id is not None
        return self.database.run(run, self.statement_id, self.now)

    def found(self) -> Break:
        """The break as it stands."""
        with self.database.read() as session:
            return session.get_one(Break, self.break_id)

    def order(self) -> Order:
        """The order as it stands."""
        with self.database.read() as session:
            return session.get_one(Order, self.order_id)

    def set_order(self, state: OrderState) -> None:
        """Move the order by hand."""
        with self.database.begin() as session:
            session.execute(update(Order).where(Order.id == self.order_id).values(state=state.value))

    def statement(self) -> Statement:
        """The statement."""
        with self.database.read() as session:
            return session.get_one(Statement, self.statement_id)

    def held(self) -> Balances:
        """Where the gift's value lies."""
        with self.database.read() as session:
            return balances(session, self.world.book_id)

    def propose(self, way: Way, actor: str = CLAIRE, **more: object) -> Settlement:
        """Propose a booking."""
        sent = {"way": way, "note": "Vu avec l’opérateur", "actor": actor, "now": self.now} | more
        return self.database.run(settle.propose, self.break_id, **sent)  # type: ignore[arg-type]  # the names are its own

    def agree(self, made: Settlement, actor: str = OMAR) -> Settlement:
        """Agree to it."""
        return self.database.run(settle.agree, made.id, actor=actor, now=self.now)

    def undo(self, made: Settlement, actor: str = CLAIRE) -> Settlement:
        """Propose the counter-booking."""
        return self.database.run(settle.propose_undo, made.id, note="Erreur de notre part", actor=actor, now=self.now)

    def threshold(self, cents: int) -> None:
        """Let one person book up to so much."""
        with self.database.begin() as session:
            day = self.now.date()
            set_threshold(session, unit=self.world.unit, effective_from=day, quantity=cents, today=day)

    def faults(self) -> list[str]:
        """What the independent audit finds; the builders make orders without scans."""
        with self.database.read() as session:
            return [one.rule for one in audit(session) if not one.rule.startswith(SCANLESS)]


CASES: dict[str, tuple[OrderState, list[str]]] = {
    "amount_differs": (OrderState.DELIVERED, [line("ORDER", "8")]),
    "delivered_here_refused_there": (OrderState.DELIVERED, [line("ORDER", status="refusé")]),
    "refused_here_delivered_there": (OrderState.GIVEN_BACK, [line("ORDER")]),
    "missing_at_partner": (OrderState.DELIVERED, [line("x")]),
    "awaited_at_partner": (OrderState.DELIVERED, [line("x")]),
    "unexpected_at_partner": (OrderState.GIVEN_BACK, [line("x")]),
    "duplicate_at_partner": (OrderState.DELIVERED, [line("ORDER"), line("ORDER")]),
    "delivered_there_open_here": (OrderState.WAITING, [line("ORDER")]),
    "refused_there_open_here": (OrderState.UNKNOWN, [line("ORDER", status="refusé")]),
    "reversed_after_delivery": (OrderState.DELIVERED, [line("ORDER", status="remboursé")]),
    "total_differs": (OrderState.DELIVERED, [";8;EUR;OK;10/03/2026 12:00;1\n"]),
    "code_used_before_reveal": (OrderState.GIVEN_BACK, [";;8910;10;OK;10/03/2026 12:00\n"]),
}


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    """A world without a break yet."""
    made = Database(database_url)
    with made.begin() as session:
        world = make_world(session)
    yield Bench(made, world)
    made.close()
