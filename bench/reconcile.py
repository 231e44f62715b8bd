"""A statement from its file to classified differences, beside DuckDB: `python -m bench.reconcile [size …]`.

Without sizes: SQLite at 10,000 and 100,000 lines, PostgreSQL at those and at 1,000,000. One line in a hundred is
spoiled (amount, status, said twice, unknown reference, left out); one order in a thousand was unknown and is decided
by its line. DuckDB reads the same file and the same orders, exported once before its clock starts, with rules written
anew in SQL; the classes of both must be the same line by line, or the benchmark fails. Processor seconds count this
process and the server's. The peak is the measuring process's own, above its start, then the server process's.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import duckdb
from sqlalchemy import select, text

from bench.orders import fill
from tests.flows.reconciliation.builders import NOON, VAULT
from tests.servers.postgresql import postgres
from voucher_service.db import Database
from voucher_service.migrations.runner import upgrade
from voucher_service.reconciliation.models import Break, StatementLine
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement

SIZES = (10_000, 100_000, 1_000_000)
SQLITE_MOST = 100_000
SETTINGS = {"shared_buffers": "384MB", "max_wal_size": "8GB", "min_wal_size": "2GB"}
"""What docs/operations.md advises for statements of this size; all else as PostgreSQL is shipped, durable."""

CHECK = """
WITH theirs AS (
    SELECT row_number() OVER () + 1 AS line, "our ref" AS ref,
        CAST(replace(montant, ',', '') AS BIGINT) AS cents, statut,
        substr("date", 7, 4) || '-' || substr("date", 4, 2) || '-' || substr("date", 1, 2) AS their_day
    FROM read_csv('{file}', delim=';', header=true, all_varchar=true)
), joined AS (
    SELECT theirs.*, o.*, row_number() OVER (PARTITION BY o.id ORDER BY theirs.line) AS turn
    FROM theirs LEFT JOIN ours AS o ON o.id = theirs.ref
), told AS (
    SELECT line, NULL AS id, CASE
        WHEN id IS NULL THEN 'unexpected_at_partner'
        WHEN turn > 1 THEN 'duplicate_at_partner'
        WHEN statut = 'Refusé' AND state = 'delivered' THEN 'delivered_here_refused_there'
        WHEN statut = 'Refusé' THEN 'refused_there_open_here'
        WHEN cents <> quantity THEN 'amount_differs'
    END AS kind FROM joined
)
SELECT line, kind, NULL AS id FROM told WHERE kind IS NOT NULL
UNION ALL
SELECT NULL,
    CASE day WHEN (SELECT max(their_day) FROM theirs) THEN 'awaited_at_partner' ELSE 'missing_at_partner' END, id
FROM ours WHERE state = 'delivered' AND NOT EXISTS (SELECT 1 FROM theirs WHERE theirs.ref = ours.id)
"""


def peak_mib(process: int | str = "self") -> float:
    """Return the most memory a process ever held, in MiB (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


class Meter:
    """Wall and processor seconds since the last look, with the server process of one connection."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.server = 0
        if not database.is_sqlite:
            with database.begin() as session:
                self.server = session.scalar(text("SELECT pg_backend_pid()")) or 0
        self.last = self._now()

    def _now(self) -> tuple[float, float]:
        used = time.process_time()
        if self.server:
            user, system = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()[11:13]
            used += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), used

    def lap(self) -> str:
        """Return the seconds since the last lap as words."""
        before, self.last = self.last, self._now()
        return f"{self.last[0] - before[0]:6.2f} s ({self.last[1] - before[1]:5.2f} s cpu)"


def measure(url: str, path: Path) -> None:
    """Print the figures of one import and run, in this process alone, and write the classes beside the file."""
    database = Database(url, pool_size=1)
    meter = Meter(database)
    before, began = peak_mib(), time.perf_counter()
    content = path.read_bytes()
    with database.begin() as session:
        statement = import_statement(
            session, vault=VAULT, partner_id=UUID(path.stem), file_name="bench.csv", content=content,
            actor="bench", now=NOON,
        )  # fmt: skip
        del content
        loaded = meter.lap()
        result = run(session, statement.id, NOON)
    ran, whole = meter.lap(), time.perf_counter() - began
    peak = f"+{peak_mib() - before:.0f} MiB" + (f", server {peak_mib(meter.server):.0f} MiB" if meter.server else "")
    database.run(run, statement.id, NOON)
    again = meter.lap()
    print(
        f"{database.engine.dialect.name:10} {result.figures.lines:>9,} lines: {whole:6.2f} s in all; load {loaded}, "
        f"run {ran}; run again {again}; peak {peak}; {len(result.settled)} settled, {result.figures.open} breaks, "
        f"{result.figures.unexplained} unexplained",
        flush=True,
    )
    found = (
        select(StatementLine.line, Break.kind, Break.order_id)
        .select_from(Break)
        .outerjoin(StatementLine, StatementLine.id == Break.line_id)
    )
    with database.read() as session, path.with_suffix(".ours").open("w", newline="") as out:
        rows = [(line or "", kind, "" if line else order) for line, kind, order in session.execute(found)]
        csv.writer(out).writerows(rows)
    database.close()


def check(path: Path) -> None:
    """Reconcile the same file with DuckDB, print its time, and compare every class. Raises AssertionError."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        "CREATE TABLE ours AS SELECT * FROM read_csv(?, all_varchar=true)", [str(path.with_suffix(".orders"))]
    )
    connection.execute("ALTER TABLE ours ALTER quantity TYPE BIGINT")
    began = time.perf_counter()
    theirs = connection.execute(CHECK.format(file=path)).fetchall()
    took = time.perf_counter() - began
    with path.with_suffix(".ours").open(newline="") as file:
        ours = Counter((line, kind, order) for line, kind, order in csv.reader(file))
    told = Counter((str(line or ""), str(kind), str(order or "")) for line, kind, order in theirs)
    assert ours == told, f"not the same: {list((ours - told).items())[:5]} and {list((told - ours).items())[:5]}"
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(row[1] for row in theirs).items()))
    print(f"{'DuckDB':10} {'':>9}        {took:6.2f} s, and the same {len(theirs)} differences: {kinds}", flush=True)


def main() -> None:
    """Measure both databases at each size, each in a process of its own, and DuckDB on the same files."""
    if len(sys.argv) == 3 and "://" in sys.argv[1]:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    for size in sizes:
        with tempfile.TemporaryDirectory() as place, postgres(own=True, settings=SETTINGS) as server:
            sqlite = f"sqlite:///{place}/bench.db"
            for url in (*([sqlite] if size <= SQLITE_MOST else []), server.url):
                upgrade(url)
                path = fill(url, size, Path(place))
                subprocess.run([sys.executable, "-m", "bench.reconcile", url, str(path)], check=True)
                check(path)


if __name__ == "__main__":
    main()
