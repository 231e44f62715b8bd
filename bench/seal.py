"""Sealing the books: rate and size, proofs at 1 and 10 million leaves, and what it costs a redemption.

    python -m bench.seal [transfers sealed] [leaves] [rounds] [vouchers a round]
On one PostgreSQL, own server. The 10 million leaves are made by the database (hashes of numbers); the tree over
them is built and read by the code of the service.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from typing import ParamSpec, TypeVar

from sqlalchemy import text

from bench import http_door
from bench import redemption_paths as paths
from bench.growth import cpu_seconds
from bench.stock_of_vouchers import add_vouchers
from tests.programme import MASTER, Programme
from tests.served import serving
from tests.servers.postgresql import PostgresServer, postgres
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.ids import utc_now
from voucher_service.ledger.seal import sealer, verify_books
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.ledger.seal.tiles import Tiles, size_of
from voucher_service.ledger.seal.tree import consistency, inclusion, root_of
from voucher_service.migrations.runner import upgrade

P = ParamSpec("P")
T = TypeVar("T")
Way = Callable[[list[str]], float]
"""Redeems the codes; returns how many a second."""

CLIENTS = 16
GOAL = 0.97
PROCESSES = 4
PAUSE = 2.0  # seconds between two looks of the sealer: thirty times as often as in service, each over 15 minutes
TABLES = ("ledger_leaf", "ledger_node", "ledger_checkpoint")


def main(transfers: int, leaves: int, rounds: int, each: int) -> None:
    """Print the figures."""
    with postgres(own=True) as server:
        assert isinstance(server, PostgresServer)
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        add_vouchers(programme, 1, transfers - 1)
        rate(programme, server.pid, transfers)
        proofs(programme.database)
        cost(programme, server, transfers, rounds, each)
        many_leaves(programme.database, leaves)  # last: these leaves have no transfers
        proofs(programme.database)
        programme.database.close()


def rate(programme: Programme, server: int, transfers: int) -> None:
    """Seal everything once."""
    signer = LogSigner(programme.vault, 1)
    start, cpu, theirs = time.perf_counter(), time.process_time(), cpu_seconds(server)
    sealed = sealer.seal_all(programme.database, signer, now=utc_now())
    seconds, busy = time.perf_counter() - start, time.process_time() - cpu
    theirs = cpu_seconds(server) - theirs
    assert sealed == transfers, f"{sealed} of {transfers} were sealed"
    with programme.database.read() as session:
        sizes = {t: session.execute(text(f"SELECT pg_total_relation_size('{t}')")).scalar_one() for t in TABLES}
    total = sum(sizes.values())
    print(
        f"sealed {sealed:,} transfers in {seconds:.1f} s: {sealed / seconds:,.0f} a second; CPU a transfer: "
        f"{busy / sealed * 1e6:.1f} µs ours, {theirs / sealed * 1e6:.1f} µs the server's"
    )
    print(f"the log takes {total / 2**20:.0f} MiB, {total / sealed:.0f} bytes a transfer, indexes included: {sizes}")


def proofs(database: Database) -> None:
    """Make and check inclusion and consistency proofs at random places, each with nothing read before."""
    rng = random.Random(8)
    figures: dict[str, list[float]] = {}
    with database.read() as session:
        size = size_of(session)
        root = root_of(Tiles(session), size)
        for _ in range(200):
            number, old = rng.randrange(size), rng.randrange(1, size)
            leaf = Tiles(session)(0, number)
            old_root = root_of(Tiles(session), old)
            path = _timed(figures, "inclusion made", Tiles(session).make, partial(inclusion, number=number, size=size))
            climb = partial(verify_books.climb, leaf=True)
            got = _timed(figures, "inclusion checked", climb, leaf, number + 1, size, path)
            grown = _timed(figures, "consistency made", Tiles(session).make, partial(consistency, old=old, new=size))
            both = _timed(figures, "consistency checked", verify_books.climb, old_root, old, size, grown)
            assert got[1] == root
            assert both == (old_root, root)
    print(f"proofs at {size:,} leaves, milliseconds, median and worst of 200:")
    for name, times in figures.items():
        print(f"  {name:20} {statistics.median(times):8.3f} {max(times):8.3f}")


def _timed(figures: dict[str, list[float]], name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    start = time.perf_counter()
    answer = work(*args, **kwargs)
    figures.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    return answer


def many_leaves(database: Database, leaves: int) -> None:
    """Let the database add leaves up to `leaves`, and build the tree over them."""
    with database.begin() as session:
        old = size_of(session)
        session.execute(
            text(
                "INSERT INTO ledger_leaf SELECT n, ('0a000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, "
                "sha256(int8send(n)) FROM generate_series(cast(:first AS bigint), :last) n"
            ),
            {"first": old, "last": leaves - 1},
        )
        start = time.perf_counter()
        sealer.grow(session, old, leaves)
    print(f"the tree over {leaves - old:,} more leaves was built in {time.perf_counter() - start:.1f} s")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE ledger_leaf, ledger_node"))


class Sealer:
    """A process that seals every second until `stop`, and what it did and cost."""

    def __init__(self, url: str) -> None:
        """Start it and wait until it is ready, so that its own start is not measured."""
        context = multiprocessing.get_context("spawn")
        ready, self._stop = context.Event(), context.Event()
        self._told = context.Array("d", 3)
        self._worker = context.Process(target=_seal_on, args=(url, ready, self._stop, self._told))
        self._worker.start()
        assert ready.wait(60), "the sealer did not start"

    def stop(self) -> tuple[float, float, float]:
        """Stop it; return how many transfers it sealed, its CPU seconds, and those of the server for it."""
        self._stop.set()
        self._worker.join()
        return self._told[0], self._told[1], self._told[2]


def _seal_on(url: str, ready: Event, stop: Event, told: MutableSequence[float]) -> None:
    database = Database(url, pool_size=1)
    signer = LogSigner(Vault(MASTER), 1)
    sealer.seal_all(database, signer, now=utc_now())
    with database.begin() as session:
        for_us = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    ready.set()
    began, theirs = time.process_time(), cpu_seconds(for_us)
    while not stop.wait(PAUSE):
        told[0] += sealer.seal_all(database, signer, now=utc_now())
    told[0] += sealer.seal_all(database, signer, now=utc_now())  # the rest costs CPU, too
    told[1], told[2] = time.process_time() - began, cpu_seconds(for_us) - theirs
    database.close()


@dataclass(frozen=True, slots=True)
class Round:
    """Redemptions a second; CPU seconds a redemption of server and sealer; what was sealed for one, and its CPU.

    The last is the sealer's and its server process's own account: what else runs does not disturb it.
    """

    per_second: float
    cpu: float
    sealed: float
    sealing: float


def one_round(server: PostgresServer, way: Way, codes: list[str], *, sealing: bool) -> Round:
    """Redeem the codes, with a sealer at work or without."""
    beside = Sealer(server.url) if sealing else None
    before = cpu_seconds(server.pid)
    try:
        per_second = way(codes)
    finally:
        sealed, own, theirs = beside.stop() if beside else (0.0, 0.0, 0.0)
    each = len(codes)
    return Round(per_second, (cpu_seconds(server.pid) - before + own) / each, sealed / each, (own + theirs) / each)


def cost(programme: Programme, server: PostgresServer, first: int, rounds: int, each: int) -> None:
    """Redeem in pairs of rounds, one with a sealer at work and one without, in random order.

    Many short pairs, since the machine's own ups and downs are wider than what is sought: each pair is compared in
    itself, and the bounds say what so many pairs can tell. CPU hangs less on what else the machine does.
    """
    staff = programme.staff[1].id
    following = first + 1

    def take() -> list[str]:
        nonlocal following
        start, following = following, following + each
        add_vouchers(programme, start, following - 1)
        sealer.seal_all(programme.database, LogSigner(programme.vault, 1), now=utc_now())
        return paths.codes(programme, start, each)

    with serving(programme, server.url, DELIVER_IN_WEB="0") as given:
        ways: dict[str, Way] = {
            "Python, 4 processes": lambda codes: paths.python(server.url, MASTER, staff, _parts(codes)).per_second,
            "HTTP, 16 clients": lambda codes: http_door.redeem(given, codes, CLIENTS),
        }
        for name, way in ways.items():
            pairs: list[dict[bool, Round]] = []
            for _ in range(rounds + 1):
                order = random.sample([False, True], 2)
                pairs.append({sealing: one_round(server, way, take(), sealing=sealing) for sealing in order})
            _tell(name, pairs[1:], each)  # the first pair warms up


def _tell(name: str, pairs: Sequence[dict[bool, Round]], each: int) -> None:
    low, middle, high = interval([pair[True].per_second / pair[False].per_second for pair in pairs])
    print(
        f"{name}: with sealing {middle:.3f} of the rate without, 95 % of {low:.3f}-{high:.3f} ({len(pairs)} pairs of"
        f" {each}); transfers sealed a redemption: {statistics.median(pair[True].sealed for pair in pairs):.1f}; "
        + ("shown" if low > GOAL else "missed" if high < GOAL else "not decided by these pairs")
        + f": the goal is above {GOAL}"
    )
    low, middle, high = interval([pair[True].cpu / pair[False].cpu for pair in pairs])
    without, beside = (statistics.median(pair[sealing].cpu for pair in pairs) * 1e6 for sealing in (False, True))
    print(
        f"  CPU of the database server a redemption: {without:.0f} µs; with the sealer and its server's part"
        f" {beside:.0f} µs, {middle:.3f} times as much, 95 % of {low:.3f}-{high:.3f}"
    )
    sealing = statistics.median(pair[True].sealing for pair in pairs)
    share = statistics.median(pair[True].sealing * pair[False].per_second for pair in pairs) / (os.cpu_count() or 1)
    worst = max(pair[True].sealing * pair[False].per_second for pair in pairs) / (os.cpu_count() or 1)
    print(
        f"  sealing itself: {sealing * 1e6:.0f} µs of CPU a redemption, {share:.1%} of what all cores have while one is"
        f" made (at most {worst:.1%} in a pair)",
        flush=True,
    )


def interval(ratios: list[float], draws: int = 4_000) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios between its bounds: 95 % of means over pairs drawn again."""
    rng, logs = random.Random(7), [math.log(ratio) for ratio in ratios]
    means = sorted(statistics.fmean(rng.choices(logs, k=len(logs))) for _ in range(draws))
    found = means[draws // 40], statistics.fmean(logs), means[-draws // 40]
    low, middle, high = map(math.exp, found)
    return low, middle, high


def _parts(codes: list[str]) -> list[list[str]]:
    return [codes[part::PROCESSES] for part in range(PROCESSES)]


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [1_000_000, 10_000_000, 14, 5_000][len(given) :]))
