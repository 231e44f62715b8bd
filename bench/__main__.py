"""All benchmarks, one after another: `python -m bench`. Each also runs by itself, see its first lines."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("qr", "sheets", "lots", "issue", "redemptions", "deliveries", "reconcile", "growth", "seal", "counter")


def main() -> int:
    """Run each in a process of its own; return how many failed."""
    failed = 0
    for name in BENCHMARKS:
        print(f"\n=== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
