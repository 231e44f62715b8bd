"""Shuffled serials: one to one, dense by block, pinned, and not in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_service.vouchers import serials

SECRET = bytes(range(32))


@pytest.mark.parametrize("block", [0, 1, 24, 2**20 - 1])
def test_each_block_is_a_permutation_of_itself(block: int) -> None:
    first = block * serials.BLOCK
    counters = range(first, first + serials.BLOCK)
    assert sorted(serials.shuffled(counter, SECRET) for counter in counters) == list(counters)


def test_a_round_that_does_nothing_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug: a round that depends on nothing leaves an order that the next test refuses."""
    monkeypatch.setattr(serials, "_round", lambda *_: 0)
    assert [serials.shuffled(counter, SECRET) for counter in range(64)] == list(range(64))


def test_neighbours_do_not_stay_neighbours() -> None:
    order = [serials.shuffled(counter, SECRET) for counter in range(serials.BLOCK)]
    near = sum(abs(left - right) == 1 for left, right in pairwise(order))
    fixed = sum(place == serial for place, serial in enumerate(order))
    assert near < 12  # about 2 are expected of a random order
    assert fixed < 8  # about 1


def test_blocks_and_secrets_shuffle_differently() -> None:
    first = [serials.shuffled(counter, SECRET) for counter in range(200)]
    second = [serials.shuffled(counter + serials.BLOCK, SECRET) - serials.BLOCK for counter in range(200)]
    other = [serials.shuffled(counter, SECRET[::-1]) for counter in range(200)]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 5
    assert sum(a == b for a, b in zip(first, other, strict=True)) < 5


def test_golden_values() -> None:
    """A changed shuffle would hand one serial to two vouchers of a running key."""
    counters = [0, 1, 2, 4095, 4096, 100_000, 2**32 - 1]
    assert [serials.shuffled(counter, SECRET) for counter in counters] == [
        205,
        852,
        1658,
        2140,
        6988,
        100052,
        4294966257,
    ]


@given(counter=st.integers(0, 2**32 - 1), secret=st.binary(min_size=16, max_size=40))
def test_unshuffling_gives_the_counter_back(counter: int, secret: bytes) -> None:
    serial = serials.shuffled(counter, secret)
    assert serial // serials.BLOCK == counter // serials.BLOCK
    assert serials.unshuffled(serial, secret) == counter


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="counter must be 0 to 4294967295, not -1"):
        serials.shuffled(-1, SECRET)
    with pytest.raises(ValueError, match="serial must be 0 to"):
        serials.unshuffled(2**32, SECRET)
    with pytest.raises(ValueError, match="secret must have at least 16 bytes, not 5"):
        serials.shuffled(0, b"short")
