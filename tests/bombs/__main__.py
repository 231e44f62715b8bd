"""`python -m tests.bombs [name …]`: every bomb by every way in against one server; fails where a bound is passed."""

from __future__ import annotations

import sys
import tempfile

from tests.bombs.files import BOMBS, ONLY
from tests.bombs.target import Outcome, target
from tests.bombs.test_bombs import MEMORY, SECONDS
from tests.programme import Programme
from voucher_service.migrations.runner import upgrade
from voucher_service.reconciliation.reader.sources import book

ROW = "{:28} {:>9} {:>7} {:>6} {:>7} {:>6} {:>10} {:>10}"


def passed(outcome: Outcome) -> bool:
    """Say whether the outcome keeps every bound."""
    small = outcome.server < MEMORY and outcome.children < book.MEMORY / 2**20
    return 400 <= outcome.status < 500 and outcome.seconds < SECONDS and small


def main() -> int:
    """Send them all; return the number that passed a bound."""
    failed = 0
    print(ROW.format("bomb", "MiB sent", "way", "status", "seconds", "work", "server MiB", "child MiB"))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bombs.sqlite"
        upgrade(url)
        with target(Programme.make(url), url) as server:
            server.by_page(b"x", "x.csv")
            for name in sys.argv[1:] or BOMBS:
                content = BOMBS[name]()
                for way, send in server.ways.items():
                    if way not in ONLY.get(name, server.ways):
                        continue
                    outcome = send(content)
                    failed += not passed(outcome)
                    sent = f"{len(content) / 2**20:.2f}"
                    figures = (
                        f"{outcome.seconds:.2f}",
                        f"{outcome.work:.2f}",
                        f"+{outcome.server:.0f}",
                        f"{outcome.children:.0f}",
                    )
                    mark = "" if passed(outcome) else "  OUT OF BOUNDS"
                    print(ROW.format(name, sent, way, outcome.status, *figures) + mark, flush=True)
    print("all within bounds" if not failed else f"{failed} out of bounds")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 100))
