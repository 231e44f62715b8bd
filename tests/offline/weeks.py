"""Weeks of the offline drill: lost connections, partial and doubled uploads, wrong clocks, clones, restores, losses.

`python -m tests.offline.weeks SEEDS [FIRST]` lives full weeks: 20 devices, 500 vouchers shown to each, 7 days. All
cores, or WORKERS= of them; every hundred weeks a line with what came of all so far.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.offline.drill import UNIT, VALUE, VALUES, WINDOW, Chain, Device, Server, any_id
from voucher_service.visits.offline import rules
from voucher_service.visits.offline.rules import Status, Stood
from voucher_service.visits.offline.wire import Entry

START = datetime(2026, 3, 2, 7, tzinfo=UTC)
FINAL = timedelta(days=7)
EACH = 100


@dataclass(slots=True)
class Week:
    """One history: who accepted what, what the server answered on the way, and what was found wrong."""

    seed: int
    server: Server
    devices: list[Device]
    clones: list[Device] = field(default_factory=list)
    made: list[Entry] = field(default_factory=list)
    online: dict[int, UUID] = field(default_factory=dict)
    cloned: set[UUID] = field(default_factory=set)
    lost: set[UUID] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def live(
    seed: int, *, devices: int = 20, redemptions: int = 500, trouble: bool = True, kind: type[Server] = Server
) -> Week:
    """Live seven days; with `trouble`, devices are cloned, restored, lost, and some clocks are hours wrong."""
    rng = random.Random(seed)
    branches = max(1, devices // 3)
    homes = {serial: rng.randrange(branches) for serial in range(devices * redemptions)}
    week = Week(seed, kind(homes), [])
    for _ in range(devices):
        _enrol(week, rng, rng.randrange(branches), trouble=trouble)
    pools = [[serial for serial, home in homes.items() if home == branch] for branch in range(branches)]
    steps = devices * redemptions
    for step in range(steps):
        now = START + FINAL * step / steps
        device = rng.choice([*week.devices, *week.clones])
        pool = pools[device.branch]
        if pool:
            _present(week, device, rng.choice(pool), now, rng)
        if rng.random() < 0.06:
            sync(week, device, now, rng)
        if trouble and rng.random() < 4 / steps * devices / 20 + 1 / steps:
            _trouble(week, device, rng)
    return week


def _enrol(week: Week, rng: random.Random, branch: int, *, trouble: bool) -> None:
    device_id, shift = any_id(rng), any_id(rng)
    wrong = trouble and rng.random() < 0.1
    skew = timedelta(minutes=rng.uniform(-4000, 4000)) if wrong else timedelta(minutes=rng.uniform(-9, 9))
    week.server.chains[device_id] = Chain(branch)
    week.server.shifts[shift] = Stood(device_id, START, START + FINAL)
    week.devices.append(Device(device_id, branch, skew, shift))
    sync(week, week.devices[-1], START, rng, luck=1)


def _present(week: Week, device: Device, serial: int, now: datetime, rng: random.Random) -> None:
    """A voucher is shown: sometimes there is a network, mostly there is none."""
    if rng.random() < 0.2:
        scan = any_id(rng)
        if week.server.winners.setdefault(serial, scan) == scan:
            week.online[serial] = scan
        device.seen.add(serial)
        return
    entry = device.accept(serial, now, rng)
    if entry is not None:
        week.made.append(entry)
    if device.id not in week.cloned:
        _within_the_window(week, device)


def _within_the_window(week: Week, device: Device) -> None:
    """What is promised and not told, plus what was promised in vain, is at most the window."""
    chain = week.server.chains[device.id]
    untold = [entry for entry in device.queue if entry.hash() not in chain.answers]
    vain = chain.vain
    if len(untold) + vain > WINDOW or (len(untold) + vain) * VALUE > VALUES:
        week.faults.append(f"seed {week.seed}: a device has {len(untold)} untold and {vain} in vain")


def sync(week: Week, device: Device, now: datetime, rng: random.Random, *, luck: float = 0.7) -> None:
    """Upload some of the queue in any order, some twice; answers get lost; then the lease, if that comes through."""
    server = week.server
    batch = rng.sample(device.queue, k=len(device.queue) if luck == 1 else rng.randint(0, len(device.queue)))
    batch += rng.choices(batch, k=len(batch) // 3) if batch else []
    for entry in batch:
        server.receive(entry)
        if rng.random() < luck and entry in device.queue:
            device.queue.remove(entry)
    if rng.random() < luck and not server.chains[device.id].revoked:
        granted = server.renew(device.id, device.seq, now, any_id(rng))
        if granted is None:
            device.lease = None
        elif rng.random() < luck:
            device.lease_id, device.lease = granted, server.leases[granted]


def _trouble(week: Week, device: Device, rng: random.Random) -> None:
    """Clone it, put an older copy back, or lose it."""
    kind = rng.choice(("clone", "restore", "lose"))
    if kind == "lose" and device in week.devices and len(week.devices) > 1:
        week.devices.remove(device)
        week.lost.add(device.id)
        week.server.chains[device.id].revoked = rng.random() < 0.5
    elif kind == "restore":
        week.cloned.add(device.id)
        week.clones.append(device.copy())  # the older storage goes on beside what was done since
    elif kind == "clone":
        week.cloned.add(device.id)
        week.clones.append(device.copy())


def finish(week: Week, rng: random.Random) -> None:
    """Let everybody who is not lost upload to the end, then hold the books against what was promised."""
    for device in [*week.devices, *week.clones]:
        sync(week, device, START + FINAL, rng, luck=1)
    chains = week.server.chains.values()
    confirmed = Counter(
        entry.serial for chain in chains for entry, made in chain.answers.values() if made.status is Status.CONFIRMED
    )
    confirmed.update(week.online.keys())
    _say(week, [f"voucher {serial} redeemed {times} times" for serial, times in confirmed.items() if times != 1])
    _say(week, [f"voucher {one} won by nobody" for one in week.server.winners if one not in confirmed])
    answered = {digest for chain in chains for digest in chain.answers}
    dropped = [entry for entry in week.made if entry.hash() not in answered and entry.device_id not in week.lost]
    _say(week, [f"entry {entry.seq} was dropped" for entry in dropped])
    for chain in chains:
        charged = sum(e.value for e, made in chain.answers.values() if made.status is not Status.REFUSED)
        leased = max((week.server.leases[one].up_to_value[UNIT] for one in chain.leases), default=0)
        _say(week, [f"{charged} charged, {leased} leased"] if charged > leased else [])
        believed = Counter(e.seq for e, made in chain.answers.values() if made.placed)
        _say(week, [f"number {seq} believed {n} times" for seq, n in believed.items() if n > 1])


def _say(week: Week, faults: list[str]) -> None:
    week.faults += [f"seed {week.seed}: {fault}" for fault in faults]


def end_state(week: Week, entries: list[Entry], kind: type[Server] = Server) -> object:
    """Upload these entries, in this order, to books with the same leases, shifts and online scans; what is left."""
    server = kind(week.server.homes, dict(week.online))
    server.chains = {name: Chain(chain.branch, leases=chain.leases) for name, chain in week.server.chains.items()}
    server.leases, server.shifts = week.server.leases, week.server.shifts
    for entry in entries:
        server.receive(entry)
    each = Counter(
        (entry.serial, made.status, made.reason)
        for chain in server.chains.values()
        for entry, made in chain.answers.values()
    )
    gaps = [rules.missing(sorted(chain.placed)) for chain in server.chains.values()]
    return sorted(server.winners), sorted(each.items(), key=repr), gaps


def orders(week: Week, rng: random.Random, *, times: int, kind: type[Server] = Server) -> list[str]:
    """What differs between end states when honest devices' entries come in other orders, in pieces and twice."""
    entries = [entry for entry in week.made if entry.device_id not in week.cloned]
    first = end_state(week, entries, kind)
    found = []
    for _ in range(times):
        other = entries + rng.choices(entries, k=len(entries) // 3) if entries else []
        rng.shuffle(other)
        if end_state(week, other, kind) != first:
            found.append(f"seed {week.seed}: another order of uploads ends otherwise")
    return found


def drill(seed: int, *, devices: int, redemptions: int, times: int = 2, kind: type[Server] = Server) -> Week:
    """Live a week, finish it, upload it again in other orders; the faults are in the week."""
    week, rng = live(seed, devices=devices, redemptions=redemptions, kind=kind), random.Random(-seed - 1)
    finish(week, rng)
    week.faults += orders(week, rng, times=times, kind=kind)
    return week


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of one full week, small enough to hand to another process."""

    seed: int
    sums: Counter[str]
    faults: list[str]


def full(seed: int) -> Lived:
    """Live one full week."""
    week = drill(seed, devices=20, redemptions=500)
    sums = Counter({"entries": len(week.made), "cloned": len(week.cloned), "lost": len(week.lost)})
    for chain in week.server.chains.values():
        sums.update((made.reason or made.status).value for _, made in chain.answers.values())
    return Lived(seed, sums, week.faults)


def campaign(seeds: range, workers: int) -> int:
    """Live full weeks on so many cores and print what came of them; return how many faults were found.

    Weeks are counted in the order of their seeds, so what was printed last says where to go on after an interruption.
    """
    began, sums, faults, done = time.perf_counter(), Counter[str](), list[str](), 0
    with multiprocessing.Pool(workers) as pool:
        try:
            for lived in pool.imap(full, seeds):
                done += 1
                sums += lived.sums
                faults += lived.faults
                print("\n".join(lived.faults[:20]), end="\n" if lived.faults else "", flush=True)
                if done % EACH == 0 or done == len(seeds):
                    _report(seeds, done, time.perf_counter() - began, sums, len(faults))
        except KeyboardInterrupt:
            _report(seeds, done, time.perf_counter() - began, sums, len(faults))
    return len(faults)


def _report(seeds: range, done: int, seconds: float, sums: Counter[str], faults: int) -> None:
    rate = f"{done / seconds:.2f} a second" if done else "none"
    left = f"; go on with FIRST={seeds.start + done} WEEKS={len(seeds) - done}" if done < len(seeds) else ""
    found = f"{faults} FAULTS" if faults else "nothing found"
    print(f"{done} weeks from seed {seeds.start} in {seconds:.0f} s ({rate}): {found}; {dict(sums)}{left}", flush=True)


def main() -> None:
    """Run full weeks and print what came of them; exit code 1 when anything was found."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    workers = int(os.environ.get("WORKERS") or os.cpu_count() or 1)
    sys.exit(bool(campaign(range(first, first + count), workers)))


if __name__ == "__main__":
    main()
