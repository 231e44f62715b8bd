"""A gap in the numbers of statements is a difference: the statement closes it, or the partner's word and ours."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.flows.reconciliation.builders import NOON, VAULT, World, make_world
from tests.flows.reconciliation.test_intake import HEAD
from voucher_service.db import Database
from voucher_service.errors import BadInput, SecondPersonNeeded
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.explain import explain
from voucher_service.reconciliation.intake import sequence
from voucher_service.reconciliation.models import Break, BreakClass, BreakSubject
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Side, Way

PARTNER, CLAIRE = "staff:operateur", "staff:claire"
MISSING = BreakClass.STATEMENT_MISSING.value


@pytest.fixture
def world(database: Database) -> World:
    """A partner whose statements 11 and 14 are there."""
    with database.begin() as session:
        made = make_world(session)
    come(database, made, 11, "01/03/2026")
    come(database, made, 14, "20/03/2026")
    return made


def come(database: Database, world: World, number: int, day: str) -> UUID:
    """One more statement, of one line that our books do not know."""
    content = f"{HEAD}n{number};10;OK;{day} 12:00\n".encode()
    with database.begin() as session:
        return import_statement(
            session, vault=VAULT,
            partner_id=world.partner_id, file_name=f"{number}.csv", content=content, actor="lea", now=NOON,
            number=number,
        ).id  # fmt: skip


def gaps(database: Database) -> list[tuple[int | None, bool]]:
    """Each gap's break: the number after it, and whether it is open."""
    with database.read() as session:
        rows = select(BreakSubject.gap_before, Break.resolved_at.is_(None)).join(Break)
        return [(after, is_open) for after, is_open in session.execute(rows.order_by(BreakSubject.gap_before))]


def test_the_gap_opens_shrinks_and_ends_with_the_statements_that_come(database: Database, world: World) -> None:
    assert gaps(database) == [(14, True)]
    with database.read() as session:
        (statement_id,) = session.scalars(select(Break.statement_id).where(Break.kind == MISSING))
        assert statement_id is not None
        after = queries.statement_of(session, world.partner_id, statement_id)
        found = [one for one in queries.all_differences(session, after) if one.kind.value == MISSING]
    assert "n° 12 – 13" in explain(found[0]).sentence
    with database.begin() as session:
        figures = run(session, after.id, NOON).figures
        assert not figures.complete
        assert figures.by_class[BreakClass.STATEMENT_MISSING] == 1
        assert (figures.unexplained, set(figures.difference.values())) == (0, {1000})
    come(database, world, 13, "15/03/2026")
    assert gaps(database) == [(13, True), (14, False)]
    come(database, world, 12, "14/03/2026")
    assert gaps(database) == [(13, False), (14, False)]
    with database.begin() as session:
        assert run(session, after.id, NOON).figures.complete


def test_only_the_partner_says_that_a_number_never_served_and_another_person_agrees(
    database: Database, world: World
) -> None:
    with database.read() as session:
        (break_id,) = session.scalars(select(Break.id).where(Break.kind == MISSING))
    said: Any = {"way": Way.NO_VALUE, "note": "Numéros sautés par la facturation", "now": NOON}
    with pytest.raises(BadInput, match="ne peut pas être réglé"):
        database.run(settle.propose, break_id, actor=CLAIRE, **said)
    made = database.run(settle.propose, break_id, actor=PARTNER, side=Side.PARTNER, **said)
    assert gaps(database) == [(14, True)]
    with pytest.raises(SecondPersonNeeded):
        database.run(settle.agree, made.id, actor=PARTNER, now=NOON)
    database.run(settle.agree, made.id, actor=CLAIRE, now=NOON)
    assert gaps(database) == [(14, False)]
    come(database, world, 15, "21/03/2026")
    assert gaps(database) == [(14, False)], "what was decided stays decided"


def test_the_months_that_a_missing_statement_may_be_of_are_held_up(database: Database, world: World) -> None:
    months = {(3, 31): 1, (2, 28): 0, (4, 30): 0}
    with database.read() as session:
        for (month, last), expected in months.items():
            days = date(2026, month, 1), date(2026, month, last)
            assert sequence.gaps_of(session, world.partner_id, *days) == expected, month


def test_other_lines_of_the_partner_cannot_be_said_away_by_it(database: Database, world: World) -> None:
    with database.begin() as session:
        (statement_id,) = session.scalars(select(Break.statement_id).where(Break.kind == MISSING))
        assert statement_id is not None
        run(session, statement_id, NOON)
        unexpected = session.scalars(select(Break.id).where(Break.line_id.is_not(None))).first()
        assert unexpected is not None
    with pytest.raises(BadInput):
        database.run(
            settle.propose, unexpected, way=Way.WRITE_OFF, note="À nous", actor=PARTNER, now=NOON, side=Side.PARTNER,
            allocation_id=world.book_id,
        )  # fmt: skip
