"""The audit's rules for offline acceptances: each finds the fault it is for, and names the row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from voucher_service.ledger.audit_offline import OFFLINE
from voucher_service.visits.offline.models import OfflineEntry

FAULTS = [
    (OFFLINE[0][0], "UPDATE offline_entry SET serial = serial + 1 WHERE id = :first", "first"),
    (OFFLINE[1][0], "UPDATE offline_entry SET scan_id = :online WHERE id = :conflict", "conflict"),
    (OFFLINE[2][0], "UPDATE offline_entry SET prev_hash = entry_hash WHERE id = :second", "second"),
    (OFFLINE[3][0], "UPDATE device_lease_value SET up_to = 1499", "device"),
    (OFFLINE[4][0], "UPDATE offline_entry SET content_sealed = NULL WHERE id = :conflict", "conflict"),
]


def _rows(desk: Desk) -> dict[str, Any]:
    device, used = Device.enrolled(desk), issue_at(desk)
    online = desk.programme.scan(desk.programme.digits(used))
    for voucher in (issue_at(desk), issue_at(desk), used):
        device.accept(voucher)
    device.upload()
    with desk.programme.database.read() as session:
        first, second, conflict = session.scalars(select(OfflineEntry.id).order_by(OfflineEntry.seq))
    return {"first": first, "second": second, "conflict": conflict, "online": online.scan_id, "device": device.id}


def test_each_planted_fault_is_found_and_its_row_named(desk: Desk) -> None:
    rows = _rows(desk)
    assert desk.programme.findings() == []
    assert {rule for rule, _, _ in FAULTS} == {rule for rule, _ in OFFLINE}
    sqlite = desk.programme.database.is_sqlite
    for rule, sql, row in FAULTS:
        named = {name: value.hex if sqlite else value for name, value in rows.items() if f":{name}" in sql}
        with desk.programme.database.begin() as session:
            session.execute(text(sql), named)
        found = {one.row.replace("-", "") for one in desk.programme.findings() if one.rule == rule}
        assert rows[row].hex in found, rule
