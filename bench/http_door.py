"""Clients that present codes to the counter's HTTP door, from processes of their own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from tests.served import Counter, Pass
from voucher_service.ids import new_id

CLIENT_PROCESSES = 2


def redeem(given: Pass, codes: Sequence[str], clients: int) -> float:
    """Present `codes` over `clients` keep-alive connections; return redemptions a second.

    Raises:
        RuntimeError: an answer was not 201 accepted.
    """
    start, moments = moments_of(given, codes, clients)
    return len(codes) / (max(moments) - start)


def moments_of(given: Pass, codes: Sequence[str], clients: int) -> tuple[float, list[float]]:
    """The same; return when the first was presented and when each was answered, by the machine's monotonic clock."""
    with multiprocessing.get_context("spawn").Pool(CLIENT_PROCESSES) as pool:
        pool.map(_ready, range(CLIENT_PROCESSES), chunksize=1)  # started and imported before the clock starts
        start = time.monotonic()
        parts = [
            (given, codes[part::CLIENT_PROCESSES], clients // CLIENT_PROCESSES) for part in range(CLIENT_PROCESSES)
        ]
        return start, list(chain.from_iterable(pool.starmap(present, parts, chunksize=1)))


def _ready(_number: int) -> None:
    time.sleep(0.5)  # so that each process takes one of these


def present(given: Pass, codes: Sequence[str], connections: int) -> list[float]:
    """Present the codes over `connections` connections, each in a thread; return when each was answered."""
    with ThreadPoolExecutor(connections) as threads:
        parts = threads.map(lambda part: _present_all(given, codes[part::connections]), range(connections))
        return list(chain.from_iterable(parts))


def _present_all(given: Pass, codes: Sequence[str]) -> list[float]:
    counter, moments = Counter(given), []
    for code in codes:
        answer = counter.scan(new_id(), code)
        if answer.status != 201 or answer.body["outcome"] != "accepted":
            raise RuntimeError(f"{answer.status}: {answer.body}")
        moments.append(time.monotonic())
    counter.close()
    return moments
