"""`python -m tests.api_drill [examples] [seed] [jobs] [sqlite|postgresql]`; ends with how many faults were found."""

from __future__ import annotations

import sys

from tests.api_drill.campaign import campaign

if __name__ == "__main__":
    given = [*sys.argv[1:], *("2000", "1", "2", "sqlite")[len(sys.argv) - 1 :]]
    sys.exit(min(campaign(int(given[0]), int(given[1]), int(given[2]), given[3]), 100))
