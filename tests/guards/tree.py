"""The files of the project, as the guards look at them."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST_PARTY = ("voucher_service", "admin", "integrations")

Checker = Callable[[str, str], list[str]]
"""path from the root, text → faults, each "path:line: what is wrong and what to do"."""


@functools.cache
def tracked() -> tuple[str, ...]:
    """Paths from the root of all files git knows or would add, as text-mode paths."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(sorted({name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}))


def own(*suffixes: str) -> list[str]:
    """Tracked files of these suffixes that we wrote: neither vendored nor generated."""
    return [
        name
        for name in tracked()
        if name.endswith(suffixes) and "/vendor/" not in name and "/migrations/versions/" not in name
    ]


def product_code() -> list[str]:
    """The Python of the product itself."""
    return [name for name in own(".py") if name.split("/")[0] in FIRST_PARTY or name == "wsgi.py"]


def read(name: str) -> str | None:
    """The text of a file; None for pictures and other bytes."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def faults(checker: Checker, names: list[str]) -> list[str]:
    """What the checker finds in these files.

    Raises: AssertionError when there is no file to look at, since a guard of nothing guards nothing.
    """
    assert names, "no file matches: this guard looks at nothing"
    texts = ((name, read(name)) for name in names)
    return [fault for name, text in texts if text is not None for fault in checker(name, text)]
