"""A month and what the partner says is left of its gifts: held up by a residual, agreed to with both figures."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.closing.month import THEM, US, agree, at, march, propose, seal, them, us
from tests.programme import Programme
from voucher_service.errors import Conflict
from voucher_service.ids import new_id
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.closing import close, legs
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.closing.signing import sign
from voucher_service.reconciliation.closing.statement import FIRST_FORMAT, make
from voucher_service.reconciliation.models import Break
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Way

LAST = date(2026, 3, 31)


def told(programme: Programme, closing: int, reason: str = "") -> DeclaredBalance:
    """The partner says what is left at the end of March."""
    return programme.database.run(
        declare, partner_id=programme.partner_id, allocation_id=programme.allocation_id, as_of=LAST, actor=THEM,
        said=Said(closing=closing), now=programme.now, reason=reason,
    )  # fmt: skip


def section(row: PeriodClose) -> Any:
    """What the manifest says of the gift's balance."""
    (said,) = json.loads(row.manifest)["balances"]
    return said


def refusal(programme: Programme) -> str:
    with pytest.raises(Conflict) as refused:
        propose(programme)
    return refused.value.code


def test_where_the_partner_says_nothing_the_statement_says_so(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    assert section(row)["declared"] == legs.NOT_DECLARED
    assert "residual" not in section(row)
    assert section(row)["books"] == 99_500
    with programme.database.read() as session:
        made = close.remake(session, row)
    assert "non déclaré" in made.balances.decode()


def test_a_residual_holds_the_month_up_until_a_sealed_booking_explains_it(programme: Programme) -> None:
    march(programme)
    balance = told(programme, 99_400)
    assert refusal(programme) == "balance_differs"
    with programme.database.read() as session:
        (break_id,) = session.scalars(select(Break.id))
    made = programme.database.run(
        settle.propose, break_id, way=Way.WRITE_OFF, note="Introuvable des deux côtés", actor=US, now=programme.now
    )
    assert refusal(programme) == "balance_differs"
    programme.database.run(settle.agree, made.id, actor="staff:omar", now=programme.now)
    assert refusal(programme) == "not_sealed_yet"
    seal(programme)
    row = agree(programme, propose(programme))
    said = section(row)
    assert said["declared"] == {"closing": 99_400, "edition": 1, "in_statement": False}
    assert (said["books"], said["residual"]) == (99_400, 0)
    for actor_and_reason in ("Trop tard", "Encore trop tard"):
        with pytest.raises(Conflict) as refused:
            told(programme, 99_000, actor_and_reason)
        assert refused.value.code == "period_closed"
    names = [column.name for column in DeclaredBalance.__table__.columns]
    late = {name: getattr(balance, name) for name in names} | {"id": new_id(), "edition": 2, "reason": "Après coup"}
    with pytest.raises(DBAPIError, match="period is closed"), programme.database.begin() as session:
        session.execute(insert(DeclaredBalance).values(late))
    assert programme.findings() == []


def test_a_corrected_balance_explains_it_too_and_a_new_one_in_between_is_noticed(programme: Programme) -> None:
    march(programme)
    told(programme, 98_000)
    assert refusal(programme) == "balance_differs"
    told(programme, 99_500, "Un don compté deux fois")
    row = propose(programme)
    assert section(row)["declared"]["edition"] == 2
    told(programme, 99_000, "Non, c’était juste")
    with pytest.raises(Conflict) as refused:
        agree(programme, row)
    assert refused.value.code == "balance_differs"


def test_what_was_agreed_to_is_made_again_whatever_is_declared_or_sealed_later(programme: Programme) -> None:
    march(programme)
    told(programme, 99_500)
    row = agree(programme, propose(programme))
    with programme.database.read() as session:
        first = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    at(programme, 2026, 5, 3)
    programme.scan(programme.digits(programme.issue()))
    programme.deliver()
    seal(programme)
    with programme.database.read() as session:
        assert close.remake(session, close.of_partner(session, programme.partner_id, row.id)) == first


def test_a_statement_of_before_the_balances_is_made_again_as_it_was(programme: Programme) -> None:
    march(programme)
    proposed = propose(programme)
    month = close.month_of(proposed)
    with programme.database.begin() as session:
        old = make(session, month, previous="", agreed={"format": FIRST_FORMAT})
        session.delete(session.get_one(PeriodClose, proposed.id))
        session.flush()
        row = PeriodClose(
            id=new_id(), partner_id=month.partner_id, first_day=month.first_day, last_day=month.last_day,
            from_at=month.from_at, until_at=month.until_at, size=month.size, manifest=old.manifest,
            signature=sign(session, programme.vault, old.manifest, month.size),
            proposed_by=us(programme), proposed_at=programme.now,
            agreed_by=them(programme), agreed_at=programme.now,
        )  # fmt: skip
        session.add(row)
    assert "balances" not in old.manifest
    assert "soldes" not in old.manifest
    with programme.database.read() as session:
        assert close.remake(session, close.of_partner(session, programme.partner_id, row.id)) == old


def test_the_database_wants_a_reason_for_a_correction(programme: Programme) -> None:
    march(programme)
    made = told(programme, 99_500)
    names = [column.name for column in DeclaredBalance.__table__.columns]
    row = {name: getattr(made, name) for name in names} | {"id": new_id(), "edition": 2}
    for reason in (None, "", "x"):
        with pytest.raises(IntegrityError), programme.database.begin() as session:
            session.execute(insert(DeclaredBalance).values(row | {"reason": reason}))
