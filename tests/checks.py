"""Run every check and say in a few lines how each went.

`python -m tests.checks` is the heart of `make test`; `--quick` leaves the tests themselves out. All
checks run even when one fails, so that one look shows all there is to mend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

QUICK = {
    "style": [str(BIN / "ruff"), "check", "--quiet", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "types": [str(BIN / "mypy"), "--no-error-summary"],
    "import rules": [str(BIN / "lint-imports"), "--no-logo"],
}
# What a module shares is made once on each worker that takes tests of it; the long ones do not wait for the others.
TESTS = {"tests": [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "--durations=5"]}


BESIDE = {"types"}
"""What takes long on one core alone, so that the others are looked at meanwhile. It speaks when it has ended."""

Result = tuple[bool, float]


def run(checks: dict[str, list[str]]) -> dict[str, Result]:
    """Run the checks in their order; for each whether it passed, and its seconds."""
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(len(BESIDE)) as pool:
        beside = {name: pool.submit(check, name, checks[name], quietly=True) for name in checks if name in BESIDE}
        results |= {name: check(name, command) for name, command in checks.items() if name not in BESIDE}
        results |= {name: ending.result() for name, ending in beside.items()}
    return {name: results[name] for name in checks}


def check(name: str, command: list[str], *, quietly: bool = False) -> Result:
    """Run one check; what it says stands under its name, when it has ended if `quietly`, else as it comes."""
    start = time.monotonic()
    if not quietly:
        say(f"— {name}\n")
    said = subprocess.PIPE if quietly else None
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT if quietly else None,
        text=True, check=False, env=environment(),
    )  # fmt: skip
    if quietly:
        say(f"\n— {name}\n{done.stdout}")
    return done.returncode == 0, time.monotonic() - start


def say(words: str) -> None:
    """Write at once."""
    sys.stdout.write(words)
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Ours, less what a service running beside would lend the tests: they use their own data.

    Also less the wish not to keep compiled files: pytest would compile some hundred of its own in every process.
    """
    lent = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "HOST", "PORT", "PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in lent}


def summary(results: dict[str, tuple[bool, float]]) -> str:
    """One line a check, and the verdict."""
    lines = [
        f"  {'passed' if good else 'FAILED'}  {name:<13} {seconds:6.1f} s" for name, (good, seconds) in results.items()
    ]
    failed = [name for name, (good, _) in results.items() if not good]
    verdict = f"Failed: {', '.join(failed)}." if failed else "All checks passed."
    return "\n".join(["", *lines, "", verdict, ""])


def main(arguments: list[str]) -> int:
    """0 when every check passed."""
    results = run(QUICK if "--quick" in arguments else QUICK | TESTS)
    sys.stdout.write(summary(results))
    return 0 if all(good for good, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
