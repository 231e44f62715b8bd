"""Running the machine: a fixed, repeatable share in the tests, as long as one likes from the command line.

    python -m tests.properties.campaign 20000 [seed]

takes so many steps on each database, prints what it did, and ends with 1 when a difference was found.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import fresh_postgres, fresh_sqlite
from tests.properties import model
from tests.properties.arena import Arena
from tests.properties.machine import Life
from tests.servers.shared import close_session, open_session
from voucher_service.vouchers import issue

STEPS_EACH = 30
"""Steps of one example."""

EXAMPLES_EACH = 100
"""Examples in one database: the audit reads all of it after each."""


def life_in(arena: Arena) -> type[Life]:
    """The machine, bound to an arena."""
    return type("LifeHere", (Life,), {"arena": arena, "steps": 0})


@contextmanager
def small_chunks() -> Iterator[None]:
    """Batches in chunks as small as the model's, so that a few vouchers are several transactions."""
    with patch.object(issue, "CHUNK", model.CHUNK):
        yield


def run(machine: type[Life], examples: int, *, seeded: int | None = None, shrink: bool = True) -> None:
    """Run so many examples: always the same ones, or those of the seed."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    config = settings(
        max_examples=examples,
        stateful_step_count=STEPS_EACH,
        deadline=None,
        database=None,
        derandomize=seeded is None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=phases,
    )
    if seeded is not None:
        machine = seed(seeded)(machine)
    with small_chunks():
        run_state_machine_as_test(machine, settings=config)


def _portion(url: str, first_seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        machine = life_in(Arena.at(url, Path(folder)))
        try:
            run(machine, EXAMPLES_EACH, seeded=first_seed)
        finally:
            machine.arena.programme.database.close()
    return machine.steps


def _drill(name: str, steps: int, first_seed: int) -> int:
    """Take at least `steps` steps on one kind of database; return how many were taken."""
    done, number, start = 0, first_seed, time.monotonic()
    while done < steps:
        _say(f"{name}: seed {number}, {done} steps so far")
        if name == "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                done += _portion(fresh_sqlite(Path(folder)), number)
        else:
            with fresh_postgres() as url:
                done += _portion(url, number)
        number += 1
    seconds = time.monotonic() - start
    _say(f"{name}: {done} steps, {number - first_seed} seeds from {first_seed}, 0 differences, {seconds:.0f} s")
    return done


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run both databases; a difference ends it with the steps that led there, under the seed named last."""
    steps = int(arguments[0])
    first_seed = int(arguments[1]) if len(arguments) > 1 else SystemRandom().randrange(10**6)
    folder = open_session()
    try:
        for name in ("sqlite", "postgresql"):
            _drill(name, steps, first_seed)
    finally:
        close_session(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
