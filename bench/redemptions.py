"""Redemptions a second on one PostgreSQL and one hot gift: the limit, our SQL, Python, HTTP, in one run.

Rounds are shuffled and compared pair by pair; the medians of the ratios are what to quote.
    python -m bench.redemptions [rounds] [vouchers a path and round]
"""

from __future__ import annotations

import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable

from bench import http_door
from bench import redemption_paths as paths
from bench.stock_of_vouchers import add_vouchers
from tests.programme import MASTER, Programme
from tests.served import serving
from tests.servers.postgresql import postgres
from voucher_service.migrations.runner import upgrade

CLIENTS = 16
PROCESSES = 4
GOALS = {"our SQL in pgbench": 0.95, "Python, 4 processes": 0.85}


def main(rounds: int, each: int) -> None:
    """Print a line per path: median a second, and the median ratio to the limit with its range."""
    with postgres(own=True) as server:
        upgrade(server.url)
        programme = Programme.make(server.url, gift=10**12)
        measured = measure(programme, server.url, rounds, each)
        findings = programme.findings()
        programme.database.close()
    print(f"{rounds} shuffled rounds of {each} redemptions a path, one gift, {CLIENTS} clients")
    limits = measured.pop("limit: pgbench, same rows")
    print(f"{'limit: pgbench, same rows':28} {statistics.median(limits):8.0f}/s")
    for name, rates in measured.items():
        ratios = [rate / limit for rate, limit in zip(rates, limits, strict=True)]
        goal = f"   goal {GOALS[name]:.2f}" if name in GOALS else ""
        print(
            f"{name:28} {statistics.median(rates):8.0f}/s   {statistics.median(ratios):.2f} x limit"
            f" ({min(ratios):.2f}-{max(ratios):.2f}){goal}"
        )
    print("audit of the books (without the limit's rows):", findings or "clean")


def measure(programme: Programme, url: str, rounds: int, each: int) -> dict[str, list[float]]:
    """Return redemptions a second by path, one figure a round."""
    following = 1

    def take() -> int:
        nonlocal following
        first, following = following, following + each
        add_vouchers(programme, first, following - 1)
        return first

    limit, ours = paths.limit_script(programme), paths.feature_script(programme)
    staff = programme.staff[1].id

    def python() -> float:
        codes = paths.codes(programme, take(), each)
        return paths.python(url, MASTER, staff, [codes[part::PROCESSES] for part in range(PROCESSES)]).per_second

    # Delivery is another program's work here: with it, the door would be measured together with the sandbox.
    with serving(programme, url, DELIVER_IN_WEB="0") as given:
        ways: dict[str, Callable[[], float]] = {
            "limit: pgbench, same rows": lambda: paths.pgbench(url, limit, take(), CLIENTS, each // CLIENTS).per_second,
            "our SQL in pgbench": lambda: paths.pgbench(url, ours, take(), CLIENTS, each // CLIENTS).per_second,
            "Python, 4 processes": python,
            "HTTP, 16 clients": lambda: http_door.redeem(given, paths.codes(programme, take(), each), CLIENTS),
        }
        result: dict[str, list[float]] = defaultdict(list)
        for number in range(rounds + 1):
            for name in random.sample(list(ways), len(ways)):
                rate = ways[name]()
                if number:  # the first round warms caches and prepared statements
                    result[name].append(rate)
        return {name: result[name] for name in ways}


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["5", "8000"][len(sys.argv) - 1 :])))
