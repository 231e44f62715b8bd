"""Every operation, as everyone, some at a time; prints a row for each as it ends, then the sums and every fault."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stderr
from multiprocessing import get_context
from pathlib import Path

from tests.api_drill.asking import Told, ask_all, operations
from tests.api_drill.judge import Judge
from tests.api_drill.links import walk
from tests.api_drill.world import World, make
from tests.databases import fresh_postgres, fresh_sqlite
from tests.servers.shared import close_session, open_session

MEMORY = Path("/dev/shm")  # noqa: S108  # where there is one: what the drill looks for does not depend on the disk


@contextmanager
def a_world(database: str) -> Iterator[tuple[World, Judge]]:
    """Make the world on a database of its own; hundreds of thousands of lines of its log lead nowhere."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stderr(stack.enter_context(Path(os.devnull).open("w"))))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)))
        url = fresh_sqlite(folder) if database == "sqlite" else stack.enter_context(fresh_postgres())
        world = make(url, folder)
        stack.callback(world.close)
        yield world, Judge(world, world.document())


def group(labels: list[str], examples: int, seed: int, database: str) -> list[Told]:
    """Ask some operations, in a process of their own; print a row for each."""
    found = []
    with a_world(database) as (world, judge):
        for operation in operations(world):
            if operation.label in labels:
                found.append(ask_all(world, judge, operation, examples, seed))
                print(line(found[-1]), flush=True)
    return found


def walks(number: int, seed: int, database: str) -> tuple[Counter[str], str]:
    """Walk as the owner; return how often each operation was asked, and what was found."""
    with a_world(database) as (world, _):
        who = next(found for found in world.everyone if found.name == "a key for all")
        try:
            return walk(world, who, number, seed), ""
        except Exception as error:
            return Counter(), f"{type(error).__name__}: {error}"


def campaign(examples: int, seed: int, jobs: int, database: str) -> int:
    """Ask every operation, `jobs` at a time, and print what was asked and found; return how many faults."""
    session, began = open_session(), time.monotonic()
    try:
        with a_world("sqlite") as (world, _):
            labels = [found.label for found in operations(world)]
            names = [who.name for who in world.everyone]
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            running = [pool.submit(group, labels[n::jobs], examples, seed, database) for n in range(jobs)]
            linked = pool.submit(walks, max(examples // 10, 10), seed, database)
            told = [one for done in running for one in done.result()]
            steps, broken = linked.result()
    finally:
        close_session(session)
    return report(told, names, steps, broken, time.monotonic() - began)


def line(told: Told) -> str:
    """Return a row of the table: the operation, its requests by how they were made, and what each was answered."""
    made = " | ".join(str(told.made[how]) for how in ("example", "bounds", "positive", "negative"))
    statuses = " ".join(f"{status}×{number}" for status, number in sorted(told.statuses.items()))
    spent = " ".join(f"{what} {seconds:.0f}" for what, seconds in told.seconds.items())
    asked = f"{min(told.asked.values())} | {sum(told.asked.values())}"
    return f"| {told.operation} | {made} | {asked} | {statuses} | {len(told.found)} | {spent} |"


def report(told: list[Told], names: list[str], steps: Counter[str], broken: str, seconds: float) -> int:
    """Print the sums and every fault."""
    asked = sum((one.asked for one in told), Counter[str]())
    print(f"\n{sum(asked.values())} requests in {seconds:.0f} s; by whom:")
    for name in names:
        print(f"  {name}: {asked[name]}")
    print(f"walks: {sum(steps.values())} requests: " + ", ".join(f"{label} {n}" for label, n in sorted(steps.items())))
    for one_told in told:
        for (who, fault), (number, request) in one_told.found.items():
            print(f"\nFAULT {one_told.operation} as {who}, {number} times: {fault}\n  {request[:600]}")
    if broken:
        print(f"\nFAULT on a walk: {broken[:2000]}")
    faults = sum(len(one_told.found) for one_told in told) + bool(broken)
    print("\nnothing found" if not faults else f"\n{faults} faults")
    return faults
