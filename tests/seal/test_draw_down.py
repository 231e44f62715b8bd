"""Which gift paid for which vouchers, forward and back; earmarks; nothing about people."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.programme import Programme, add_gift
from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.partners.models import Earmark, EarmarkKind, Partner
from voucher_service.reconciliation.books import draw_down
from voucher_service.vouchers.issue import Wanted, issue_one
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher, VoucherState


def issue_at(programme: Programme, branch_id: int) -> Voucher:
    wanted = Wanted(
        campaign_id=programme.campaign_id, offer_id=programme.top_up_id, actor="staff:test", branch_id=branch_id
    )
    return programme.database.run(issue_one, programme.ring, new_id(), wanted, now=programme.now)


def mark(programme: Programme, allocation_id: int, kind: EarmarkKind, value: str) -> None:
    with programme.database.begin() as session:
        session.add(Earmark(allocation_id=allocation_id, kind=kind.value, value=value))


def test_forward_from_the_gift_and_back_from_the_voucher(programme: Programme) -> None:
    used, live = programme.issue(), programme.issue()
    programme.scan(programme.digits(used))
    with programme.database.read() as session:
        gift = draw_down.gift_of(session, programme.partner_id, programme.allocation_id)
        report = draw_down.draw_down(session, gift)
        assert [(share.state, share.count, share.quantity) for share in report.shares] == [
            (VoucherState.ISSUED, 1, 500), (VoucherState.REDEEMED, 1, 500),
        ]  # fmt: skip
        assert (report.count, report.outside, report.marks) == (2, 0, [])
        rows = read("".join(draw_down.vouchers_csv(session, gift)))
        assert tuple(rows[0]) == draw_down.VOUCHERS
        assert {(row[2], row[3], row[9]) for row in rows[1:]} == {
            (reference_of(used), "redeemed", "Lille"), (reference_of(live), "issued", ""),
        }  # fmt: skip
        (order,) = session.scalars(select(Order))
        payer, found = draw_down.giver_of(session, programme.partner_id, f" {str(order.id).upper()} ")
        assert (payer.id, found.reference, found.quantity) == (programme.allocation_id, order.id, 500)
        top_ups = read("".join(draw_down.top_ups_csv(session, gift)))
    assert tuple(top_ups[0]) == draw_down.TOP_UPS
    assert [row[2] for row in top_ups[1:]] == [str(order.id)]


def read(content: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.lstrip("\ufeff")), delimiter=";"))


def test_an_earmarked_gift_pays_where_it_may_and_a_breach_is_counted(programme: Programme) -> None:
    second = _second_gift(programme)
    mark(programme, second, EarmarkKind.CITY, "Marseille")
    north, south = issue_at(programme, 1), issue_at(programme, 2)
    with programme.database.read() as session:
        payers = [one.allocation_id for one in (north, south)]
        assert payers == [programme.allocation_id, second], "the gift that ends first pays where it may"
        gift = draw_down.gift_of(session, programme.partner_id, second)
        assert draw_down.draw_down(session, gift).outside == 0
    with programme.database.begin() as session:
        session.execute(text("UPDATE voucher SET allocation_id = :gift"), {"gift": second})
    with programme.database.read() as session:
        assert draw_down.draw_down(session, gift).outside == 1, "the one of Lille"
        assert session.execute(draw_down.outside_earmarks()).all() == [(north.id, second)]
    mark(programme, second, EarmarkKind.BRANCH, "1")
    with programme.database.read() as session:
        assert draw_down.draw_down(session, gift).outside == 0


def _second_gift(programme: Programme) -> int:
    with programme.database.begin() as session:
        return add_gift(session, programme.partner_id, 1_000, valid_until=programme.now.date() + timedelta(days=15))


def test_another_partner_sees_neither_gift_nor_top_up(programme: Programme) -> None:
    order = programme.scan(programme.digits(programme.issue())).order_id
    other: UUID = new_id()
    with programme.database.begin() as session:
        session.add(Partner(id=other, name="Un autre", created_at=programme.now))
    with programme.database.read() as session:
        assert draw_down.giver_of(session, programme.partner_id, str(order))
        for who, reference in ((other, str(order)), (programme.partner_id, "x"), (programme.partner_id, str(other))):
            with pytest.raises(NotFound):
                draw_down.giver_of(session, who, reference)
        with pytest.raises(NotFound):
            draw_down.gift_of(session, other, programme.allocation_id)
