"""Sealing the books: rate and size, proofs at 1 and 10 million leaves, and what it costs a redemption.

    python -m bench.seal [transfers sealed] [leaves] [vouchers redeemed]
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
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from sqlalchemy import text

from bench import http_door
from bench import redemption_paths as paths
from bench.growth import cpu_seconds
from bench.stock_of_vouchers import add_vouchers
from tests.programme import MASTER, Programme
from tests.served import Pass, serving, sign_in
from tests.servers.postgresql import PostgresServer, postgres
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.ids import utc_now
from voucher_service.ledger.seal import sealer, verify_books
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.ledger.seal.tiles import Tiles, size_of
from voucher_service.ledger.seal.tree import consistency, inclusion, root_of
from voucher_service.migrations.runner import upgrade
from voucher_service.staff.models import Role

P = ParamSpec("P")
T = TypeVar("T")

CLIENTS = 16
GOAL = 0.97
WINDOW = 5.0  # seconds, with one look of the sealer or none; in service it looks once a minute
GAP = 0.5
WARM = 500
ROUND = 250_000  # vouchers after one sign-in: these clients take no newer cookie, and half an hour later it has ended
ENOUGH = 20  # pairs, below which bounds say nothing
TABLES = ("ledger_leaf", "ledger_node", "ledger_checkpoint")


def main(transfers: int, leaves: int, vouchers: int) -> None:
    """Print the figures."""
    with postgres(own=True) as server:
        assert isinstance(server, PostgresServer)
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        add_vouchers(programme, 1, transfers - 1)
        rate(programme, server.pid, transfers)
        proofs(programme.database)
        cost(programme, server, transfers, vouchers)
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
    """A process that seals when it is told to."""

    def __init__(self, url: str) -> None:
        """Start it and wait until it is ready, so that its own start is not measured."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._worker = context.Process(target=_seal_on, args=(url, theirs))
        self._worker.start()
        self.look()

    def look(self) -> tuple[int, float]:
        """Let it seal what there is; return how many transfers it sealed, and its CPU seconds with its server's."""
        self._ours.send("look")
        told: tuple[int, float] = self._ours.recv()
        return told

    def stop(self) -> None:
        """End it."""
        self._ours.send("stop")
        self._worker.join()


def _seal_on(url: str, orders: Connection) -> None:
    database = Database(url, pool_size=1)
    signer = LogSigner(Vault(MASTER), 1)
    with database.begin() as session:
        for_us = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    while orders.recv() == "look":
        before = time.process_time() + cpu_seconds(for_us)
        done = sealer.seal_all(database, signer, now=utc_now())
        orders.send((done, time.process_time() + cpu_seconds(for_us) - before))
    database.close()


@dataclass(slots=True)
class Window:
    """Some seconds of redemptions, with a look of the sealer or without; `cpu` is the sealer's and its server's."""

    sealing: bool
    start: float
    end: float = 0.0
    sealed: int = 0
    cpu: float = 0.0
    redeemed: int = 0

    @property
    def per_second(self) -> float:
        """Redemptions a second."""
        return self.redeemed / (self.end - self.start)


Pair = dict[bool, Window]
"""Two windows one after the other, by whether the sealer looked."""


def cost(programme: Programme, server: PostgresServer, first: int, vouchers: int) -> None:
    """Redeem over HTTP without a pause; in every other window of some seconds, at random, the sealer looks.

    What was made between windows is sealed between them, outside of any, so that a window pays for its own transfers.
    """
    add_vouchers(programme, first + 1, first + vouchers)
    codes = paths.codes(programme, first + 1, vouchers)
    beside = Sealer(server.url)
    pairs: list[Pair] = []
    try:
        with serving(programme, server.url, DELIVER_IN_WEB="0") as given:
            http_door.redeem(given, codes[:WARM], CLIENTS)
            for start in range(WARM, len(codes), ROUND):
                again = sign_in(given.port, programme.member(Role.COUNTER).login)
                pairs += whole_pairs(beside, again, codes[start : start + ROUND])
    finally:
        beside.stop()
    _tell(pairs)


def whole_pairs(beside: Sealer, given: Pass, codes: Sequence[str]) -> list[Pair]:
    """Redeem the codes; return the pairs of windows during which all clients had something to present."""
    pairs: list[Pair] = []
    beside.look()
    with ThreadPoolExecutor(1) as clients:
        running = clients.submit(http_door.moments_of, given, codes, CLIENTS)
        time.sleep(WINDOW)
        while not running.done():
            order = random.sample([False, True], 2)
            pairs.append({sealing: window(beside, sealing=sealing) for sealing in order})
        _start, moments = running.result()
    moments.sort()
    whole = [pair for pair in pairs if max(one.end for one in pair.values()) < moments[-CLIENTS]]
    for one in (one for pair in whole for one in pair.values()):
        one.redeemed = bisect_left(moments, one.end) - bisect_left(moments, one.start)
    return whole


def window(beside: Sealer, *, sealing: bool) -> Window:
    """Let one window pass, and seal after it what it left."""
    one = Window(sealing, time.monotonic())
    time.sleep(WINDOW)
    if sealing:
        one.sealed, one.cpu = beside.look()
    one.end = time.monotonic()
    beside.look()
    time.sleep(GAP)
    return one


def _tell(pairs: Sequence[Pair]) -> None:
    low, middle, high = interval([pair[True].per_second / pair[False].per_second for pair in pairs])
    rate = statistics.median(pair[False].per_second for pair in pairs)
    decided = len(pairs) >= ENOUGH and (low > GOAL or high < GOAL)
    print(
        f"HTTP, {CLIENTS} clients, {rate:.0f} redemptions a second: with sealing {middle:.3f} of the rate without, "
        f"95 % of {low:.3f}-{high:.3f} ({len(pairs)} pairs of windows of {WINDOW:.0f} s): "
        + (("shown" if low > GOAL else "missed") if decided else "not decided by these pairs")
        + f": the goal is above {GOAL}"
    )
    sealed = sum(pair[True].sealed for pair in pairs)
    cpu = sum(pair[True].cpu for pair in pairs)
    seconds = sum(pair[True].end - pair[True].start for pair in pairs)
    print(
        f"  sealing itself: {sealed:,} transfers, {cpu / max(sealed, 1) * 1e6:.0f} µs of CPU each, "
        f"{cpu / seconds / (os.cpu_count() or 1):.2%} of all cores",
        flush=True,
    )


def interval(ratios: list[float], draws: int = 4_000) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios between its bounds: 95 % of means over pairs drawn again."""
    rng, logs = random.Random(7), [math.log(ratio) for ratio in ratios]
    means = sorted(statistics.fmean(rng.choices(logs, k=len(logs))) for _ in range(draws))
    found = means[draws // 40], statistics.fmean(logs), means[-draws // 40]
    low, middle, high = map(math.exp, found)
    return low, middle, high


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [1_000_000, 10_000_000, 240_000][len(given) :]))
