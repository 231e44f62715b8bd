"""Random small weeks over the real doors and both databases, held against the drill's model, answer by answer.

The drill lives thousands of weeks in memory with three lines that stand for the books. Here the same kind of week goes
through the signed door, the upload feature and the redemption: every answer must be the model's, and what is left at
the end must be what the model leaves for another order of the same uploads.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.drill import Chain, Server
from tests.offline.test_drill import _SpendsTwice
from voucher_service.staff import devices as devices_of_staff
from voucher_service.staff.device_models import Shift
from voucher_service.staff.models import Role, StaffBranch
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Granted, Stood, missing
from voucher_service.visits.offline.wire import Entry
from voucher_service.vouchers.models import Voucher
from voucher_service.web.counter.offline_bodies import EntryIn, signed_entry

SEEDS = 20
VOUCHERS, SHOWN = 7, 14


@dataclass(slots=True)
class Week:
    """One history at the desk, and the model beside it."""

    desk: Desk
    rng: random.Random
    model: Server
    devices: list[Device] = field(default_factory=list)
    clones: list[Device] = field(default_factory=list)
    vouchers: list[Voucher] = field(default_factory=list)
    sent: list[tuple[Device, dict[str, Any]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def _at_both_branches(desk: Desk) -> None:
    desk.app.extensions["throttle"].spend = lambda *_: None  # sixty devices are enrolled from one address
    with desk.programme.database.begin() as session:
        session.add(StaffBranch(staff_id=desk.staff(Role.COUNTER).id, branch_id=2))


def live(desk: Desk, seed: int) -> Week:
    """Three devices at two branches; vouchers shown to them and online; uploads in pieces, twice, in any order."""
    rng = random.Random(seed)
    desk.programme.later(hours=1)
    week = Week(desk, rng, Server({}))
    for branch_id in (1, 1, 2):
        _enrol(week, branch_id)
    for _ in range(VOUCHERS):
        voucher = issue_at(desk, rng.choice((1, 1, 2)))
        week.vouchers.append(voucher)
        week.model.homes[voucher.serial] = int(voucher.branch_id or 0)
    for _ in range(SHOWN):
        _show(week)
        if rng.random() < 0.25:
            _upload(week, rng.choice([*week.devices, *week.clones]))
        if rng.random() < 0.06:
            week.clones.append(rng.choice(week.devices).copy())
    if rng.random() < 0.3:
        _revoke(week, rng.choice(week.devices))
    everybody = [*week.devices, *week.clones]
    for device in rng.sample(everybody, k=len(everybody)):
        _upload(week, device, all_of_it=True)
    return week


def _enrol(week: Week, branch_id: int) -> None:
    device = Device.enrolled(week.desk, branch_id=branch_id)
    week.devices.append(device)
    week.model.chains[device.id] = Chain(branch_id)
    _take_lease(week, device)
    with week.desk.programme.database.read() as session:
        shift = session.get_one(Shift, device.shift_id)
        week.model.shifts[shift.id] = Stood(shift.device_id, shift.opened_at, shift.ends_at)


def _take_lease(week: Week, device: Device) -> None:
    """Let the model know the lease that the server gave."""
    if device.lease is None:
        return
    body = EntryLease(device.lease)
    if body.id not in week.model.leases:
        week.model.chains[device.id].leases.append(body.id)
    week.model.leases[body.id] = body.granted(device.id)


@dataclass(frozen=True, slots=True)
class EntryLease:
    """A lease as the door tells it."""

    told: dict[str, Any]

    @property
    def id(self) -> UUID:
        """Its id."""
        return UUID(self.told["id"])

    def granted(self, device_id: UUID) -> Granted:
        """As the rules see it."""
        from_, until = (_instant(self.told[name]) for name in ("granted_at", "valid_until"))
        return Granted(device_id, from_, until, self.told["up_to_seq"], self.told["up_to_value"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _show(week: Week) -> None:
    """A voucher is shown to a device without a network, one in five online; clocks are sometimes hours wrong."""
    rng, programme = week.rng, week.desk.programme
    voucher = rng.choice(week.vouchers)
    if rng.random() < 0.2:
        if voucher.serial not in week.model.winners:
            branch = programme.branches[int(voucher.branch_id or 1) - 1]
            recorded = programme.scan(programme.digits(voucher), branch_id=branch.id, till_book_id=branch.till_book_id)
            week.model.winners[voucher.serial] = recorded.scan_id
        return
    device = rng.choice([*week.devices, *week.clones])
    if device.lease is not None:
        skew = timedelta(hours=rng.choice((-90, 90))) if rng.random() < 0.1 else timedelta(minutes=rng.uniform(-9, 9))
        week.sent.append((device, device.accept(voucher, programme.now + skew)))


def _entry(device: Device, sent: dict[str, Any]) -> Entry:
    return signed_entry(device.id, EntryIn.model_validate(sent)).entry


def _upload(week: Week, device: Device, *, all_of_it: bool = False) -> None:
    """Send some of the queue in any order, some twice; hold each answer against the model's."""
    rng = week.rng
    count = len(device.queue) if all_of_it else rng.randint(0, len(device.queue))
    batch = rng.sample(device.queue, k=count)
    batch += rng.choices(batch, k=len(batch) // 3) if batch else []
    if not batch:
        return
    for sent, answer in zip(batch, device.upload(*batch), strict=True):
        made = week.model.receive(_entry(device, sent))
        if (answer["status"], answer["reason"]) != (made.status.value, made.reason and made.reason.value):
            week.faults.append(f"entry {sent['seq']}: answered {answer['status']} {answer['reason']}, model {made}")
    if not week.model.chains[device.id].revoked and device in week.devices:
        device.state()
        _take_lease(week, device)


def _revoke(week: Week, device: Device) -> None:
    programme = week.desk.programme
    programme.database.run(devices_of_staff.revoke, device.id, actor="staff:test", reason="perdu", now=programme.now)
    week.model.chains[device.id].revoked = True


def left_in_the_books(week: Week) -> object:
    """What the real database holds of the week: vouchers redeemed, answers by voucher, gaps by device."""
    serials, ids = {one.serial for one in week.vouchers}, [one.id for one in week.devices]
    with week.desk.programme.database.read() as session:
        redeemed = session.scalars(select(Voucher.serial).where(Voucher.state == "redeemed"))
        entries = session.scalars(select(OfflineEntry).where(OfflineEntry.device_id.in_(ids))).all()
        placed = [sorted(one.seq for one in entries if one.device_id == name and one.placed) for name in ids]
        answers = Counter((one.serial, one.status, one.reason) for one in entries)
        return sorted(serials & set(redeemed)), answers, [missing(seqs) for seqs in placed]


def left_in_the_model(week: Week, server: Server) -> object:
    """The same of the model."""
    chains = [server.chains[one.id] for one in week.devices]
    answers = Counter(
        (entry.serial, made.status.value, made.reason and made.reason.value)
        for chain in chains
        for entry, made in chain.answers.values()
    )
    return sorted(server.winners), answers, [missing(sorted(chain.placed)) for chain in chains]


def in_another_order(week: Week) -> Server:
    """The model after the same uploads in another order, some twice, beside the same online scans."""
    online = {
        serial: scan
        for serial, scan in week.model.winners.items()
        if scan not in {UUID(sent["scan_id"]) for _, sent in week.sent}
    }
    server = Server(week.model.homes, online, leases=week.model.leases, shifts=week.model.shifts)
    server.chains = {name: Chain(one.branch, leases=one.leases) for name, one in week.model.chains.items()}
    uploads = week.sent + week.rng.choices(week.sent, k=len(week.sent) // 3)
    week.rng.shuffle(uploads)
    for device, sent in uploads:
        server.receive(_entry(device, sent))
    return server


def test_random_weeks_end_in_the_books_as_in_the_model_whatever_the_order(desk: Desk) -> None:
    _at_both_branches(desk)
    seen, honest = Counter[str](), 0
    for seed in range(SEEDS):
        week = live(desk, seed)
        assert week.faults == [], seed
        books = left_in_the_books(week)
        assert books == left_in_the_model(week, week.model), seed
        chains = week.model.chains.values()
        seen.update(str(made.reason or made.status) for one in chains for _, made in one.answers.values())
        if not week.clones and not any(one.revoked for one in chains):
            honest += 1
            assert books == left_in_the_model(week, in_another_order(week)), seed
    assert desk.programme.findings() == []
    assert honest >= SEEDS / 5
    assert {"confirmed", "used", "fork", "not_home", "outside_lease", "device_revoked"} <= set(seen), seen


def test_a_model_that_decides_otherwise_is_told_apart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: books in the model that let a voucher be redeemed twice do not pass for the real ones."""
    monkeypatch.setattr("tests.offline.test_random_weeks.Server", _SpendsTwice)
    _at_both_branches(desk)
    assert any(live(desk, seed).faults for seed in range(5))
