"""Deliveries a second by 1, 2 and 4 workers against an instant partner over HTTP, beside the bare client.

Then what a claim costs with 1,000 and with 100,000 orders waiting, and while these drain for so many seconds.
    python -m bench.deliveries [deliveries a round] [orders waiting] [seconds of draining, 0: to the end]
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.stock_of_vouchers import add_vouchers
from tests.drills.http_partner import HttpPartner, partner_server
from tests.programme import MASTER, Programme
from tests.servers.postgresql import postgres
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment.claim import claim
from voucher_service.fulfilment.deliver import sweep
from voucher_service.fulfilment.providers import Delivered, TopUp
from voucher_service.ids import new_id, utc_now
from voucher_service.migrations.runner import upgrade
from voucher_service.units import Unit

WORKERS = (1, 2, 4)
SAMPLES = 300

_ORDERS = """
WITH one AS (
    SELECT n, ('05000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS hold,
        ('04000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
        ('02000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS voucher,
        ('01000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS reservation
    FROM generate_series(cast(:first AS bigint), :last) n
), spent AS (
    UPDATE voucher SET state = 'redeemed', offer_id = :offer, redeemed_key = one.hold, redeemed_at = now(),
        redeemed_branch_id = 1
    FROM one WHERE voucher.id = one.voucher
), held AS (
    INSERT INTO transfer (id, key, request_hash, unit, quantity, source_id, destination_id, reason, object_kind,
        object_id, actor, occurred_at, recorded_at, resolves_id)
    SELECT hold, 'redeem:' || n, sha256(int8send(n)), 'eur_cent', 500, :book * 100 + 20, :book * 100 + 30,
        'redeemed', 'order', id, 'staff:bench', now(), now(), reservation
    FROM one
)
INSERT INTO top_up_order (id, voucher_id, reservation_id, hold_id, allocation_id, branch_id, unit, quantity, state,
    created_at, due_at, tries, queries)
SELECT id, voucher, reservation, hold, :book, 1, 'eur_cent', 500, 'waiting', now(), now(), 0, 0 FROM one
"""


class Instant(HttpPartner):
    """The partner without the network: for the drain, where only our side is measured."""

    def submit(self, top_up: TopUp) -> Delivered:
        """Deliver at once."""
        return Delivered(f"I-{top_up.reference.hex[-12:]}", top_up.quantity)


def add_orders(programme: Programme, first: int, last: int) -> None:
    """Add waiting orders number `first` to `last`, as redeeming writes them (less scans and visits)."""
    add_vouchers(programme, first, last)
    given = {"book": programme.allocation_id, "first": first, "last": last, "offer": programme.top_up_id}
    with programme.database.begin() as session:
        session.execute(text(_ORDERS), given)
    with programme.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _work(url: str, port: int, limit: int) -> int:
    database = Database(url, pool_size=1)
    partner = HttpPartner(port) if port else Instant(0)
    done = sweep(database, {"sandbox": partner}, Vault(MASTER), utc_now, limit=limit)
    database.close()
    return done


def _bare(port: int, count: int) -> int:
    partner = HttpPartner(port)
    for _ in range(count):
        partner.submit(TopUp(new_id(), None, "TOPUP5", 500, Unit.EUR_CENT))
    return count


def rate(pool: multiprocessing.pool.Pool, work: object, jobs: list[tuple[object, ...]]) -> float:
    """Return how many a second the jobs do together; the processes are started already."""
    begun = time.monotonic()
    done = sum(pool.starmap(work, jobs))  # type: ignore[arg-type]  # one of the two above
    return done / (time.monotonic() - begun)


def claims(programme: Programme, samples: int) -> list[float]:
    """Return what a claim took, in milliseconds, each rolled back."""
    took = []
    for _ in range(samples):
        with programme.database._sessions() as session:
            begun = time.perf_counter()
            assert claim(session, utc_now(), {}) is not None
            took.append((time.perf_counter() - begun) * 1000)
            session.rollback()
    return sorted(took)


def _say_claims(programme: Programme, waiting: int) -> None:
    took = claims(programme, SAMPLES)
    p95 = took[int(len(took) * 0.95)]
    print(f"claim with {waiting:7} waiting: median {statistics.median(took):6.2f} ms, 95 % below {p95:6.2f} ms")


def rates(programme: Programme, url: str, folder: Path, each: int) -> int:
    """Print a line for each number of workers; return how many orders were used."""
    used = 0
    for count in WORKERS:
        with partner_server(folder / f"journal-{count}.db", "instant") as port, multiprocessing.Pool(count) as pool:
            pool.starmap(_bare, [(port, 20)] * count)  # connections and imports come before the clock
            bare = rate(pool, _bare, [(port, each // count)] * count)
            add_orders(programme, used + 1, used + each)
            ours = rate(pool, _work, [(url, port, each // count)] * count)
        used += each
        print(
            f"{count} workers: {ours:7.0f} deliveries/s, bare client {bare:7.0f}/s, ratio {ours / bare:.2f}", flush=True
        )
        _work(url, 0, each)  # what a worker left to another
    return used


def drain(programme: Programme, url: str, waiting: int, seconds: float) -> None:
    """Let 4 workers deliver what waits, 1,000 at a time, for so long; say their rate and what a claim costs then."""
    left, begun = waiting, time.monotonic()
    with multiprocessing.Pool(4) as pool:
        while left > 1000 and (not seconds or time.monotonic() - begun < seconds):
            slice_begun, before = time.monotonic(), left
            left -= sum(pool.starmap(_work, [(url, 0, min(250, left // 4))] * 4))
            rate_now = (before - left) / (time.monotonic() - slice_begun)
            took = claims(programme, 50)
            print(
                f"  {left:7} waiting: {rate_now:5.0f} deliveries/s, claim {statistics.median(took):5.2f} ms", flush=True
            )
    spent = time.monotonic() - begun
    print(f"drained {waiting - left} in {spent:.0f} s by 4 workers, partner in process; {left} left waiting")


def main(each: int, waiting: int, seconds: int) -> None:
    """Measure on a PostgreSQL of its own."""
    with postgres(own=True) as server, tempfile.TemporaryDirectory() as folder:
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        used = rates(programme, server.url, Path(folder), each)
        add_orders(programme, used + 1, used + 1000)
        _say_claims(programme, 1000)
        add_orders(programme, used + 1001, used + waiting)
        _say_claims(programme, waiting)
        drain(programme, server.url, waiting, seconds)
        programme.database.close()


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["2000", "100000", "90"][len(sys.argv) - 1 :])))
