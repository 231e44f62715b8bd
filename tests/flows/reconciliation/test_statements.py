"""Statements kept, breaks that live from one run to the next, and what the pages read."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, World, add_orders, make_world
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.allocations import allocation_report
from voucher_service.reconciliation.breaks import SYSTEM
from voucher_service.reconciliation.explain import TEXTS, explain
from voucher_service.reconciliation.export import export_csv, unguard
from voucher_service.reconciliation.models import Break, BreakClass, Statement, StatementLine
from voucher_service.reconciliation.run import Figures, run
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work.models import Comparison
from voucher_service.reconciliation.work.notes import history

HEAD = "our ref;partner ref;serial;montant eur;status;date\n"
LATER = NOON + timedelta(days=1)


def line(reference: object, euros: str = "10", status: str = "OK", day: str = "10/03/2026 12:00") -> str:
    return f"{reference};;;{euros};{status};{day}\n"


def keep(session: Session, world: World, *lines: str, **options: object) -> Statement:
    period = options.get("period")
    return import_statement(
        session, vault=VAULT, partner_id=world.partner_id, file_name=str(options.get("name", "mars.csv")),
        content=(str(options.get("head", HEAD)) + "".join(lines)).encode(), actor="lea", now=NOON,
        period=period if isinstance(period, tuple) else None,
    )  # fmt: skip


def counts(session: Session) -> tuple[int | None, ...]:
    return tuple(session.scalar(select(func.count()).select_from(table)) for table in (Statement, StatementLine, Break))


def only_break(session: Session) -> Break:
    session.expire_all()
    return session.scalars(select(Break)).one()


def test_the_same_content_again_answers_the_first_and_changes_nothing(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        first = keep(session, world, line("x"))
        run(session, first.id, NOON)
        before = counts(session)
        assert keep(session, world, line("x"), name="copie.csv").id == first.id
        run(session, first.id, LATER)
        assert counts(session) == before
        assert keep(session, other, line("x")).id != first.id
    with pytest.raises(IntegrityError, match="written once"), database.begin() as session:
        session.execute(update(Statement).values(content=b""))


def test_a_bad_file_or_period_keeps_nothing(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
    for lines, period, error in (
        ([line("x"), line("y", "dix")], None, BadFile),
        ([line("x")], (DAY, DAY - timedelta(days=1)), BadInput),
        ([line("x", day="11/03/2026")], (DAY, DAY), BadFile),
    ):
        with pytest.raises(error), database.begin() as session:
            keep(session, world, *lines, period=period)
    with pytest.raises(NotFound), database.begin() as session:
        import_statement(session, vault=VAULT, partner_id=new_id(), file_name="x", content=b"x", actor="lea", now=NOON)
    with pytest.raises(NotFound), database.begin() as session:
        run(session, new_id(), NOON)
    with database.read() as session:
        assert counts(session) == (0, 0, 0)


def test_the_line_of_a_bad_period_is_named(database: Database) -> None:
    with pytest.raises(BadFile) as caught, database.begin() as session:
        keep(session, make_world(session), line("x"), line("y", day="11/03/2026"), period=(DAY, DAY))
    assert (caught.value.line, caught.value.column) == (3, "date")


def test_a_break_stays_itself_while_its_class_changes(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted(OrderState.WAITING)])
        statement = keep(session, world, line(order))
        assert run(session, statement.id, NOON).new == 1
        first = only_break(session).id
        for state, kind in (
            (OrderState.GIVEN_BACK, BreakClass.REFUSED_HERE_DELIVERED_THERE),
            (OrderState.HELD, BreakClass.CODE_USED_BEFORE_REVEAL),
        ):
            session.execute(update(Order).values(state=state.value, final_at=NOON))
            result = run(session, statement.id, LATER)
            assert (result.new, result.closed) == (0, 0)
            assert (only_break(session).id, only_break(session).kind) == (first, kind.value)
            assert only_break(session).found_at == NOON
        session.execute(update(Order).values(state=OrderState.DELIVERED.value))
        result = run(session, statement.id, LATER)
        assert (result.closed, result.figures.clean, result.figures.resolved) == (1, True, 0)
        assert (only_break(session).resolved_by, only_break(session).resolved_at) == (SYSTEM, LATER)
        session.execute(update(Order).values(state=OrderState.HELD.value))
        result = run(session, statement.id, LATER)
        assert (result.new, result.figures.open, only_break(session).resolved_by) == (0, 1, None)


def test_a_new_class_opens_a_break_again_and_its_history_says_so(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted(OrderState.WAITING)])
        statement = keep(session, world, line(order))
        run(session, statement.id, NOON)
        found = only_break(session).id
        session.execute(update(Order).values(state=OrderState.GIVEN_BACK.value, final_at=NOON))
        result = run(session, statement.id, LATER)
        assert (result.figures.open, result.figures.complete, result.figures.clean) == (1, True, False)
        session.execute(update(Order).values(state=OrderState.DELIVERED.value))
        run(session, statement.id, LATER)
        session.execute(update(Order).values(state=OrderState.HELD.value))
        run(session, statement.id, LATER + timedelta(days=1))
        steps = [(one.step, one.was, one.became) for one in history(session, found).items]
    waiting, given_back, held = (
        BreakClass.DELIVERED_THERE_OPEN_HERE, BreakClass.REFUSED_HERE_DELIVERED_THERE,
        BreakClass.CODE_USED_BEFORE_REVEAL,
    )  # fmt: skip
    assert steps == [("class", waiting, given_back), ("gone", None, None), ("returned", given_back, held)]
    with database.read() as session:
        told = session.scalars(select(Comparison).order_by(Comparison.at, Comparison.id)).all()
    assert [(one.found_new, one.found_again, one.found_gone) for one in told] == [
        (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0),
    ]  # fmt: skip


def test_an_order_missing_in_march_is_found_in_april(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted()])
        march = keep(session, world, line("autre"))
        assert run(session, march.id, NOON).figures.by_class == {
            BreakClass.MISSING_AT_PARTNER: 1,
            BreakClass.UNEXPECTED_AT_PARTNER: 1,
        }
        april = keep(session, world, line(order, day="01/04/2026"))
        result = run(session, april.id, LATER)
        assert (result.closed, result.figures.clean) == (1, True)
        assert queries.statements(session, world.partner_id)[0][-1].figures.by_class == {
            BreakClass.UNEXPECTED_AT_PARTNER: 1
        }
        late = keep(session, world, line(order, day="02/04/2026"))
        assert run(session, late.id, LATER).figures.by_class == {BreakClass.DUPLICATE_AT_PARTNER: 1}


@pytest.mark.parametrize(
    ("day", "at", "inside"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, 0, tzinfo=UTC), True),  # a day of 23 hours
        (date(2026, 3, 29), datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), True),
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 0, tzinfo=UTC), False),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, 0, tzinfo=UTC), True),  # a day of 25 hours
        (date(2026, 10, 25), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), True),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC), False),
        (date(2026, 10, 25), datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC), False),
    ],
)
def test_days_begin_and_end_in_paris(database: Database, day: date, at: datetime, inside: bool) -> None:
    with database.begin() as session:
        world = make_world(session)
        add_orders(session, world, [Wanted(at=at)])
        statement = keep(session, world, line("x", day=f"{day:%d/%m/%Y} 12:00"))
        missing = run(session, statement.id, LATER).figures.by_class.get(BreakClass.MISSING_AT_PARTNER, 0)
        assert missing == int(inside)


def test_what_became_of_a_gift_adds_up(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        add_orders(session, world, [Wanted(), Wanted(OrderState.UNKNOWN, 500)])
        (report,) = allocation_report(session, world.partner_id)
        assert report.holds
        assert (report.id, report.received, report.delivered, report.in_delivery) == (
            world.book_id, 10**12, 1000, 500,
        )  # fmt: skip
        assert [gift.id for gift in allocation_report(session, other.partner_id)] == [other.book_id]
        assert allocation_report(session, new_id()) == []


def test_pages_show_a_partner_its_own_statements_only(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        orders = add_orders(session, world, [Wanted()] * 60)
        statement = keep(session, world, *map(line, orders), line(orders[0]), line("=1+1", "3"))
        run(session, statement.id, NOON)
        assert queries.statement_of(session, world.partner_id, statement.id) is statement
        with pytest.raises(NotFound):
            queries.statement_of(session, other.partner_id, statement.id)
        assert queries.statements(session, other.partner_id) == ([], 0)
        (row,), total = queries.statements(session, world.partner_id)
        assert (total, row.id, row.figures.lines, row.figures.matched) == (1, statement.id, 62, 60)
        first, total = queries.lines(session, statement)
        second, _ = queries.lines(session, statement, page=2)
        assert (total, [r.line for r in first + second]) == (62, list(range(2, 64)))
        assert [r.kind for r in second[-2:]] == [
            BreakClass.DUPLICATE_AT_PARTNER,
            BreakClass.UNEXPECTED_AT_PARTNER,
        ]
        only, total = queries.lines(session, statement, kind=BreakClass.DUPLICATE_AT_PARTNER)
        assert (total, [r.line for r in only]) == (1, [62])
        shown, total = queries.differences(session, statement, resolved=False)
        assert (total, [d.theirs and d.theirs.line for d in shown]) == (2, [62, 63])
        assert queries.differences(session, statement, resolved=True) == ([], 0)
        assert queries.differences(session, statement, kind=BreakClass.AMOUNT_DIFFERS) == ([], 0)


def test_every_class_has_words_that_carry_its_figures(database: Database) -> None:
    assert set(TEXTS) == set(BreakClass)
    with database.begin() as session:
        world = make_world(session)
        refused, _ = add_orders(session, world, [Wanted(), Wanted(quantity=1550)])
        statement = keep(session, world, line(refused, status="refusé"), line("x", "3,20"))
        run(session, statement.id, NOON)
        told = [explain(d) for d in queries.all_differences(session, statement)]
    assert [t.title for t in told] == [
        "Livrée chez nous, refusée chez l’opérateur", "Inconnue chez nous", "Absente du relevé",
    ]  # fmt: skip
    for words, fact in zip(told, ("10\u00a0€ livrés le 10/03/2026", "3,20\u00a0€", "15,50\u00a0€"), strict=True):
        assert fact in words.sentence
        assert words.next_step.endswith(".")


def test_the_export_runs_nothing_in_a_spreadsheet_and_reads_back(database: Database) -> None:
    evil = ("=HYPERLINK(1)", "+33", "-1+1", "@SUM(A1)", "'=x", "''", 'normal; avec "guillemets"')
    with database.begin() as session:
        world = make_world(session)
        rows = [f'"{ref.replace(chr(34), chr(34) * 2)}";;;1;OK;10/03/2026\n' for ref in evil]
        statement = keep(session, world, *rows)
        run(session, statement.id, NOON)
        body = "".join(export_csv(queries.all_differences(session, statement)))
    read = list(csv.DictReader(io.StringIO(body.removeprefix("\ufeff")), delimiter=";"))
    assert [unguard(row["reference_client"]) for row in read] == list(evil)
    risky = [cell for row in read for cell in row.values() if cell[:1] in {"=", "+", "@", "-", "\t"}]
    assert risky == []
    assert {row["ecart"] for row in read} == {"100"}


def test_the_sample_statement_is_right_for_its_days_only(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        wanted = [Wanted(), Wanted(at=NOON + timedelta(days=3)), Wanted(OrderState.GIVEN_BACK)]
        add_orders(session, world, wanted)
        add_orders(session, other, [Wanted()])
        content = make_statement_csv(session, world.partner_id, DAY, DAY)
        statement = import_statement(
            session, vault=VAULT, partner_id=world.partner_id, file_name="x", content=content, actor="lea", now=NOON
        )
        assert statement.line_count == 2
        assert run(session, statement.id, NOON).figures == Figures(2, 2, 0, {}, 0, 0, {}, {world.unit: 0})


def order_ids(rows: list[queries.LineRow]) -> list[UUID | None]:
    return [row.order_id for row in rows]


def test_references_are_tried_in_turn_and_ours_is_the_last_word(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        named, other = add_orders(session, world, [Wanted(partner_ref="A"), Wanted(partner_ref="B")])
        both = f"{named};B;;10;OK;10/03/2026 12:00\n"  # our reference says one, theirs the other
        statement = keep(session, world, both, both, line("x").replace("x;", ";B"))
        run(session, statement.id, NOON)
        rows, _ = queries.lines(session, statement)
        assert order_ids(rows) == [named, None, other]
        assert [row.matched_by for row in rows] == ["our_ref", None, "partner_ref"]
        assert rows[1].kind is BreakClass.DUPLICATE_AT_PARTNER
