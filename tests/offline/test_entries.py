"""Entries through the real door: confirmed once, in any order; conflicts and forks kept; nothing dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.reading import rows, said, state_of
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.visits.models import Visit
from voucher_service.visits.offline.upload import read_kept
from voucher_service.vouchers import life


def test_an_acceptance_becomes_a_redemption_and_a_visit(desk: Desk) -> None:
    device = Device.enrolled(desk)
    voucher = issue_at(desk)
    accepted = desk.programme.now
    device.accept(voucher, paid_cents=200, note="Nouvelle carte SIM")
    desk.programme.later(hours=5)
    first = device.upload()
    assert said(first) == [("confirmed", None)]
    assert first[0]["order_id"]
    with desk.programme.database.read() as session:
        visit = session.scalars(select(Visit)).one()
        assert (visit.occurred_at, visit.paid_cents, visit.branch_id) == (accepted, 200, 1)
        assert visit.staff_id == desk.programme.member(Role.COUNTER).id
    again = device.upload()
    assert again == [{**first[0], "known": True}]
    assert state_of(desk, voucher) == "redeemed"
    assert rows(desk)[0].content_sealed is None
    assert desk.programme.findings() == []


def test_any_order_in_pieces_and_twice(desk: Desk) -> None:
    device = Device.enrolled(desk)
    vouchers = [issue_at(desk) for _ in range(5)]
    for voucher in vouchers:
        device.accept(voucher)
    queue = device.queue
    assert said(device.upload(queue[4], queue[2], queue[4])) == [("confirmed", None)] * 3
    body = device.state()
    assert (body["received_to"], body["missing"]) == (0, [[1, 2], [4, 4]])
    assert said(device.upload(*reversed(queue))) == [("confirmed", None)] * 5
    body = device.state()
    assert (body["received_to"], body["missing"], body["forked"], body["restored"]) == (5, [], False, False)
    assert [state_of(desk, voucher) for voucher in vouchers] == ["redeemed"] * 5
    assert desk.programme.findings() == []


def test_two_devices_with_one_voucher_one_is_confirmed_the_other_told_when_and_where(desk: Desk) -> None:
    first, second = Device.enrolled(desk), Device.enrolled(desk, name="Téléphone")
    voucher = issue_at(desk)
    first.accept(voucher)
    second.accept(voucher, number="06 39 98 77 77")
    assert said(second.upload()) == [("confirmed", None)]
    answer = first.upload()[0]
    assert (answer["status"], answer["reason"], answer["branch"]) == ("conflict", "used", "Antenne Nord")
    assert answer["words"]["word"] == "À régler par la coordination"
    assert answer["at"] == desk.programme.now.isoformat()
    conflict = rows(desk)[-1]
    assert read_kept(desk.programme.vault, conflict)["number"] == "06 39 98 12 34"
    assert conflict.content_sealed is not None
    assert b"0639" not in conflict.content_sealed
    assert desk.programme.findings() == []


def test_an_online_redemption_before_the_upload_wins(desk: Desk) -> None:
    device, voucher = Device.enrolled(desk), issue_at(desk)
    device.accept(voucher)
    desk.programme.scan(
        desk.programme.digits(voucher), branch_id=2, till_book_id=desk.programme.branches[1].till_book_id
    )
    answer = device.upload()[0]
    assert (answer["status"], answer["reason"], answer["branch"]) == ("conflict", "used", "Antenne Sud")
    assert desk.programme.findings() == []


def test_a_scan_tried_online_first_is_one_redemption_whatever_arrived(desk: Desk) -> None:
    device, same, changed = Device.enrolled(desk), issue_at(desk), issue_at(desk)
    one, two = new_id(), new_id()
    desk.programme.scan(desk.programme.digits(same), scan_id=one, number="+33639981234")
    desk.programme.scan(desk.programme.digits(changed), scan_id=two, number="+33639980000")
    device.accept(same, scan_id=one)
    device.accept(changed, scan_id=two)
    assert said(device.upload()) == [("confirmed", None)] * 2
    with desk.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Visit)) == 2
    kept = {row.seq: row for row in rows(desk)}
    assert kept[1].content_sealed is None
    assert kept[2].detail == {"differs": True}
    assert read_kept(desk.programme.vault, kept[2])["number"] == "06 39 98 12 34"
    assert desk.programme.findings() == []


@pytest.mark.parametrize("end", ["cancelled", "replaced"])
def test_what_ended_meanwhile_is_a_conflict(desk: Desk, end: str) -> None:
    device, voucher = Device.enrolled(desk), issue_at(desk)
    device.accept(voucher)
    run, now = desk.programme.database.run, desk.programme.now
    if end == "cancelled":
        run(life.cancel, voucher.id, actor="staff:test", reason="perdu", now=now)
    else:
        run(life.reissue, desk.programme.ring, voucher.id, new_id(), actor="staff:test", reason="perdu", now=now)
    assert said(device.upload()) == [("conflict", end)]
    assert desk.programme.findings() == []


def test_the_last_day_is_judged_when_it_was_accepted(desk: Desk) -> None:
    voucher = issue_at(desk)
    evening = datetime(voucher.last_day.year, voucher.last_day.month, voucher.last_day.day, 18, tzinfo=UTC)
    desk.programme.now = evening
    device = Device.enrolled(desk)
    device.accept(voucher)
    other = issue_at(desk, None)
    desk.programme.later(days=8)
    run = desk.programme.database.run
    assert run(life.expire_due, now=desk.programme.now) == 0, "the sweep waits for the device"
    assert said(device.upload()) == [("confirmed", None)]
    assert state_of(desk, other) == "issued"
    assert desk.programme.findings() == []


def test_the_sweep_waits_only_for_devices_that_have_not_told_all(desk: Desk) -> None:
    device, voucher, elsewhere = Device.enrolled(desk), issue_at(desk), issue_at(desk, 2)
    run = desk.programme.database.run
    desk.programme.later(days=91)
    device.open_shift()
    desk.programme.now -= timedelta(days=1)
    device.state()
    desk.programme.later(days=1)
    assert voucher.last_day < desk.programme.now.date()
    assert run(life.expire_due, now=desk.programme.now) == 1
    assert (state_of(desk, voucher), state_of(desk, elsewhere)) == ("issued", "expired")
    device.state()
    assert run(life.expire_due, now=desk.programme.now) == 1
    assert state_of(desk, voucher) == "expired"
    assert desk.programme.findings() == []


def test_the_sweep_waits_a_fortnight_after_the_last_lease_and_then_it_is_a_conflict(desk: Desk) -> None:
    voucher = issue_at(desk)
    desk.programme.now = datetime.combine(voucher.last_day, desk.programme.now.timetz())
    device = Device.enrolled(desk)
    device.accept(voucher)
    desk.programme.later(days=17)
    assert desk.programme.database.run(life.expire_due, now=desk.programme.now) == 0
    desk.programme.later(days=1)
    assert desk.programme.database.run(life.expire_due, now=desk.programme.now) == 1
    assert said(device.upload()) == [("conflict", "expired")]
    assert desk.programme.findings() == []
