"""What a person matches by hand is claimed once, compared again, kept through later runs, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.faults.races import rush
from tests.flows.breaks.conftest import CLAIRE, OMAR, Bench
from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, add_orders, make_world
from tests.flows.reconciliation.test_statements import HEAD, keep, line
from tests.sides import sides
from voucher_service.errors import BadInput, Conflict, SecondPersonNeeded
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Break, LineClaim, StatementLine
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import pair, settle, suggest, worklist
from voucher_service.reconciliation.work.models import BreakEvent, Pairing, Way


def lone(bench: Bench, *states: OrderState, lines: int = 1, euros: str = "10") -> tuple[list[UUID], list[UUID]]:
    """Lines under references nobody knows, and orders of the same day: (breaks of the lines, orders)."""
    with bench.database.begin() as session:
        orders = add_orders(session, bench.world, [Wanted(state) for state in states])
        statement = keep(session, bench.world, *(line(f"x{n}", euros) for n in range(lines)), period=(DAY, DAY))
        bench.statement_id = statement.id
    bench.again()
    with bench.database.read() as session:
        found = session.scalars(select(Break.id).where(Break.line_id.is_not(None)).order_by(Break.line_id)).all()
    return list(found), orders


def say(bench: Bench, break_id: UUID, order_id: UUID, actor: str = CLAIRE) -> Pairing:
    said = {"order_id": order_id, "note": "Vu avec l’opérateur", "actor": actor, "now": bench.now}
    return bench.database.run(pair.pair, break_id, **said)  # type: ignore[arg-type]  # the names are its own


def agree(bench: Bench, made: Pairing, actor: str = OMAR) -> Pairing:
    return bench.database.run(pair.agree_pair, made.id, actor=actor, now=bench.now)


def undo(bench: Bench, made: Pairing) -> Pairing:
    return bench.database.run(pair.undo_pair, made.id, note="Ce n’était pas elle", actor=CLAIRE, now=bench.now)


def hinted(bench: Bench, break_id: UUID) -> list[UUID]:
    with bench.database.read() as session:
        return [one.order_id for one in suggest.suggestions(session, worklist.item_of(session, break_id, bench.now))]


def open_kinds(bench: Bench) -> list[str]:
    with bench.database.read() as session:
        return sorted(session.scalars(select(Break.kind).where(Break.resolved_at.is_(None))))


def steps(bench: Bench, break_id: UUID) -> list[str]:
    with bench.database.read() as session:
        mine = select(BreakEvent.step).where(BreakEvent.break_id == break_id)
        return list(session.scalars(mine.order_by(BreakEvent.at, BreakEvent.id)))


def test_two_people_match_a_suggestion_and_a_later_run_keeps_it(bench: Bench) -> None:
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    assert hinted(bench, theirs) == [order]
    made = say(bench, theirs, order)  # no threshold is set: a second person agrees
    assert open_kinds(bench) == ["missing_at_partner", "unexpected_at_partner"]
    assert hinted(bench, theirs) == []
    with pytest.raises(SecondPersonNeeded):
        agree(bench, made, CLAIRE)
    agree(bench, made)
    assert agree(bench, made).agreed == 1  # again: the same answer
    assert open_kinds(bench) == []
    assert steps(bench, theirs) == ["pair_asked", "paired", "gone"]
    again = bench.again()
    assert (again.figures.clean, again.figures.matched, again.new, again.closed) == (True, 1, 0, 0)
    assert bench.faults() == []
    with pytest.raises(Conflict, match=r"\.") as raised:
        say(bench, theirs, order)
    assert raised.value.code == "break_moved_on"
    # Taken back, both stand alone again, and are suggested again.
    bench.now += timedelta(hours=1)
    undo(bench, made)
    assert open_kinds(bench) == ["missing_at_partner", "unexpected_at_partner"]
    assert steps(bench, theirs)[3:] == ["unpaired", "returned"]
    assert hinted(bench, theirs) == [order]
    with pytest.raises(Conflict) as raised:
        undo(bench, made)
    assert raised.value.code == "pair_final"
    again = bench.again()
    assert (again.new, again.closed, again.figures.open) == (0, 0, 2)
    assert bench.faults() == []


def test_an_order_of_unknown_outcome_is_booked_by_the_line_and_stays_booked(bench: Bench) -> None:
    bench.threshold(5_000)
    (theirs,), (order,) = lone(bench, OrderState.UNKNOWN)
    assert hinted(bench, theirs) == [order]
    before = bench.held()
    made = say(bench, theirs, order)  # below the threshold: at once
    bench.order_id = order
    assert (bench.order().state, bench.order().outcome_code) == ("delivered", "statement")
    assert bench.held()[AccountKind.DELIVERED] - before.get(AccountKind.DELIVERED, 0) == 1000
    assert open_kinds(bench) == []
    undo(bench, made)
    # A delivery is not taken back by a second thought about a line: it is missing at the partner until booked.
    assert bench.order().state == "delivered"
    assert open_kinds(bench) == ["missing_at_partner", "unexpected_at_partner"]
    assert bench.faults() == []


def test_another_amount_is_a_difference_of_the_pair_and_what_is_booked_of_it_comes_first(bench: Bench) -> None:
    bench.threshold(5_000)
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED, euros="8")
    assert hinted(bench, theirs) == []
    made = say(bench, theirs, order)  # our reference, which the partner told on the telephone
    assert open_kinds(bench) == ["amount_differs"]
    bench.break_id = theirs
    bench.propose(Way.THEIRS)
    with pytest.raises(Conflict) as raised:
        undo(bench, made)
    assert raised.value.code == "pair_final"


def test_what_is_set_apart_is_no_longer_suggested_until_that_is_taken_back(bench: Bench) -> None:
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    said = {"order_id": order, "note": "Une autre personne", "actor": CLAIRE, "now": bench.now}
    made = bench.database.run(pair.set_apart, theirs, **said)  # type: ignore[arg-type]  # the names are its own
    assert bench.database.run(pair.set_apart, theirs, **said).id == made.id  # type: ignore[arg-type]
    assert hinted(bench, theirs) == []
    with bench.database.read() as session:
        (ours,) = session.scalars(select(Break.id).where(Break.line_id.is_(None))).all()
    assert hinted(bench, ours) == []
    with pytest.raises(Conflict) as raised:
        say(bench, theirs, order)
    assert raised.value.code == "pair_apart"
    undo(bench, made)
    assert hinted(bench, theirs) == [order]
    say(bench, theirs, order)


def test_wrong_orders_are_refused_in_words(bench: Bench) -> None:
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    with bench.database.begin() as session:
        (foreign,) = add_orders(session, make_world(session, "Opérateur B"), [Wanted()])
    for other in (foreign, new_id()):
        with pytest.raises(BadInput) as raised:
            say(bench, theirs, other)
        assert raised.value.field == "order_ref"
    with pytest.raises(BadInput) as raised:
        bench.database.run(pair.pair, theirs, order_id=order, note=" ", actor=CLAIRE, now=NOON)
    assert raised.value.field == "note"


def test_a_closed_month_keeps_what_was_matched(bench: Bench) -> None:
    bench.threshold(5_000)
    (first, second), orders = lone(bench, OrderState.DELIVERED, OrderState.DELIVERED, lines=2)
    made = say(bench, first, orders[0])
    with bench.database.begin() as session:
        ours, theirs = sides(session, bench.world.partner_id)
        session.add(
            PeriodClose(
                id=new_id(), partner_id=bench.world.partner_id, first_day=DAY.replace(day=1),
                last_day=DAY.replace(day=31), from_at=NOON - timedelta(days=9), until_at=NOON + timedelta(days=21),
                size=1, manifest="{}", signature=b"s", proposed_by=ours, proposed_at=NOON, agreed_by=theirs,
                agreed_at=NOON,
            )
        )  # fmt: skip
    acts: list[Callable[[], Pairing]] = [partial(undo, bench, made), partial(say, bench, second, orders[1])]
    for act in acts:
        with pytest.raises(Conflict) as raised:
            act()
        assert raised.value.code == "period_closed"
    for sql in (
        "UPDATE pairing SET undone_at = decided_at, undone_by = 'x', undone_note = 'xyz'",
        "DELETE FROM pairing",
    ):
        with pytest.raises(IntegrityError, match=r"closed|written once"), bench.database.begin() as session:
            session.execute(text(sql))


def test_of_crossing_answers_at_once_one_holds(bench: Bench) -> None:
    bench.threshold(5_000)
    lines, orders = lone(bench, OrderState.DELIVERED, OrderState.DELIVERED, lines=2)
    wanted = [(lines[0], orders[0]), (lines[0], orders[1]), (lines[1], orders[0])]
    answers = rush([partial(say, bench, *one, f"staff:{who}") for who, one in enumerate(wanted)])
    refused = [one for one in answers if not isinstance(one, Pairing)]
    assert set(refused) <= {"pair_taken", "break_moved_on"}
    with bench.database.read() as session:
        claims = session.execute(select(LineClaim.line_id, LineClaim.order_id)).all()
    # Either the first, alone; or the two others, which share nothing.
    assert len(answers) - len(refused) == len(claims) in {1, 2}
    assert len({one.line_id for one in claims}) == len({one.order_id for one in claims}) == len(claims)
    assert bench.faults() == []


def test_a_corrected_statement_lets_go_of_what_was_matched(bench: Bench) -> None:
    bench.threshold(5_000)
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    made = say(bench, theirs, order)
    with bench.database.begin() as session:
        corrected = import_statement(
            session, vault=VAULT,
            partner_id=bench.world.partner_id, file_name="b.csv", content=(HEAD + line(order)).encode(),
            actor="lea", now=bench.now, period=(DAY, DAY), replaces=bench.statement_id,
        )  # fmt: skip
        assert run(session, corrected.id, bench.now).figures.clean
        session.expire_all()
        kept = session.get_one(Pairing, made.id)
        assert (kept.undone_by, kept.agreed) == ("system", 1)
    assert bench.faults() == []


def test_the_audit_finds_a_claim_by_hand_without_an_answer(bench: Bench) -> None:
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    rule = "a line matched by hand has the answer of the people it needs"
    made = say(bench, theirs, order)
    with bench.database.begin() as session:
        mine = session.scalars(select(StatementLine.id)).one()
        session.add(LineClaim(order_id=order, line_id=mine, matched_by="hand"))
    assert rule in bench.faults()  # nobody has agreed yet
    with bench.database.begin() as session:
        session.execute(update(LineClaim).values(matched_by="our_ref"))
    assert rule not in bench.faults()
    with bench.database.begin() as session:
        session.execute(update(Pairing).values(agreed=1, decided_by=OMAR, decided_at=NOON))
    assert rule in bench.faults()  # an answer without its claim
    assert made.agreed is None


def test_another_persons_agreement_is_the_databases_too(bench: Bench) -> None:
    (theirs,), (order,) = lone(bench, OrderState.DELIVERED)
    say(bench, theirs, order)
    for values in (
        {"agreed": 1, "decided_by": CLAIRE, "decided_at": NOON},  # by who proposed it
        {"note": "autre chose"},
        {"undone_at": NOON, "undone_by": CLAIRE, "undone_note": "avant l’accord"},
    ):
        with pytest.raises(IntegrityError), bench.database.begin() as session:
            session.execute(update(Pairing).values(**values))
    with bench.database.read() as session:
        assert session.scalar(select(func.count()).select_from(LineClaim)) == 0
        assert session.scalar(select(Order.state)) == "delivered"
        assert settle.facts_of(session, theirs).found.resolved_at is None
