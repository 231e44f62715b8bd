"""Deliveries over real HTTP while Celery workers are killed and the broker is emptied and killed.

    python -m tests.drills.workers 10000

The partner's journal stands in a file that nothing of ours writes. Ends with 1 unless it holds exactly one
accepted request for each delivery, every order is delivered, and the audit of the books is clean.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import redis
from sqlalchemy import func, select

from tests.drills.drill_app import build
from tests.drills.http_partner import partner_server
from tests.programme import Programme
from tests.servers.postgresql import postgres
from tests.servers.valkey import ValkeyServer
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ids import utc_now
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.migrations.runner import upgrade
from voucher_service.tasks import nudger

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 3600
SAY_SECONDS = 20.0

FASTER = 60.0
"""So many times faster than in production the waits between two questions pass: 1 s where it is a minute, 1 minute
where it is an hour. An order whose sending was lost is proved absent twice before it is sent again."""

LEASE = 3.0
"""Seconds a dead worker's order waits on top of the partner's own limit; 30 in production."""


@dataclass
class Tally:
    """What was done to them, and what came out."""

    orders: int
    kills: int = 0
    flushes: int = 0
    broker_kills: int = 0
    seconds: float = 0.0
    requests: int = 0
    queries: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    cents_here: int = 0
    cents_there: int = 0
    wrong: list[str] = field(default_factory=list)


class Worker:
    """A Celery worker of four processes with its own clock; killed with everything it started."""

    def __init__(self, environment: dict[str, str], folder: Path, number: int) -> None:
        self._environment, self._folder, self._number = environment, folder, number
        self.started = 0.0
        self.start()

    def start(self) -> None:
        """Start it."""
        self.started = time.monotonic()
        command = [
            sys.executable, "-m", "celery", "-A", "tests.drills.drill_app:celery", "worker", "--beat", "--schedule",
            str(self._folder / f"beat-{self._number}"), "--concurrency", "4", "--loglevel", "ERROR",
            "--without-gossip", "--without-mingle", "--hostname", f"drill{self._number}@%h",
        ]  # fmt: skip
        with (self._folder / f"worker-{self._number}.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """Kill it at once (-9), wherever it stands."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def end(self, within: float = 30) -> int:
        """Ask it to end; return how it ended."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL


@contextmanager
def workers(environment: dict[str, str], folder: Path, count: int) -> Iterator[list[Worker]]:
    """So many workers, gone at the end."""
    made = [Worker(environment, folder, number) for number in range(count)]
    try:
        yield made
    finally:
        for worker in made:
            if worker.process.poll() is None:
                worker.kill()


def settled(programme: Programme) -> int:
    """How many orders are delivered."""
    with programme.database.read() as session:
        done = select(func.count()).where(Order.state == OrderState.DELIVERED.value)
        return session.scalar(done) or 0


def standing(programme: Programme) -> str:
    """Where the orders stand, counted."""
    with programme.database.read() as session:
        counted = session.execute(select(Order.state, func.count()).group_by(Order.state).order_by(Order.state))
        return ", ".join(f"{state} {count}" for state, count in counted)


def run(
    programme: Programme,
    url: str,
    orders: list[UUID],
    folder: Path,
    *,
    every: float,
    count: int = 2,
    lease: float = LEASE,
    faster: float = FASTER,
    mode: str = "",
) -> Tally:
    """Deliver the orders, killing something every `every` seconds (about) until all are delivered."""
    tally, chance, begun = Tally(len(orders)), Random(20261125), time.monotonic()
    broker = ValkeyServer()
    broker.start()
    journal = folder / "journal.db"
    try:
        with partner_server(journal, mode) as port:
            environment = os.environ | {
                "DATABASE_URL": url, "REDIS_URL": broker.url, "DRILL_PORT": str(port), "DRILL_FOLDER": str(folder),
                "C_FORCE_ROOT": "1", "DRILL_LEASE": str(lease), "DRILL_FASTER": str(faster),
            }  # fmt: skip
            nudge = nudger(celery=build(url, broker.url, port, folder))
            with workers(environment, folder, count) as all_of_them:
                for order_id in orders:
                    nudge(order_id)
                said = begun
                while settled(programme) < len(orders) and time.monotonic() - begun < MOST_SECONDS:
                    time.sleep(every * (0.5 + chance.random()))
                    _harm(tally, all_of_them, broker)
                    if time.monotonic() - said > SAY_SECONDS:
                        said = time.monotonic()
                        _say(f"{said - begun:5.0f} s, {tally.kills} kills: {standing(programme)}")
            tally.seconds = time.monotonic() - begun
    finally:
        broker.close()
    _judge(tally, programme, orders, journal)
    return tally


def _harm(tally: Tally, alive: list[Worker], broker: ValkeyServer) -> None:
    """Kill the worker that has run longest; every third time empty the broker too, every sixth kill that as well."""
    victim = min(alive, key=lambda worker: worker.started)
    victim.kill()
    tally.kills += 1
    if tally.kills % 3 == 0:
        with redis.Redis.from_url(broker.url) as client:
            client.flushall()
        tally.flushes += 1
    if tally.kills % 6 == 5:
        broker.kill()
        broker.start()
        tally.broker_kills += 1
    victim.start()


def _judge(tally: Tally, programme: Programme, orders: list[UUID], journal: Path) -> None:
    book = sqlite3.connect(journal)
    accepted: dict[str, int] = dict(
        book.execute("SELECT reference, SUM(taken) FROM request WHERE kind = 'submit' GROUP BY reference").fetchall()
    )
    tally.requests = book.execute("SELECT COUNT(*) FROM request WHERE kind = 'submit'").fetchone()[0]
    tally.queries = book.execute("SELECT COUNT(*) FROM request WHERE kind = 'query'").fetchone()[0]
    tally.faults = dict(book.execute("SELECT fault, COUNT(*) FROM request WHERE fault <> '' GROUP BY fault").fetchall())
    tally.cents_there = book.execute("SELECT SUM(quantity) FROM taken").fetchone()[0] or 0
    book.close()
    with programme.database.read() as session:
        tally.cents_here = balances(session, programme.allocation_id)[AccountKind.DELIVERED]
    if tally.cents_here != tally.cents_there:
        tally.wrong.append(f"{tally.cents_here} cents delivered in our books, {tally.cents_there} in the partner's")
    ours = {str(order_id) for order_id in orders}
    wrong = {reference for reference in ours | set(accepted) if accepted.get(reference) != 1}
    tally.wrong += [f"{len(wrong)} references without exactly one accepted request"] if wrong else []
    tally.wrong += [f"{len(set(accepted) - ours)} references that are no order"] if set(accepted) - ours else []
    done = settled(programme)
    tally.wrong += [f"{len(orders) - done} orders not delivered"] if done != len(orders) else []
    tally.wrong += [f"audit: {finding}" for finding in programme.findings()]


def make_orders(programme: Programme, count: int) -> list[UUID]:
    """Issue and redeem so many vouchers."""
    programme.now = utc_now()
    made = []
    for number in range(count):
        recorded = programme.scan(programme.digits(programme.issue()))
        assert recorded.order_id is not None, recorded.outcome
        made.append(recorded.order_id)
        if number % 1000 == 999:
            _say(f"{number + 1} orders made")
    return made


def main(arguments: list[str]) -> int:
    """Run the drill; print what was done and what came out."""
    count = int(arguments[0])
    with postgres(own=True) as server, tempfile.TemporaryDirectory() as folder:
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**9)
        orders = make_orders(programme, count)
        tally = run(programme, server.url, orders, Path(folder), every=8, count=3)
        programme.database.close()
    _say(
        f"{tally.orders} deliveries in {tally.seconds:.0f} s: {tally.kills} workers killed, broker emptied"
        f" {tally.flushes} times and killed {tally.broker_kills} times"
    )
    _say(f"  the partner saw {tally.requests} sendings and {tally.queries} questions; faults {tally.faults}")
    _say(
        f"  delivered in our books {tally.cents_here} cents, in the partner's {tally.cents_there}; audit of the books: "
        + ("clean" if not any(line.startswith("audit") for line in tally.wrong) else "FAULTS")
    )
    for line in tally.wrong:
        _say(f"  FAULT {line}")
    return bool(tally.wrong)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
