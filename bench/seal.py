"""Sealing the books: rate and size, proofs at 1 and 10 million leaves, and what it costs a redemption.

    python -m bench.seal [transfers sealed] [leaves] [rounds] [vouchers a round]
On one PostgreSQL, own server. The 10 million leaves are made by the database (hashes of numbers); the tree over
them is built and read by the code of the service.
"""

from __future__ import annotations

import math
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.synchronize import Event
from typing import ParamSpec, TypeVar

from sqlalchemy import text

from bench import http_door
from bench import redemption_paths as paths
from bench.stock_of_vouchers import add_vouchers
from tests.programme import MASTER, Programme
from tests.served import serving
from tests.servers.postgresql import postgres
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

CLIENTS = 16
GOAL = 0.97
PROCESSES = 4
PAUSE = 1.0  # seconds between two looks of the sealer: sixty times as often as in service
TABLES = ("ledger_leaf", "ledger_node", "ledger_checkpoint")


def main(transfers: int, leaves: int, rounds: int, each: int) -> None:
    """Print the figures."""
    with postgres(own=True) as server:
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        add_vouchers(programme, 1, transfers - 1)
        rate(programme, transfers)
        proofs(programme.database)
        cost(programme, server.url, transfers, rounds, each)
        many_leaves(programme.database, leaves)  # last: these leaves have no transfers
        proofs(programme.database)
        programme.database.close()


def rate(programme: Programme, transfers: int) -> None:
    """Seal everything once."""
    signer = LogSigner(programme.vault, 1)
    start, cpu = time.perf_counter(), time.process_time()
    sealed = sealer.seal_all(programme.database, signer, now=utc_now())
    seconds, busy = time.perf_counter() - start, time.process_time() - cpu
    assert sealed == transfers, f"{sealed} of {transfers} were sealed"
    with programme.database.read() as session:
        sizes = {t: session.execute(text(f"SELECT pg_total_relation_size('{t}')")).scalar_one() for t in TABLES}
    total = sum(sizes.values())
    print(f"sealed {sealed:,} transfers in {seconds:.1f} s: {sealed / seconds:,.0f} a second ({busy:.1f} s of our CPU)")
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
            got = _timed(figures, "inclusion checked", verify_books.root_from, leaf, number, size, path)
            grown = _timed(figures, "consistency made", Tiles(session).make, partial(consistency, old=old, new=size))
            good = _timed(figures, "consistency checked", verify_books.grows, old, old_root, size, root, grown)
            assert got == root
            assert good
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


def _seal_on(url: str, stop: Event, count: object) -> None:
    database = Database(url, pool_size=1)
    signer = LogSigner(Vault(MASTER), 1)
    while not stop.wait(PAUSE):
        count.value += sealer.seal_all(database, signer, now=utc_now())  # type: ignore[attr-defined]
    database.close()


def cost(programme: Programme, url: str, first: int, rounds: int, each: int) -> None:
    """Redeem in pairs of rounds, one with a sealer at work and one without, in random order.

    Many short pairs, since the machine's own ups and downs are wider than what is sought: each pair is compared in
    itself, and the bounds say what so many pairs can tell.
    """
    staff = programme.staff[1].id
    following = first + 1

    def take() -> int:
        nonlocal following
        start, following = following, following + each
        add_vouchers(programme, start, following - 1)
        sealer.seal_all(programme.database, LogSigner(programme.vault, 1), now=utc_now())
        return start

    with serving(programme, url, DELIVER_IN_WEB="0") as given:
        ways: dict[str, Callable[[], float]] = {
            "Python, 4 processes": lambda: (
                paths.python(url, MASTER, staff, _parts(paths.codes(programme, take(), each))).per_second
            ),
            "HTTP, 16 clients": lambda: http_door.redeem(given, paths.codes(programme, take(), each), CLIENTS),
        }
        for name, way in ways.items():
            ratios: list[float] = []
            behind: list[float] = []
            for number in range(rounds + 1):
                rates = {}
                for sealing in random.sample([False, True], 2):
                    rates[sealing] = _with_sealer(url, behind, way, each) if sealing else way()
                if number:  # the first pair warms up
                    ratios.append(rates[True] / rates[False])
            low, middle, high = interval(ratios)
            print(
                f"{name}: with sealing {middle:.3f} of the rate without, 95 % of {low:.3f}-{high:.3f}"
                f" ({rounds} pairs of {each}, {min(ratios):.3f}-{max(ratios):.3f});"
                f" sealed while redeeming: {statistics.median(behind):.0%}; "
                + ("shown" if low > GOAL else "missed" if high < GOAL else "not decided by these pairs")
                + f": the goal is above {GOAL}"
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


def _with_sealer(url: str, behind: list[float], way: Callable[[], float], each: int) -> float:
    context = multiprocessing.get_context("spawn")
    stop, count = context.Event(), context.Value("q", 0)
    worker = context.Process(target=_seal_on, args=(url, stop, count))
    worker.start()
    try:
        per_second = way()
    finally:
        stop.set()
        worker.join()
    behind.append(count.value / each)
    return per_second


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [1_000_000, 10_000_000, 14, 5_000][len(given) :]))
