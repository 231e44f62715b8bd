"""A person closes what a device promised in vain, once, and the device's window opens again."""

from __future__ import annotations

import pytest

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.reading import rows
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.visits.offline import closing
from voucher_service.visits.offline.models import OfflineEntry


def _one_conflict(desk: Desk) -> tuple[Device, OfflineEntry]:
    device, used = Device.enrolled(desk), issue_at(desk)
    desk.programme.scan(desk.programme.digits(used))
    device.accept(used)
    device.accept(issue_at(desk))
    device.upload()
    with desk.programme.database.read() as session:
        (entry,) = closing.waiting(session)
    return device, entry


def test_closing_gives_the_window_back_and_is_written_once(desk: Desk) -> None:
    device, entry = _one_conflict(desk)
    assert device.state()["lease"]["up_to_seq"] == 101
    database, now = desk.programme.database, desk.programme.now
    with pytest.raises(BadInput):
        database.run(closing.close, entry.id, note=" ", actor="staff:a", now=now)
    database.run(closing.close, entry.id, note="bon remplacé", actor="staff:a", now=now)
    with pytest.raises(Conflict):
        database.run(closing.close, entry.id, note="une autre", actor="staff:b", now=now)
    (kept,) = [row for row in rows(desk) if row.id == entry.id]
    assert (kept.status, kept.closed_by, kept.closed_at, kept.closing_note) == (
        "conflict",
        "staff:a",
        now,
        "bon remplacé",
    )
    assert (kept.wrapped_key, kept.content_sealed) == (None, None)
    assert device.state()["lease"]["up_to_seq"] == 102
    assert desk.programme.findings() == []


def test_what_is_confirmed_or_unknown_cannot_be_closed(desk: Desk) -> None:
    _one_conflict(desk)
    (confirmed,) = [row for row in rows(desk) if row.status == "confirmed"]
    for entry_id in (confirmed.id, new_id()):
        with pytest.raises(NotFound):
            desk.programme.database.run(
                closing.close, entry_id, note="bon remplacé", actor="staff:a", now=desk.programme.now
            )


def test_the_commands_list_and_settle(desk: Desk) -> None:
    _, entry = _one_conflict(desk)
    runner, login = desk.app.test_cli_runner(), desk.login(Role.COORDINATOR)
    listed = runner.invoke(args=["devices", "conflicts"])
    assert str(entry.id) in listed.output
    assert "conflict: used" in listed.output
    settle = ["devices", "settle", str(entry.id), "--note", "bon remplacé", "--as"]
    assert runner.invoke(args=[*settle, "personne"]).exit_code == 1
    assert runner.invoke(args=[*settle, login]).exit_code == 0
    assert runner.invoke(args=[*settle, login]).exit_code == 1
    assert str(entry.id) not in runner.invoke(args=["devices", "conflicts"]).output
