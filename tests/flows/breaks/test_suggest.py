"""What may be the same top-up is suggested on both sides, and nothing is claimed by it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.flows.breaks.conftest import CLAIRE, OMAR, Bench
from tests.flows.reconciliation.builders import DAY, NOON, Wanted, World, add_orders, make_world
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.reconciliation.models import Break, LineClaim
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle, suggest, worklist
from voucher_service.reconciliation.work.models import Way
from voucher_service.reconciliation.work.together import Together, together

_HEADER = "our ref;partner ref;montant;unit;status;date;nombre de recharges"


def broken(
    session: Session, world: World, *, orders: list[Wanted], lines: list[str]
) -> tuple[list[UUID], dict[str, UUID]]:
    """Orders and lines that do not find each other; the breaks by reference, of the line or of the order."""
    made = add_orders(session, world, orders)
    statement = import_statement(
        session, partner_id=world.partner_id, file_name="r.csv", content="\n".join([_HEADER, *lines]).encode(),
        actor="lea", now=NOON, period=(DAY - timedelta(days=3), DAY + timedelta(days=3)),
    )  # fmt: skip
    run(session, statement.id, NOON)
    items, _ = worklist.worklist(session, worklist.Wanted(), NOON)
    told: dict[str, UUID] = {}
    for one in (item.difference for item in items):
        ref = one.theirs.partner_ref if one.theirs else one.ours and str(made.index(one.ours.order_id))
        told[ref or ""] = one.id
    return made, told


def seen(session: Session, break_id: UUID) -> list[UUID | None]:
    item = worklist.item_of(session, break_id, NOON)
    return [one.break_id for one in suggest.suggestions(session, item)]


def test_the_nearest_of_the_same_amount_is_suggested_on_both_sides(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench.database.begin() as session:
        orders = [
            Wanted(at=NOON),
            Wanted(at=NOON + timedelta(hours=3)),
            Wanted(at=NOON, quantity=500),  # another amount
            Wanted(at=NOON + timedelta(hours=27)),  # too far from the line
        ]
        day = "2026-03-10T14:30:00+01:00"
        lines = [f";T1;10,00;EUR;Livré;{day};", f";T2;10,00;EUR;Refusé;{day};"]
        _, told = broken(session, bench.world, orders=orders, lines=lines)
        assert seen(session, told["T1"]) == [told["1"], told["0"]]
        assert seen(session, told["0"]) == [told["T1"]] == seen(session, told["1"])
        assert seen(session, told["2"]) == seen(session, told["3"]) == seen(session, told["T2"]) == []
        assert session.scalar(select(func.count()).select_from(LineClaim)) == 0
        # Another partner's are not looked at, nor what is closed.
        found = session.get_one(Break, told["1"])
        found.resolved_at, found.resolved_by = NOON, "system"
        session.flush()
        assert seen(session, told["T1"]) == [told["0"]]
        # The planted fault: without the limit in time, the order of the next day would be suggested.
        monkeypatch.setattr(suggest, "APART", timedelta(days=3))
        assert told["3"] in seen(session, told["T1"])


def test_another_partner_is_never_suggested(bench: Bench) -> None:
    with bench.database.begin() as session:
        _, mine = broken(session, bench.world, orders=[], lines=[f";T1;10,00;EUR;Livré;{DAY};"])
        other = make_world(session, "Opérateur B")
        add_orders(session, other, [Wanted(at=NOON)])
        statement = import_statement(
            session, partner_id=other.partner_id, file_name="b.csv", actor="lea", now=NOON, period=(DAY, DAY),
            content=f"{_HEADER}\n;B1;99,00;EUR;Livré;{DAY};".encode(),
        )  # fmt: skip
        run(session, statement.id, NOON)
        assert seen(session, mine["T1"]) == []


def test_a_total_that_differs_is_borne_by_a_gift_that_a_person_names(bench: Bench) -> None:
    with bench.database.begin() as session:
        world = bench.world
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        statement = import_statement(
            session, partner_id=world.partner_id, file_name="r.csv", actor="lea", now=NOON, period=(DAY, DAY),
            content=f"{_HEADER}\n;;16,00;EUR;Livré;{DAY};2".encode(),
        )  # fmt: skip
        run(session, statement.id, NOON)
        found = session.scalars(select(Break)).one()
        assert seen(session, found.id) == []
        item = worklist.item_of(session, found.id, NOON)
        assert item.difference.theirs is not None
        assert item.difference.theirs.sums_up == 2
        assert together(session, item) == Together(2, 1500)
        before = balances(session, world.book_id)
        made = settle.propose(
            session,
            found.id,
            way=Way.WRITE_OFF,
            note="vu avec eux",
            actor=CLAIRE,
            now=NOON,
            allocation_id=world.book_id,
        )
        if made.decided_at is None:
            settle.agree(session, made.id, actor=OMAR, now=NOON)
        after = balances(session, world.book_id)
        assert after[AccountKind.WRITTEN_OFF] - before.get(AccountKind.WRITTEN_OFF, 0) == 100
        again = run(session, statement.id, NOON)
        assert (again.figures.open, again.figures.resolved, again.figures.unexplained) == (0, 1, 0)
