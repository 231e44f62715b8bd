"""What a line claims: one order, once, of orders that stay."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.flows.reconciliation.builders import NOON, Wanted, add_orders, make_world
from tests.flows.reconciliation.test_statements import keep, line
from voucher_service.db import Database
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.reconciliation.models import LineClaim, StatementLine
from voucher_service.reconciliation.run import run


def test_an_order_is_claimed_once_even_when_the_matching_is_wrong(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted()])
        statement = keep(session, world, line(order), line("x"))
        run(session, statement.id, NOON)
        free = session.scalars(select(StatementLine.id).where(StatementLine.line == 3)).one()
        taken = session.scalars(select(LineClaim.line_id)).one()
    for line_id, order_id in ((free, order), (taken, new_id())):
        with pytest.raises(IntegrityError), database.begin() as session:
            session.execute(insert(LineClaim).values(order_id=order_id, line_id=line_id, matched_by="serial"))
    for change in (update(StatementLine).values(quantity=1), delete(StatementLine)):
        with pytest.raises(IntegrityError, match="written once"), database.begin() as session:
            session.execute(change)


def test_an_order_is_never_deleted_since_a_claim_may_name_it(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted()])
        run(session, keep(session, world, line(order)).id, NOON)
    ways = ["DELETE FROM top_up_order", *([] if database.is_sqlite else ["TRUNCATE top_up_order CASCADE"])]
    for way in ways:
        with pytest.raises(IntegrityError, match="never deleted"), database.begin() as session:
            session.execute(text(way))
    with database.begin() as session:  # the planted fault: no other guard would have held it
        session.execute(text(f"DROP TRIGGER top_up_order_no_delete{'' if database.is_sqlite else ' ON top_up_order'}"))
        session.execute(delete(Order))
        assert session.scalars(select(LineClaim.order_id)).all() == [order]


def test_what_a_closed_month_keeps_cannot_be_emptied_at_once(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE: the triggers of its rows see every DELETE")
    with database.begin() as session:
        world = make_world(session)
        (order,) = add_orders(session, world, [Wanted()])
        run(session, keep(session, world, line(order), line("x")).id, NOON)
    tables = (
        "line_claim", "reconciliation_break", "period_close", "break_event", "break_settlement", "comparison",
        "order_closing", "connection_change", "declared_balance", "break_subject", "tolerance",
        "grace_period",
    )  # fmt: skip
    for table in tables:
        with pytest.raises(IntegrityError, match="never emptied"), database.begin() as session:
            session.execute(text(f"TRUNCATE {table} CASCADE"))
    with database.begin() as session:
        assert session.scalars(select(LineClaim.order_id)).all() == [order]
        for table in tables:  # the planted fault: no trigger of the rows would have held them
            session.execute(text(f"DROP TRIGGER {table}_no_truncate ON {table}"))
        for table in tables:
            session.execute(text(f"TRUNCATE {table} CASCADE"))
        assert session.scalars(select(LineClaim.order_id)).all() == []


def test_every_table_whose_rows_stay_is_kept_from_being_emptied(database: Database) -> None:
    """A trigger that refuses changed or deleted rows says nothing of TRUNCATE: each such table needs a second one."""
    if database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE: the triggers of its rows see every DELETE")
    guarded = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgtype::int & {} > 0"
    with database.begin() as session:
        delete_or_update, truncate = (set(session.scalars(text(guarded.format(bits)))) for bits in (8 | 16, 32))
        assert delete_or_update - truncate == set()
        session.execute(text("DROP TRIGGER comparison_no_truncate ON comparison"))  # the planted fault
        assert set(session.scalars(text(guarded.format(32)))) == truncate - {"comparison"}
