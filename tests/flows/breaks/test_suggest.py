"""What may be the same top-up is suggested on both sides, and nothing is claimed by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, true, update
from sqlalchemy.orm import Session

from tests.flows.breaks.conftest import CLAIRE, OMAR, Bench
from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, World, add_orders, make_world
from voucher_service.db import Database
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.reconciliation.models import Break, LineClaim
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import pair, settle, suggest, worklist
from voucher_service.reconciliation.work.models import Way
from voucher_service.reconciliation.work.together import Together, together
from voucher_service.vouchers.models import Voucher

_HEADER = "our ref;partner ref;montant;unit;status;date;nombre de recharges"
_NUMBERED = "our ref;partner ref;montant;unit;status;date;code produit;msisdn"


def broken(
    session: Session, world: World, *, orders: list[Wanted], lines: list[str], header: str = _HEADER
) -> tuple[list[UUID], dict[str, UUID]]:
    """Orders and lines that do not find each other; the breaks by reference, of the line or of the order."""
    made = add_orders(session, world, orders)
    statement = import_statement(
        session, vault=VAULT,
        partner_id=world.partner_id, file_name="r.csv", content="\n".join([header, *lines]).encode(),
        actor="lea", now=NOON, period=(DAY - timedelta(days=3), DAY + timedelta(days=3)),
    )  # fmt: skip
    run(session, statement.id, NOON)
    items, _ = worklist.worklist(session, worklist.Wanted(partner_id=world.partner_id), NOON)
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
            session, vault=VAULT,
            partner_id=other.partner_id, file_name="b.csv", actor="lea", now=NOON, period=(DAY, DAY),
            content=f"{_HEADER}\n;B1;99,00;EUR;Livré;{DAY};".encode(),
        )  # fmt: skip
        run(session, statement.id, NOON)
        assert seen(session, mine["T1"]) == []


def numbered(session: Session, orders: list[UUID], *numbers: str) -> None:
    """Let each order be for that telephone."""
    for order, number in zip(orders, numbers, strict=True):
        told = {"number_lookup": VAULT.lookup("phone", number), "number_tail": number[-2:]}
        session.execute(update(Order).where(Order.id == order).values(**told))


def why(session: Session, break_id: UUID) -> list[tuple[UUID, str | None, bool, bool, int]]:
    found = suggest.suggestions(session, worklist.item_of(session, break_id, NOON))
    hours = [round(one.apart / timedelta(hours=1)) for one in found]
    return [
        (one.order_id, one.tail, one.same_product, one.same_quantity, apart)
        for one, apart in zip(found, hours, strict=True)
    ]


def test_the_same_telephone_and_product_come_first_on_both_sides_and_match_nothing(bench: Bench) -> None:
    at = "2026-03-10T12:00:00+01:00"
    lines = [
        f";T1;12,00;EUR;Livré;{at};R10;06 39 98 00 42",  # another quantity
        f";T2;10,00;EUR;Livré;{at};;0033639980042",  # no product: the quantity stands for it
        f";T3;12,00;EUR;Livré;{at};;639980042",
        f";T4;12,00;EUR;Livré;{at};R20;+33639980042",  # another product
        f";T5;12,00;EUR;Livré;{at};R10;06****42",  # nobody knows whose
        f";T6;12,00;EUR;Livré;{at};R10;0639980099",
    ]
    bench.threshold(5_000)
    with bench.database.begin() as session:
        orders = [
            Wanted(at=NOON),  # nearer, and for another telephone
            Wanted(at=NOON + timedelta(hours=3)),
            Wanted(at=NOON + timedelta(hours=25)),
            Wanted(OrderState.UNKNOWN, at=NOON - timedelta(hours=5)),
        ]
        made, told = broken(session, bench.world, orders=orders, lines=lines, header=_NUMBERED)
        numbered(session, made, "+33639980043", *["+33639980042"] * 3)
        assert why(session, told["T1"]) == [(made[1], "42", True, False, 3), (made[3], "42", True, False, 5)]
        assert why(session, told["T2"]) == [
            (made[1], "42", False, True, 3), (made[3], "42", False, True, 5), (made[0], None, False, True, 0),
        ]  # fmt: skip
        assert [why(session, told[ref]) for ref in ("T3", "T4", "T5", "T6")] == [[]] * 4
        from_order = why(session, told["1"])
        assert from_order == [(made[1], "42", True, False, 3), (made[1], "42", False, True, 3)]
        assert set(seen(session, told["1"])) == {told["T1"], told["T2"]}
        assert why(session, told["2"]) == []
        assert session.scalar(select(func.count()).select_from(LineClaim)) == 0
        # What is suggested is matched by a person, as any other; another's file is not looked at.
        pair.pair(session, told["T1"], order_id=made[1], note="même numéro", actor=CLAIRE, now=NOON)
        assert session.scalar(select(LineClaim.matched_by)) == "hand"
        assert [one[0] for one in why(session, told["T2"])] == [made[3], made[0]]
        other = make_world(session, "Opérateur B")
        theirs, their_told = broken(session, other, orders=[Wanted(at=NOON)], lines=[lines[5]], header=_NUMBERED)
        numbered(session, theirs, "+33639980042")
        assert [one[0] for one in why(session, told["T2"])] == [made[3], made[0]]
        assert why(session, their_told["T6"]) == []


@pytest.fixture
def sqlite_bench(sqlite_url: str) -> Iterator[Bench]:
    """One database for what is planted: the language of the queries is the same."""
    made = Database(sqlite_url)
    with made.begin() as session:
        world = make_world(session)
    yield Bench(made, world)
    made.close()


@pytest.mark.parametrize("fault", ["number", "product", "apart", "partner"])
def test_a_suggestion_that_goes_too_far_would_be_seen(
    sqlite_bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted faults of the test above."""
    if fault == "number":
        monkeypatch.setattr(VAULT, "lookup", lambda label, _text: label.encode())
    elif fault == "product":
        monkeypatch.setattr(suggest, "_vouchers_of", lambda _product: select(Voucher.id))
    elif fault == "apart":
        monkeypatch.setattr(suggest, "APART", timedelta(days=3))
    else:
        monkeypatch.setattr(suggest, "own_order", lambda _partner: true())
        monkeypatch.setattr(suggest, "_open", lambda _item, kinds: (Break.kind.in_(kinds), Break.resolved_at.is_(None)))
    with pytest.raises(AssertionError):
        test_the_same_telephone_and_product_come_first_on_both_sides_and_match_nothing(sqlite_bench)


def test_both_sides_are_found_by_number_through_an_index(bench: Bench) -> None:
    with bench.database.begin() as session:
        explain = "EXPLAIN QUERY PLAN"
        if not bench.database.is_sqlite:
            explain = "EXPLAIN"
            session.execute(text("SET LOCAL enable_seqscan = off"))  # of an empty table it is always right
        for index, query in (
            (
                "ix_top_up_order_number",
                "SELECT id FROM top_up_order WHERE number_lookup = :it AND final_at IS NOT NULL",
            ),
            ("ix_stated_number_lookup", "SELECT line_id FROM stated_number WHERE lookup = :it"),
        ):
            assert index in str(session.execute(text(f"{explain} {query}"), {"it": bytes(32)}).all())


def test_a_total_that_differs_is_borne_by_a_gift_that_a_person_names(bench: Bench) -> None:
    with bench.database.begin() as session:
        world = bench.world
        add_orders(session, world, [Wanted(), Wanted(quantity=500)])
        statement = import_statement(
            session, vault=VAULT,
            partner_id=world.partner_id, file_name="r.csv", actor="lea", now=NOON, period=(DAY, DAY),
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
