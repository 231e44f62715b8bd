"""What a partner says is left of a gift, held against the books to the piece; what its tolerance books by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import AMPLE, NOON, Wanted, World, add_orders, make_world
from tests.flows.reconciliation.test_statements import HEAD, line
from tests.flows.reconciliation.test_whole_life import SCANLESS
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.audit import audit
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances import books, compare, tolerance
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.run import RunResult, run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Settlement, Way
from voucher_service.units import Unit

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
            session, partner_id=self.world.partner_id, file_name="mars.csv", content=(HEAD + "".join(lines)).encode(),
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


@pytest.fixture
def held(database: Database) -> Books:
    """Two orders of 10 € delivered."""
    with database.begin() as session:
        world = make_world(session)
        orders = add_orders(session, world, [Wanted(), Wanted()])
    return Books(database, world, list(orders))


def test_a_balance_that_differs_is_a_break_until_a_booking_or_a_correction(held: Books) -> None:
    assert held.left().closing == AMPLE - 2_000
    held.declare(AMPLE - 2_000)
    assert held.breaks() == []
    with pytest.raises(BadInput) as caught:
        held.declare(AMPLE - 2_500)
    assert caught.value.field == "reason", "a correction says why"
    held.declare(AMPLE - 2_500, reason="Compté à nouveau")
    assert held.breaks() == [(-500, True)]
    held.declare(AMPLE - 2_500, reason="Encore")  # the same again: nothing
    held.declare(AMPLE - 1_700, reason="Faute de frappe")
    assert held.breaks() == [(-500, False), (300, True)]
    made = held.book(BALANCE, Way.THEIRS)
    assert (made.allocation_id, held.breaks()) == (held.world.book_id, [(-500, False), (300, False)])
    assert held.left().closing == AMPLE - 1_700
    with held.database.read() as session:
        assert balances(session, held.world.book_id)[AccountKind.VARIANCE] == -300
        assert [one.edition for one in compare.current(session, held.world.partner_id)] == [3]
    undone = held.database.run(settle.propose_undo, made.id, note="Erreur", actor=CLAIRE, now=LATER)
    held.database.run(settle.agree, undone.id, actor=OMAR, now=LATER)
    assert held.breaks()[-1] == (300, True)
    assert held.faults() == []


def test_settling_a_line_that_explains_it_closes_the_balance_too(held: Books) -> None:
    """The partner says that one was refused, and counts so: one break of a line, one of the balance, one booking."""
    one, two = held.orders
    held.declare(AMPLE - 1_000)
    assert held.breaks() == [(1_000, True)]
    result = held.compared(line(one), line(two, status="refusé"))
    assert result.figures.by_class == {BreakClass.DELIVERED_HERE_REFUSED_THERE: 1}
    # The booking is of a day later; it counts with the line it settles.
    held.book("delivered_here_refused_there", Way.THEIRS)
    assert held.breaks() == [(1_000, False)]
    assert held.left().reversed == 1_000
    assert held.faults() == []


def test_a_delivery_on_both_sides_of_the_instant_counts_where_the_line_that_claims_it_is(held: Books) -> None:
    """Before it for us, after it for the partner, and the other way round: its balance is the one that counts."""
    minutes = [NOON - timedelta(minutes=1), NOON + timedelta(minutes=2), NOON + timedelta(minutes=6)]
    with held.database.read() as session:
        assert session.scalars(select(Order.final_at).distinct()).all() == [NOON]
    held.compared(line(held.orders[0], day="10/03/2026 12:05"), line(held.orders[1], day="10/03/2026 11:58"))
    before, between, after = (held.left(at) for at in minutes)
    assert (before.delivered, before.around_midnight) == (1_000, 1_000)
    assert (between.delivered, between.around_midnight) == (1_000, -1_000)
    assert (after.delivered, after.around_midnight) == (2_000, 0)


def test_the_figures_must_follow_from_each_other_and_belong_to_a_past_day(held: Books) -> None:
    whole: dict[str, Any] = {
        "opening": 0,
        "granted": AMPLE,
        "delivered": 2_000,
        "reversed": 0,
        "expired": 0,
        "returned": 0,
    }
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"closing": 5, **whole}, "closing"),
        ({"closing": 5, "delivered": -1}, "delivered"),
        ({"closing": 10**20}, "closing"),
        ({"closing": 5, "day": LATER.date()}, "as_of"),
    ]
    for said, field in wrong:
        with pytest.raises(BadInput) as caught:
            held.declare(**said)
        assert caught.value.field == field, said
    held.declare(AMPLE - 2_000, **whole)
    with held.database.begin() as session:
        other = make_world(session, "Opérateur B").partner_id
    with pytest.raises(NotFound):
        held.database.run(
            declare, partner_id=other, allocation_id=held.world.book_id, as_of=DAY, said=Said(closing=1), actor=THEM,
            now=LATER,
        )  # fmt: skip


def test_what_was_declared_is_never_changed(held: Books) -> None:
    made = held.declare(AMPLE - 2_500)
    held.tolerate(1, 1)
    for table in ("declared_balance", "break_subject", "tolerance"):
        for way in (f"UPDATE {table} SET partner_id = partner_id", f"DELETE FROM {table}"):  # noqa: S608  # our names
            with pytest.raises(DBAPIError, match="written once"), held.database.begin() as session:
                session.execute(text(way))
    row = {column.name: getattr(made, column.name) for column in DeclaredBalance.__table__.columns}
    for wrong in ({"edition": 1}, {"edition": 2}, {"edition": 2, "reason": "oui", "delivered": -1}):
        with pytest.raises(IntegrityError), held.database.begin() as session:
            session.execute(insert(DeclaredBalance).values(row | {"id": held.orders[0]} | wrong))
    with pytest.raises(DBAPIError), held.database.begin() as session:
        session.execute(update(Break).where(Break.kind == BALANCE).values(kind="amount_differs"))
    with held.database.begin() as session:  # the planted fault: without its trigger it would go
        on = "" if held.database.is_sqlite else " ON declared_balance"
        verb = "update" if held.database.is_sqlite else "change"
        session.execute(text(f"DROP TRIGGER declared_balance_no_{verb}{on}"))
        session.execute(update(DeclaredBalance).values(closing=0))


@pytest.mark.parametrize(
    ("each", "most", "open_ones"),
    [(0, 0, 2), (4, 4, 2), (3, 4, 2), (3, 5, 0), (3, 6, 0)],
    ids=["none", "one line above it", "above the bound", "at the bound", "below it"],
)
def test_tolerance_is_booked_up_to_its_bounds_and_never_in_part(
    held: Books, each: int, most: int, open_ones: int
) -> None:
    """One line says 3 cents more than we booked, the other 2 less."""
    one, two = held.orders
    if each == 4:
        each, most = 2, 9  # smaller than one of the two: that stays, the other is booked
        open_ones = 1
    if each:
        held.tolerate(each, most)
    result = held.compared(line(one, "10,03"), line(two, "9,98"))
    assert result.figures.by_class.get(BreakClass.AMOUNT_DIFFERS, 0) == open_ones
    assert result.figures.complete
    booked = {(3, 5): [3, -2], (3, 6): [3, -2], (2, 9): [-2]}.get((each, most), [])
    with held.database.read() as session:
        made = session.scalars(select(Settlement).where(Settlement.way == Way.TOLERANCE.value)).all()
        assert sorted(one.quantity for one in made) == sorted(booked)
        assert all("ligne" in one.note and one.transfer_id for one in made)
        variance = balances(session, held.world.book_id).get(AccountKind.VARIANCE, 0)
    assert variance == sum(booked)
    assert held.left().closing == AMPLE - 2_000 - sum(booked), "what is left follows the partner's figures"
    with held.database.begin() as session:  # again: nothing more
        statement_id = session.scalars(select(Break.statement_id)).first()
        assert statement_id is not None
        run(session, statement_id, LATER)
        assert len(session.scalars(select(Settlement)).all()) == len(booked)
    assert held.faults() == []


def test_tolerance_that_people_undo_is_not_used_again(held: Books) -> None:
    held.tolerate(5, 5)
    held.compared(line(held.orders[0], "10,03"), line(held.orders[1]))
    with held.database.read() as session:
        made = session.scalars(select(Settlement)).one()
        statement_id = session.scalars(select(Break.statement_id)).one()
        assert statement_id is not None
    undone = held.database.run(settle.propose_undo, made.id, note="À revoir", actor=CLAIRE, now=LATER)
    held.database.run(settle.agree, undone.id, actor=OMAR, now=LATER)
    held.database.run(run, statement_id, LATER)
    assert held.breaks("amount_differs") == [(3, True)]
    assert held.faults() == []


@pytest.mark.parametrize(("differs", "is_open"), [(-5, False), (5, False), (6, True)])
def test_the_residual_of_a_balance_is_tolerated_likewise(held: Books, differs: int, is_open: bool) -> None:
    held.tolerate(5, 5)
    held.declare(AMPLE - 2_000 + differs)
    assert held.breaks() == [(differs, is_open)]
    assert held.left().closing == AMPLE - 2_000 + (0 if is_open else differs)
    held.database.run(compare.refresh_partner, held.world.partner_id, LATER)
    assert held.breaks() == [(differs, is_open)]
    assert held.faults() == []


def test_a_wider_tolerance_is_never_for_today(held: Books) -> None:
    def put(each: int, most: int, since: date) -> None:
        held.database.run(
            tolerance.set_tolerance, partner_id=held.world.partner_id, unit=Unit.EUR_CENT, each=each, most=most,
            effective_from=since, actor=CLAIRE, today=DAY, now=NOON,
        )  # fmt: skip

    tomorrow = DAY + timedelta(days=1)
    for each, most, since in ((1, 1, DAY), (1, 1, DAY - timedelta(days=1)), (2, 1, tomorrow), (-1, 1, tomorrow)):
        with pytest.raises(BadInput):
            put(each, most, since)
    put(1, 2, tomorrow)
    with pytest.raises(Conflict) as caught:
        put(1, 3, tomorrow)
    assert caught.value.code == "already_in_force"
    with held.database.read() as session:
        at = [tolerance.tolerance_on(session, held.world.partner_id, "eur_cent", day) for day in (DAY, tomorrow)]
    assert at[0] is None
    assert at[1] is not None
    assert (at[1].each, at[1].most) == (1, 2)
    put(0, 0, DAY)  # a narrower one may begin at once


def test_a_statement_may_say_what_is_left_and_is_incomplete_until_it_agrees(held: Books) -> None:
    one, two = held.orders
    lines = (line(one), line(two))
    with held.database.begin() as session:
        label = session.scalars(select(Allocation.label)).one()
    for told in (f"SOLDE;{held.world.book_id};9 999 999 970,00\n", f"TOTAL;2\nSolde;;{label};9999999980\n"):
        result = held.compared(*lines, told)
        is_wrong = "970" in told
        assert result.figures.complete is not is_wrong
        assert (BreakClass.BALANCE_DIFFERS in result.figures.by_class) is is_wrong
        assert result.figures.lines == 2
    with held.database.read() as session:
        kept = session.scalars(select(DeclaredBalance).order_by(DeclaredBalance.edition)).all()
        assert [(one.closing, one.line, one.as_of, one.edition) for one in kept] == [
            (AMPLE - 3_000, 4, DAY, 1), (AMPLE - 2_000, 5, DAY, 2),
        ]  # fmt: skip
    assert held.breaks() == [(-1_000, False)]


@pytest.mark.parametrize(
    "told",
    ["SOLDE;inconnue;5\n", "SOLDE;BOOK;\n", "SOLDE;BOOK;x\n", "SOLDE;BOOK;5;Mo\n", "SOLDE;BOOK;1\nSOLDE;BOOK;2\n"],
    ids=["no such gift", "nothing left said", "no number", "another unit", "twice"],
)
def test_a_balance_that_cannot_be_read_rejects_the_whole_file_with_its_line(held: Books, told: str) -> None:
    with pytest.raises(BadFile) as caught, held.database.begin() as session:
        held.take_in(session, line(held.orders[0]), told.replace("BOOK", str(held.world.book_id)))
    assert caught.value.line in {3, 4}
    with held.database.read() as session:
        assert session.scalars(select(DeclaredBalance)).all() == []


def test_a_replaced_statement_s_balance_counts_no_more(held: Books) -> None:
    told = [line(one) for one in held.orders]
    with held.database.begin() as session:
        first = held.take_in(session, *told, f"SOLDE;{held.world.book_id};5,00\n")
        run(session, first.id, LATER)
    assert len(held.breaks()) == 1
    with held.database.begin() as session:
        better = held.take_in(session, *told, replaces=first.id)
        assert run(session, better.id, LATER).figures.clean
        assert compare.current(session, held.world.partner_id) == []
    assert [is_open for _, is_open in held.breaks()] == [False]
