"""What a partner says is left of a gift, held against the books to the piece; what its tolerance books by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.flows.reconciliation.builders import AMPLE, NOON, VAULT, make_world
from tests.flows.reconciliation.left import BALANCE, CLAIRE, DAY, LATER, OMAR, THEM, Books, make_books
from tests.flows.reconciliation.test_statements import HEAD, line
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances import books, compare
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.intake import profiles
from voucher_service.reconciliation.models import Break, BreakClass
from voucher_service.reconciliation.reader.profile import BalanceRow, check, from_json
from voucher_service.reconciliation.reader.propose import propose
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.sources.text import open_text
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Way


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


def test_a_booking_is_undone_after_its_statement_was_replaced_and_then_both_sides_agree(held: Books) -> None:
    """The partner said refused, we took that; its corrected statement says delivered after all."""
    one, two = held.orders
    with held.database.begin() as session:
        first = held.take_in(session, line(one, status="refusé"), line(two))
        run(session, first.id, LATER)
    made = held.book("delivered_here_refused_there", Way.THEIRS)
    with held.database.begin() as session:
        better = held.take_in(session, line(one), line(two), replaces=first.id)
        assert run(session, better.id, LATER).figures.by_class == {BreakClass.REFUSED_HERE_DELIVERED_THERE: 1}
        other = session.scalars(select(Break).where(Break.resolved_at.is_(None))).one()
        assert settle.settled_by_another(session, other) == made.break_id
    undone = held.database.run(settle.propose_undo, made.id, note="Livrée", actor=CLAIRE, now=LATER)
    held.database.run(settle.agree, undone.id, actor=OMAR, now=LATER)
    assert held.breaks("delivered_here_refused_there") == [(-1_000, False)], "its line no longer counts"
    with held.database.begin() as session:
        assert run(session, better.id, LATER).figures.clean
    assert held.faults() == []


def test_the_day_ends_at_the_partner_s_own_midnight(held: Books) -> None:
    assert held.declare(AMPLE - 2_000).until_at == datetime(2026, 3, 10, 23, tzinfo=UTC)
    mine = propose(open_text((HEAD + line(held.orders[0])).encode())).profile
    held.database.run(
        profiles.keep, partner_id=held.world.partner_id, profile=replace(mine, zone="America/Guadeloupe"), actor="lea",
        now=NOON,
    )  # fmt: skip
    spring = date(2026, 3, 29)
    with held.database.begin() as session:  # the day on which Paris has 23 hours
        told = declare(
            session, partner_id=held.world.partner_id, allocation_id=held.world.book_id, as_of=spring,
            said=Said(closing=AMPLE - 2_000), actor=THEM, now=datetime(2026, 4, 2, tzinfo=UTC),
        )  # fmt: skip
        assert told.until_at == datetime(2026, 3, 30, 4, tzinfo=UTC)


def test_the_rows_of_a_partner_s_own_are_found_by_the_profile(held: Books) -> None:
    mine = propose(open_text((HEAD + line(held.orders[0])).encode())).profile
    told = replace(mine, balance=BalanceRow("RESTE", 3, 2), unit="EUR")
    assert from_json(told.to_json()) == check(told)
    assert "balance" not in mine.to_json(), "a version of before is the same text still"
    content = HEAD + line(held.orders[0]) + f"RESTE;12,50;{held.world.book_id}\nTOTAL;1\n"
    (found,) = read(content.encode(), profile=told).balances
    assert (found.line, found.gift, found.closing) == (3, str(held.world.book_id), 1_250)
    with pytest.raises(BadFile):
        read(content.encode(), profile=mine)
    for wrong in (BalanceRow("", 3, 2), BalanceRow("RESTE", 0, 2), BalanceRow("RESTE", 3, 101)):
        with pytest.raises(BadInput):
            check(replace(told, balance=wrong))


@pytest.mark.parametrize("fault", ["_corrections", "_straddling"])
def test_planted_without_this_part_a_balance_that_is_explained_stays_open(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Bookings counted on the day they are written, or deliveries by our clock alone: the break does not close."""
    held = make_books(sqlite)
    one, two = held.orders
    midnight = "11/03/2026 00:00"
    nothing = {
        "_corrections": lambda gift_id, _: books._plain(gift_id, NOON - timedelta(days=9)),
        "_straddling": lambda *_: select(func.sum(Transfer.quantity)).where(Transfer.id.is_(None)),
    }
    monkeypatch.setattr(books, fault, nothing[fault])
    if fault == "_corrections":
        held.declare(AMPLE - 1_000)
        held.compared(line(one), line(two, status="refusé"))
        held.book("delivered_here_refused_there", Way.THEIRS)
    else:
        held.declare(AMPLE - 1_000)
        with sqlite.begin() as session:
            statement = import_statement(
                session, vault=VAULT, partner_id=held.world.partner_id, file_name="avril.csv", actor="lea", now=LATER,
                content=(HEAD + line(one) + line(two, day=midnight)).encode(),
            )  # fmt: skip
            run(session, statement.id, LATER)
    assert held.breaks() == [(1_000, True)]
    monkeypatch.undo()
    sqlite.run(compare.refresh_partner, held.world.partner_id, LATER)
    assert held.breaks() == [(1_000, False)]
