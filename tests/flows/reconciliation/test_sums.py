"""Lines that sum up a day claim exactly what they stand for, or nothing; each fault is one difference."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, add_orders, make_world
from tests.flows.reconciliation.campaign import summed_up, undone
from tests.flows.reconciliation.faults import period
from tests.flows.reconciliation.summed import HEADER, make_summary
from tests.flows.reconciliation.test_planted import Plant, rewritten
from voucher_service.db import Database
from voucher_service.errors import BadFile
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.partners.models import Offer
from voucher_service.reconciliation import match, sums
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, StatedSum, Statement, StatementLine
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.run import RunResult, run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.vouchers.models import Voucher


def send(
    session: Session, partner_id: UUID, content: bytes, replaces: UUID | None = None
) -> tuple[Statement, RunResult]:
    statement = import_statement(
        session, vault=VAULT,
        partner_id=partner_id, file_name="r.csv", content=content, actor="lea", now=NOON, period=period(),
        replaces=replaces,
    )  # fmt: skip
    return statement, run(session, statement.id, NOON)


def total(count: int, euros: str, status: str = "Livré", product: str = "", day: object = DAY) -> str:
    return f";;{euros};EUR;{status};{day};{count};{product}"


def file(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines]).encode()


@pytest.mark.parametrize("seed", range(2))
def test_every_fault_of_a_total_is_found_once_and_none_invented(database: Database, seed: int) -> None:
    with database.begin() as session:
        planted, wrong = summed_up(session, seed)
    assert wrong == []
    assert planted.total() > 3


def test_right_totals_end_at_zero_and_claim_every_order(database: Database) -> None:
    with database.begin() as session:
        case = make_summary(session, 5)
        _, result = send(session, case.world.partner_id, case.file()[0])
        assert result.figures.clean
        assert result.figures.matched == result.figures.lines
        claims = Counter(session.scalars(select(LineClaim.summed_by).where(LineClaim.summed_by.is_not(None))))
        assert claims == {one.line_id: one.count for one in session.scalars(select(StatedSum))}
        assert session.scalar(select(func.count()).select_from(LineClaim)) == 100


def test_what_is_claimed_stays_claimed_and_what_changes_then_is_seen(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        orders = add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        statement, first = send(session, world.partner_id, file(total(2, "15,00")))
        assert first.figures.clean
        session.execute(update(Order).where(Order.id == orders[1]).values(state=OrderState.REVERSED.value))
        session.expire_all()
        again = run(session, statement.id, NOON)
        assert again.figures.by_class == {BreakClass.TOTAL_DIFFERS: 1}
        found = session.scalars(select(Break)).one()
        assert (found.quantity, found.order_id) == (500, None)


def test_a_corrected_statement_claims_what_the_first_could_not(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (one, two) = add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        old, first = send(session, world.partner_id, file(total(2, "15,01")))
        assert first.figures.by_class == {BreakClass.TOTAL_DIFFERS: 1}
        assert first.figures.difference == {world.unit: 1}
        _, second = send(session, world.partner_id, file(total(2, "15,00")), replaces=old.id)
        assert second.figures.clean
        assert set(session.scalars(select(LineClaim.order_id))) == {one, two}


def test_an_order_that_was_missing_counts_in_the_total_of_its_day_from_then_on(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (kept, _) = add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        single = f"our ref;montant;unit;status;date\n{kept};10;EUR;Livré;{DAY}".encode()
        _, first = send(session, world.partner_id, single)
        assert first.figures.by_class == {BreakClass.MISSING_AT_PARTNER: 1}
        _, second = send(session, world.partner_id, file(total(1, "6,00")))
        assert second.figures.by_class == {BreakClass.TOTAL_DIFFERS: 1}
        assert second.closed == 1


def test_a_total_of_one_product_does_not_hide_what_is_missing_of_another(database: Database) -> None:
    with database.begin() as session:
        case = make_summary(session, 5)
        _, result = send(session, case.world.partner_id, file(total(1, "6,00", product="R10")))
        # Of R10 the day's orders are in its difference; each of the other product is missing by itself.
        offered = (
            select(Order.id).join(Voucher, Voucher.id == Order.voucher_id).join(Offer, Offer.id == Voucher.offer_id)
        )
        others = set(session.scalars(offered.where(Offer.product_code == "R20", Order.state == "delivered")))
        missing = set(session.scalars(select(Break.order_id).where(Break.line_id.is_(None))))
        assert others
        assert others <= missing
        assert result.figures.by_class[BreakClass.TOTAL_DIFFERS] == 1


def test_the_database_keeps_a_claim_of_a_total_to_itself(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted()])
        send(session, world.partner_id, file(total(1, "10,00")))
        line = session.scalars(select(StatementLine.id)).one()
        place = session.scalars(select(LineClaim.line_id)).one()
    wrong = [
        insert(LineClaim).values(order_id=order, line_id=place + 1, matched_by="sum", summed_by=line),
        insert(LineClaim).values(order_id=new_id(), line_id=place + 1, matched_by="sum"),
        insert(LineClaim).values(order_id=new_id(), line_id=place + 1, matched_by="serial", summed_by=line),
        update(StatedSum).values(count=2),
        delete(StatedSum),
    ]
    for change in wrong:
        with pytest.raises(IntegrityError), database.begin() as session:
            session.execute(change)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"01a2119d-4931-7e20-8189-804cdba2c445;;10,00;EUR;Livré;{DAY};3;", "nombre de recharges"),
        (f";;10,00;EUR;Livré;{DAY};0;", "nombre de recharges"),
        (f";;10,00;EUR;Livré;{DAY};2,5;", "nombre de recharges"),
        (f";;10,00;EUR;Livré;{DAY};;", "our ref"),
    ],
)
def test_a_count_that_makes_no_sense_refuses_the_file(line: str, column: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(file(line))
    assert (caught.value.line, caught.value.column) == (2, column)


def _no_day(monkeypatch: pytest.MonkeyPatch) -> None:
    always = (NOON - timedelta(days=90), NOON + timedelta(days=90))
    monkeypatch.setattr(sums, "instants", lambda *_: always)


def _nothing_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "_free", lambda _statement: true())


def _missing_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voucher_service.reconciliation.classify.summed_up", lambda _partner: ~true())


@pytest.mark.parametrize("plant", [_no_day, _nothing_is_free, _missing_besides])
def test_a_wrong_matching_of_totals_is_seen(sqlite: Database, monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    assert _wrong(sqlite)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("AND sum(summable_order.quantity) = stated_line.quantity", ""),  # any sum will do
        ("count(*) = stated_sum.count", "count(*) > 0"),  # any number will do
    ],
)
def test_wrong_sql_of_totals_is_seen(sqlite: Database, right: str, wrong: str) -> None:
    with rewritten(sqlite, right, wrong) as had:
        assert _wrong(sqlite)
    assert had


def _wrong(database: Database) -> list[str]:
    wrong: list[str] = []
    for seed in range(2):
        try:
            with undone(database) as session:
                wrong += summed_up(session, seed)[1]
        except IntegrityError as error:
            wrong.append(str(error.orig))
    return wrong


def test_what_is_read_says_how_many_top_ups_it_stands_for() -> None:
    parsed = read(file(total(2, "15,00"), total(7, "35,00")))
    assert (parsed.count, parsed.top_ups) == (2, 9)
    assert [line.sums and line.sums.number for line in parsed.sample] == [2, 7]
