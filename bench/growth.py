"""CPU that PostgreSQL spends on one redemption as the tables grow: 10,000, 1,000,000 and 5,000,000 vouchers.

python -m bench.growth [largest number of vouchers]
"""

from __future__ import annotations

import statistics
import sys
from contextlib import suppress
from pathlib import Path

from bench import redemption_paths as paths
from bench.stock_of_vouchers import add_vouchers
from tests.programme import Programme
from tests.servers.postgresql import PostgresServer, postgres
from voucher_service.migrations.runner import upgrade

SIZES = (10_000, 1_000_000, 5_000_000)
CLIENTS = 8
EACH = 500
ROUNDS = 5
STEP = 250_000
TICKS = 100  # a second, on every Linux


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, of its children that ended, and of its living children.

    Raises:
        FileNotFoundError: there is no such process.
    """
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    living = 0.0
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended since: its parent's account has it now
            living += cpu_seconds(child)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return living + sum(int(ticks) for ticks in fields[11:15]) / TICKS  # utime, stime, cutime, cstime


def main(largest: int) -> None:
    """Grow the tables step by step; at each size redeem in rounds and print the median CPU a redemption."""
    with postgres(own=True, settings={"max_wal_size": "8GB"}) as server:
        assert isinstance(server, PostgresServer)
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        script = paths.feature_script(programme)
        held, base = 0, 0.0
        for size in (size for size in SIZES if size <= largest):
            while held < size:
                step = min(STEP, size - held)
                add_vouchers(programme, held + 1, held + step)
                held += step
            spent = [
                _round(server.pid, server.url, script, programme, held + turn * CLIENTS * EACH)
                for turn in range(ROUNDS + 1)
            ]
            held += (ROUNDS + 1) * CLIENTS * EACH
            median = statistics.median(spent[1:])
            base = base or median
            print(
                f"{size:>9,} vouchers: {median * 1e6:6.0f} µs CPU a redemption, {median / base:.2f} x the smallest"
                f" ({min(spent[1:]) * 1e6:.0f}-{max(spent[1:]) * 1e6:.0f})",
                flush=True,
            )
        programme.database.close()


def _round(pid: int, url: str, script: str, programme: Programme, held: int) -> float:
    """Redeem fresh vouchers spread over the whole table's newest part; return CPU seconds a redemption."""
    add_vouchers(programme, held + 1, held + CLIENTS * EACH)
    before = cpu_seconds(pid)
    paths.pgbench(url, script, held + 1, CLIENTS, EACH)
    return (cpu_seconds(pid) - before) / (CLIENTS * EACH)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1])
