"""Entries through the real door: confirmed once, in any order; conflicts and forks kept; nothing dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from voucher_service.ids import new_id
from voucher_service.staff import devices
from voucher_service.staff.device_models import LeaseValue
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.upload import read_kept
from voucher_service.vouchers import life
from voucher_service.vouchers.models import Voucher


def said(answers: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Status and reason of each."""
    return [(answer["status"], answer["reason"]) for answer in answers]


def state_of(desk: Desk, voucher: Voucher) -> str:
    """The voucher's state in the books."""
    with desk.programme.database.read() as session:
        return session.get_one(Voucher, voucher.id).state


def rows(desk: Desk) -> list[OfflineEntry]:
    """Every entry kept, by arrival."""
    with desk.programme.database.read() as session:
        return list(session.scalars(select(OfflineEntry).order_by(OfflineEntry.received_at, OfflineEntry.id)))


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


def test_a_clone_spends_once_and_is_listed(desk: Desk) -> None:
    device = Device.enrolled(desk)
    vouchers = [issue_at(desk) for _ in range(4)]
    device.accept(vouchers[0])
    device.upload()
    clone = device.copy()
    clone.queue.clear()
    device.accept(vouchers[1])
    clone.accept(vouchers[2])
    clone.accept(vouchers[3])
    assert said(device.upload(device.queue[-1])) == [("confirmed", None)]
    assert said(clone.upload()) == [("refused", "fork")] * 2
    assert said(clone.upload()) == [("refused", "fork")] * 2
    assert [(row.seq, row.placed) for row in rows(desk)] == [(1, 1), (2, 1), (2, 0), (3, 0)]
    assert [state_of(desk, one) for one in vouchers] == ["redeemed", "redeemed", "issued", "issued"]
    body = device.state()
    assert (body["forked"], body["lease"]) == (True, None)
    assert desk.programme.findings() == []


def test_a_restored_device_gets_no_lease(desk: Desk) -> None:
    device = Device.enrolled(desk)
    older = device.copy()
    device.accept(issue_at(desk))
    device.upload()
    body = older.state()
    assert (body["restored"], body["forked"], body["lease"]) == (True, False, None)
    assert device.state()["lease"] is not None


def test_a_lost_device_is_revoked_and_its_later_uploads_are_listed(desk: Desk) -> None:
    device, voucher = Device.enrolled(desk), issue_at(desk)
    device.accept(voucher)
    desk.programme.database.run(devices.revoke, device.id, actor="staff:test", reason="perdu", now=desk.programme.now)
    refused = device.post("state", {"head": {"seq": 1, "hash": device.prev.hex()}, "have": {}})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "device_revoked")
    assert said(device.upload()) == [("refused", "device_revoked")]
    assert state_of(desk, voucher) == "issued"
    assert read_kept(desk.programme.vault, rows(desk)[0])["number"] == "06 39 98 12 34"
    assert desk.programme.findings() == []


def test_what_lies_outside_lease_shift_or_branch_is_kept_for_a_person(desk: Desk) -> None:
    device = Device.enrolled(desk)
    assert device.lease is not None
    now, lease = desk.programme.now, dict(device.lease)
    device.accept(issue_at(desk), now + timedelta(hours=73))
    device.accept(issue_at(desk), now - timedelta(minutes=11))
    device.accept(issue_at(desk), now + timedelta(hours=13))
    device.accept(issue_at(desk, 2))
    device.accept(issue_at(desk, None))
    device.lease = {**lease, "id": str(new_id())}
    device.accept(issue_at(desk))
    device.lease, shift = lease, device.shift_id
    device.shift_id = new_id()
    device.accept(issue_at(desk))
    device.shift_id = shift
    device.accept(issue_at(desk), number=None)
    device.accept(issue_at(desk), code=desk.programme.digits(issue_at(desk)))
    device.accept(issue_at(desk), code="1234 5678 9012 3456")
    device.accept(issue_at(desk), paid_cents=201)
    device.accept(issue_at(desk), paid_cents="beaucoup")
    device.accept(issue_at(desk), now + timedelta(minutes=9))
    assert said(device.upload()) == [
        ("refused", "outside_lease"),
        ("refused", "outside_lease"),
        ("refused", "outside_shift"),
        ("refused", "not_home"),
        ("refused", "not_home"),
        ("refused", "outside_lease"),
        ("refused", "outside_shift"),
        ("refused", "incomplete"),
        ("refused", "unreadable"),
        ("refused", "unreadable"),
        ("refused", "incomplete"),
        ("refused", "unreadable"),
        ("confirmed", None),
    ]
    assert len(rows(desk)) == 13
    assert device.state()["received_to"] == 13
    assert desk.programme.findings() == []


def test_the_lease_is_a_window_that_conflicts_hold_back(desk: Desk) -> None:
    device = Device.enrolled(desk)
    assert device.lease is not None
    assert (device.lease["up_to_seq"], device.lease["up_to_value"]["eur_cent"]) == (100, 100_000)
    used = issue_at(desk)
    desk.programme.scan(desk.programme.digits(used))
    device.accept(used)
    device.accept(issue_at(desk))
    device.upload()
    body = device.state()
    assert (body["lease"]["up_to_seq"], body["lease"]["up_to_value"]["eur_cent"]) == (101, 100_500)
    with desk.programme.database.begin() as session:
        session.execute(
            update(OfflineEntry)
            .where(OfflineEntry.status == "conflict")
            .values(closed_at=desk.programme.now, closed_by="staff:test", decision="settled")
        )
    body = device.state()
    assert (body["lease"]["up_to_seq"], body["lease"]["up_to_value"]["eur_cent"]) == (102, 101_000)


def test_a_device_that_miscounts_is_held_to_its_lease_by_the_books(desk: Desk) -> None:
    device = Device.enrolled(desk)
    with desk.programme.database.begin() as session:
        session.execute(update(LeaseValue).values(up_to=1000))
    for _ in range(3):
        device.totals.clear()  # says each time that this is its first
        device.accept(issue_at(desk))
    assert said(device.upload()) == [("confirmed", None), ("confirmed", None), ("refused", "outside_lease")]


def test_a_scan_stands_in_one_entry_only(desk: Desk) -> None:
    device, voucher, scan_id = Device.enrolled(desk), issue_at(desk), new_id()
    device.accept(voucher, scan_id=scan_id)
    device.accept(voucher, scan_id=scan_id)
    assert said(device.upload()) == [("confirmed", None), ("refused", "fork")]


def test_entries_of_nobody_are_not_kept(desk: Desk) -> None:
    device, stranger = Device.enrolled(desk), Device.enrolled(desk)
    sent = device.accept(issue_at(desk))
    assert said(device.upload({**sent, "value": 499})) == [("invalid", "bad_signature")]
    assert said(stranger.upload(sent)) == [("invalid", "bad_signature")]
    assert said(device.upload({**sent, "sealed": "x"})) == [("invalid", "malformed")]
    assert device.post("entries", {"entries": [{**sent, "seq": 0}]}).status_code == 422
    assert rows(desk) == []
    assert said(device.upload(sent)) == [("confirmed", None)]


def test_answers_of_an_older_form_are_kept_beside_the_visit(desk: Desk) -> None:
    desk.ask_questions()
    device = Device.enrolled(desk)
    device.accept(issue_at(desk), answers={"type_lieu": "lieu_activite", "ancienne": "oui"})
    assert said(device.upload()) == [("confirmed", None)]
    with desk.programme.database.read() as session:
        assert session.scalars(select(Visit)).one().answers == {"type_lieu": "lieu_activite"}
    assert rows(desk)[0].detail == {"left_out": ["ancienne"]}
    assert read_kept(desk.programme.vault, rows(desk)[0])["answers"]["ancienne"] == "oui"


def test_a_refused_scan_is_recorded_for_the_conflict(desk: Desk) -> None:
    first, second, voucher = Device.enrolled(desk), Device.enrolled(desk), issue_at(desk)
    first.accept(voucher)
    second.accept(voucher)
    first.upload()
    second.upload()
    with desk.programme.database.read() as session:
        assert sorted(session.scalars(select(Scan.outcome))) == ["accepted", "used"]
