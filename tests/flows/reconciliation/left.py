"""A partner with one gift, what it declares to be left, and the breaks that makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import NOON, VAULT, Wanted, World, add_orders, make_world
from tests.flows.reconciliation.test_statements import HEAD
from tests.flows.reconciliation.test_whole_life import SCANLESS
from voucher_service.db import Database
from voucher_service.ledger.audit import audit
from voucher_service.reconciliation.balances import books, tolerance
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.run import RunResult, run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Settlement, Way

DAY = date(2026, 3, 10)
LATER = NOON + timedelta(days=1)
BALANCE = BreakClass.BALANCE_DIFFERS.value
CLAIRE, OMAR, THEM = "staff:claire", "staff:omar", "staff:operateur"


@dataclass
class Books:
    """A partner with an ample gift, of which some orders of 10 € were delivered at noon of DAY."""

    database: Database
    world: World
    orders: list[UUID]

    def declare(self, closing: int, *, day: date = DAY, reason: str = "", **more: int) -> DeclaredBalance:
        """Declare what is left."""
        return self.database.run(
            declare, partner_id=self.world.partner_id, allocation_id=self.world.book_id, as_of=day, actor=THEM,
            said=Said(closing=closing, **more), now=LATER, reason=reason,
        )  # fmt: skip

    def compared(self, *lines: str) -> RunResult:
        """Import a statement of DAY and compare it."""
        with self.database.begin() as session:
            return run(session, self.take_in(session, *lines).id, LATER)

    def take_in(self, session: Session, *lines: str, replaces: UUID | None = None) -> Statement:
        """Import a statement of DAY, a day later."""
        return import_statement(
            session, vault=VAULT,
            partner_id=self.world.partner_id, file_name="mars.csv", content=(HEAD + "".join(lines)).encode(),
            actor="lea", now=LATER, period=(DAY, DAY), replaces=replaces,
        )  # fmt: skip

    def breaks(self, kind: str = BALANCE) -> list[tuple[int, bool]]:
        """Quantity of each break of this class, and whether it is open."""
        with self.database.read() as session:
            rows = select(Break.quantity, Break.resolved_at.is_(None)).where(Break.kind == kind)
            return [(quantity, is_open) for quantity, is_open in session.execute(rows.order_by(Break.found_at))]

    def hand(self, kind: str = BALANCE) -> UUID:
        """The open break of this class."""
        with self.database.read() as session:
            return session.scalars(select(Break.id).where(Break.kind == kind, Break.resolved_at.is_(None))).one()

    def left(self, until: datetime = datetime(2026, 3, 10, 23, tzinfo=UTC)) -> books.Position:
        """The gift at the end of DAY in Paris."""
        with self.database.read() as session:
            return books.position(session, self.world.book_id, until)

    def book(self, kind: str, way: Way) -> Settlement:
        """Settle the open break, two people agreeing."""
        made = self.database.run(settle.propose, self.hand(kind), way=way, note="Vu ensemble", actor=CLAIRE, now=LATER)
        return self.database.run(settle.agree, made.id, actor=OMAR, now=LATER)

    def tolerate(self, each: int, most: int, since: date = DAY) -> None:
        """Declare a tolerance, the day before it begins."""
        self.database.run(
            tolerance.set_tolerance, partner_id=self.world.partner_id, unit=self.world.unit, each=each, most=most,
            effective_from=since, actor=CLAIRE, today=since - timedelta(days=1), now=NOON,
        )  # fmt: skip

    def faults(self) -> list[str]:
        """What the independent audit finds."""
        with self.database.read() as session:
            return [one.rule for one in audit(session) if not one.rule.startswith(SCANLESS)]


def make_books(database: Database) -> Books:
    """Two orders of 10 € delivered."""
    with database.begin() as session:
        world = make_world(session)
        orders = add_orders(session, world, [Wanted(), Wanted()])
    return Books(database, world, list(orders))
