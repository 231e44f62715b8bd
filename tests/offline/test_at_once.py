"""Two devices and a repeated upload, all at once: one promise of each voucher is kept, the other is listed."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.reading import rows
from voucher_service.visits.offline.models import OfflineEntry

VOUCHERS = 6
TRIES = 20


def _send(device: Device, entries: list[dict[str, Any]], start: Barrier) -> list[dict[str, Any]]:
    """Upload one by one, each until it has an answer, as the page does."""
    start.wait()
    answers = []
    for entry in entries:
        for _ in range(TRIES):
            answer = device.post("entries", {"entries": [entry]})
            if answer.status_code == 200:
                break
            assert answer.status_code in {409, 503}, answer.text
        assert answer.status_code == 200, answer.text
        answers += answer.get_json()["answers"]
    return answers


def _at_once(desk: Desk) -> list[list[dict[str, Any]]]:
    """Both devices accept the same vouchers; they upload at once, in opposite orders, the first one twice."""
    one, other = Device.enrolled(desk, name="Une"), Device.enrolled(desk, name="Autre")
    for _ in range(VOUCHERS):
        voucher = issue_at(desk)
        one.accept(voucher)
        other.accept(voucher)
    sent = [(one, one.queue), (other, other.queue[::-1]), (one, one.queue[::-1])]
    start = Barrier(len(sent))
    with ThreadPoolExecutor(len(sent)) as pool:
        return list(pool.map(lambda pair: _send(pair[0], pair[1], start), sent))


def test_of_two_devices_one_is_confirmed_and_one_in_conflict(desk: Desk) -> None:
    mine, other, again = _at_once(desk)
    kept = rows(desk)
    assert len(kept) == 2 * VOUCHERS
    by_voucher = Counter((row.voucher_id, row.status, row.reason) for row in kept)
    assert sorted(by_voucher.values()) == [1] * (2 * VOUCHERS)
    assert Counter((status, reason) for _, status, reason in by_voucher) == {
        ("confirmed", None): VOUCHERS,
        ("conflict", "used"): VOUCHERS,
    }
    assert all(row.detail["branch"] == "Antenne Nord" for row in kept if row.status == "conflict")
    told = {answer["seq"]: answer["status"] for answer in mine}
    assert {answer["seq"]: answer["status"] for answer in again} == told, "whichever came first, both are told the same"
    assert all(told[answer["seq"]] != answer["status"] for answer in other)
    assert desk.programme.findings() == []


def test_an_entry_that_is_not_recognised_is_still_not_confirmed_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: the look at what is known is blind. The chain and the keys behind it hold."""
    device = Device.enrolled(desk)
    device.accept(issue_at(desk))
    (first,) = device.upload()

    def blind(*columns: Any) -> Any:
        made = select(*columns)
        return made.where(OfflineEntry.seq < 0) if columns == (OfflineEntry,) else made

    monkeypatch.setattr("voucher_service.visits.offline.upload.select", blind)
    answer = device.post("entries", {"entries": device.queue})
    monkeypatch.undo()
    assert first["status"] == "confirmed"
    assert answer.status_code != 200 or answer.get_json()["answers"][0]["status"] != "confirmed"
