"""Clones, restored and lost devices, miscounts, strangers: what cannot be believed is listed, never dropped."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.reading import rows, said, state_of
from voucher_service.ids import new_id
from voucher_service.partners.models import CampaignPolicy
from voucher_service.staff import devices
from voucher_service.staff.device_models import LeaseValue
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.upload import read_kept


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


def test_answers_are_held_to_the_form_of_the_day_they_were_given(desk: Desk) -> None:
    desk.ask_questions()
    device, voucher = Device.enrolled(desk), issue_at(desk)
    device.accept(voucher, answers={"type_lieu": "lieu_activite", "duree": 20})
    desk.programme.later(days=1)
    with desk.programme.database.begin() as session:
        old = session.query(CampaignPolicy).one()
        facts = {column.key: getattr(old, column.key) for column in CampaignPolicy.__table__.columns}
        tomorrow = {**facts, "effective_from": desk.programme.now.date(), "questions": old.questions[1:2]}
        session.add(CampaignPolicy(**tomorrow))
    assert said(device.upload()) == [("confirmed", None)]
    assert rows(desk)[0].detail == {}, "nothing was left out"
    with desk.programme.database.read() as session:
        visit = session.scalars(select(Visit)).one()
    assert visit.answers == {"type_lieu": "lieu_activite", "duree": 20}
    client = desk.client(Role.COUNTER)
    page = client.http.get(f"/counter/visits/{visit.id}").text
    assert ('name="a-duree"' in page, 'value="20"' in page) == (True, True), "finished on the form it was begun on"
    rest = {"a-type_lieu": "domicile", "a-duree": "20", "a-autonomie": "autonome", "a-materiel": "aucun"}
    client.form(f"/counter/visits/{visit.id}", **rest, **{"a-thematiques": "email"})
    listed = client.http.get("/counter/visits").text
    assert ("Complet<" in listed, "À compléter" in listed) == (True, False)


def test_a_refused_scan_is_recorded_for_the_conflict(desk: Desk) -> None:
    first, second, voucher = Device.enrolled(desk), Device.enrolled(desk), issue_at(desk)
    first.accept(voucher)
    second.accept(voucher)
    first.upload()
    second.upload()
    with desk.programme.database.read() as session:
        assert sorted(session.scalars(select(Scan.outcome))) == ["accepted", "used"]
