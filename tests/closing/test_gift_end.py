"""A gift is called ended when two people have counted it, nothing is left of it, and its last month is agreed to."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update

from tests.closing.month import agree, at, propose, seal
from tests.programme import Programme
from voucher_service.errors import Conflict
from voucher_service.ids import local_day
from voucher_service.ledger.balances import available
from voucher_service.partners.ending.calendar import usual
from voucher_service.partners.ending.sign_off import count, sign
from voucher_service.partners.endings import return_to_donor
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.closing import gift_end
from voucher_service.reconciliation.closing.gift_end import Held, Hold
from voucher_service.staff.models import Role, Staff

CLAIRE, OMAR = "staff:claire", "staff:omar"


def held(programme: Programme) -> list[Hold]:
    with programme.database.read() as session:
        gift = session.get_one(Allocation, programme.allocation_id)
        return gift_end.holds(session, gift, local_day(programme.now))


def kinds(programme: Programme) -> list[Held]:
    return [one.what for one in held(programme)]


def refusal(programme: Programme) -> str:
    with pytest.raises(Conflict) as refused:
        programme.database.run(gift_end.close, programme.allocation_id, OMAR, programme.now)
    return refused.value.code


def test_what_holds_a_gift_open_is_told_with_who_and_until_when(programme: Programme) -> None:
    run, gift = programme.database.run, programme.allocation_id
    assert kinds(programme) == []  # it ends in years
    with programme.database.begin() as session:
        session.execute(update(Allocation).values(valid_until=date(2026, 3, 31)))
    programme.scan(programme.digits(programme.issue()))
    programme.deliver()
    (first,) = held(programme)
    assert (first.what, first.due_on, first.is_overdue) == (Held.COUNT, date(2026, 3, 24), False)
    run(count, gift, actor=CLAIRE, now=programme.now)
    at(programme, 2026, 3, 25)
    (second,) = held(programme)
    assert (second.what, second.is_overdue, second.responsible) == (Held.SIGN, True, CLAIRE)
    at(programme, 2026, 4, 2)
    assert kinds(programme) == [Held.SIGN, Held.LEFT, Held.PROPOSE]
    assert refusal(programme) == "gift_not_signed"
    run(sign, gift, actor=OMAR, now=programme.now)
    assert refusal(programme) == "allocation_not_empty"
    with programme.database.begin() as session:
        rest = available(session, gift)
        return_to_donor(session, gift, rest, actor=OMAR, reason="Fin du don", key="end", now=programme.now)
    assert kinds(programme) == [Held.PROPOSE]
    assert refusal(programme) == "gift_statement_missing"
    seal(programme)
    row = propose(programme)
    at(programme, 2026, 5, 7)
    (last,) = held(programme)
    assert (last.what, last.responsible, last.close_id, last.is_overdue) == (Held.AGREE, None, row.id, False)
    at(programme, 2026, 5, 8)
    assert held(programme)[0].is_overdue
    assert refusal(programme) == "gift_statement_missing"
    agree(programme, row)
    assert kinds(programme) == []
    assert run(gift_end.close, gift, OMAR, programme.now).state == "closed"
    assert run(gift_end.close, gift, CLAIRE, programme.now).ended_by == OMAR


def test_where_nobody_of_the_partner_can_sign_in_no_statement_is_waited_for(programme: Programme) -> None:
    with programme.database.begin() as session:
        session.execute(update(Allocation).values(valid_until=date(2026, 3, 31)))
    at(programme, 2026, 4, 2)
    assert kinds(programme) == [Held.COUNT, Held.LEFT, Held.PROPOSE]
    with programme.database.begin() as session:
        session.execute(update(Staff).where(Staff.role == Role.PARTNER.value).values(active=False))
    assert kinds(programme) == [Held.COUNT, Held.LEFT]


@pytest.mark.parametrize("planted", ["has_account", "left_of", "calendar_on"])
def test_a_hold_that_is_not_told_would_be_seen(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    programme = Programme.make(sqlite_url)
    later = usual()
    later.statement_days = 400
    monkeypatch.setattr(gift_end, planted, lambda *_: later if planted == "calendar_on" else False)
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError)):
        test_what_holds_a_gift_open_is_told_with_who_and_until_when(programme)
