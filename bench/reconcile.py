"""Seconds and peak memory of one statement, file to classified breaks: `python -m bench.reconcile [size …]`.

One line in a hundred is spoiled (amount, status, duplicate, unknown reference, left out); one in a hundred of
the rest decides an order that was unknown. Processor seconds tell more than the clock on a shared machine.
The peak is the measuring process's own, above its start.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from tests.databases import fresh_postgres
from tests.flows.reconciliation.builders import DAY, NOON, Wanted, add_orders, make_world, random_instant
from tests.servers.shared import close_session, open_session
from voucher_service.db import Database
from voucher_service.fulfilment.models import OrderState
from voucher_service.migrations.runner import upgrade
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.reconciliation.statements import import_statement

SIZES = (10_000, 50_000, 100_000)


def peak_kib() -> int:
    """Return the most memory this process ever held, in KiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def cpu_seconds(database: Database) -> float:
    """Return the processor seconds used so far: by this process, and on PostgreSQL by its server process (Linux)."""
    used = time.process_time()
    if not database.is_sqlite:
        with database.read() as session:
            server = session.scalar(text("SELECT pg_backend_pid()"))
        user, system = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[11:13]
        used += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return used


def spoil(content: bytes) -> bytes:
    """Return the statement with one line in a hundred spoiled, without its total."""
    chosen = random.Random(7)
    head, *rows = content.decode("utf-8-sig").splitlines(keepends=True)
    out = [head.partition(";")[2]]
    for row in rows[:-1]:
        line = row.partition(";")[2]
        fault = chosen.randrange(500)
        if fault == 0:
            continue
        changed = {
            1: line.replace(";10,00;", ";9,00;"),
            2: line.replace("Livré", "Refusé"),
            3: "x" + line[1:],
        }
        out.append(changed.get(fault, line))
        if fault == 4:
            out.append(line)
    return "".join(out).encode()


def prepare(url: str, size: int) -> Path:
    """Fill the database with `size` orders and write their statement beside."""
    database = Database(url)
    chosen = random.Random(size)
    with database.begin() as session:
        world = make_world(session)
        for _ in range(0, size, 1_000):
            add_orders(session, world, [
                Wanted(
                    OrderState.UNKNOWN if chosen.randrange(100) == 0 else OrderState.DELIVERED, 1000,
                    random_instant(chosen, DAY, 28), f"T{chosen.random()}",
                )
                for _ in range(1_000)
            ])  # fmt: skip
        content = make_statement_csv(session, world.partner_id, DAY, DAY.replace(year=2027))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    database.close()
    path = Path(tempfile.mkdtemp()) / f"{world.partner_id}.csv"
    path.write_bytes(spoil(content))
    return path


def measure(url: str, path: Path) -> None:
    """Print the figures of one import and run, in this process alone."""
    database = Database(url)
    database.ping()
    before = peak_kib()
    content = path.read_bytes()
    marks = [(time.perf_counter(), cpu_seconds(database))]
    with database.begin() as session:
        statement = import_statement(
            session, partner_id=UUID(path.stem), file_name="bench.csv", content=content,
            actor="bench", now=NOON,
        )  # fmt: skip
    marks.append((time.perf_counter(), cpu_seconds(database)))
    result = database.run(run, statement.id, NOON)
    marks.append((time.perf_counter(), cpu_seconds(database)))
    database.run(run, statement.id, NOON)
    marks.append((time.perf_counter(), cpu_seconds(database)))
    peak = (peak_kib() - before) / 1024
    took = [f"{b[0] - a[0]:6.2f} s ({b[1] - a[1]:5.2f} s cpu)" for a, b in itertools.pairwise(marks)]
    figures = result.figures
    print(
        f"{database.engine.dialect.name:10} {figures.lines:>7} lines: import {took[0]}, run {took[1]}, "
        f"again {took[2]}, peak +{peak:.0f} MiB ({len(result.settled)} settled, {figures.open} breaks, "
        f"{figures.unexplained} unexplained)",
        flush=True,
    )
    database.close()


def main() -> None:
    """Measure both databases at each size, each in a process of its own."""
    if len(sys.argv) == 3 and "://" in sys.argv[1]:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    folder = open_session()
    try:
        for size in sizes:
            with tempfile.TemporaryDirectory() as place, fresh_postgres() as postgres:
                sqlite = f"sqlite:///{place}/bench.db"
                upgrade(sqlite)
                for url in (sqlite, postgres):
                    path = prepare(url, size)
                    subprocess.run([sys.executable, "-m", "bench.reconcile", url, str(path)], check=True)
    finally:
        close_session(folder)


if __name__ == "__main__":
    main()
