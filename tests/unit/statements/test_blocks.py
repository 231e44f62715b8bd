"""Rows split whole are the rows the CSV reader finds, on the same lines of the file."""

from __future__ import annotations

from random import Random

import pytest

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader import blocks as module
from voucher_service.reconciliation.reader.blocks import blocks
from voucher_service.reconciliation.reader.rows import chunks

CELLS = ("", "a", "é", "10,00", " b ", "x" * 40, '"q"', '"a;b"', '"two\nlines"', '"two\r\nlines"', 'stray " quote')
ENDS = ("\n", "\r\n", "\r")
Rows = list[tuple[int, list[str]]]


def text_of(random: Random) -> str:
    """A file of some rows: mostly plain, often of one width, sometimes with blank rows, quotes and other ends."""
    cells, end = CELLS[: random.choice((6, 6, 6, len(CELLS)))], random.choice(ENDS[: random.choice((2, 2, 3))])
    rows = []
    for _ in range(random.randrange(1, 30)):
        width = 3 if random.random() < 0.97 else random.choice((0, 1, 2, 5))
        rows.append(";".join(random.choice(cells) for _ in range(width)))
    return end.join(rows) + random.choice(("", end, end + end))


def read_by(way: str, content: bytes) -> tuple[Rows, str]:
    """The rows with the lines they start on, and what was refused."""
    found: Rows = []
    try:
        if way == "reader":
            for starts, cells in chunks(content, "utf-8", ";", 7):
                found += [(start, list(row)) for start, row in zip(starts, cells, strict=True)]
        else:
            for block in blocks(content, "utf-8", ";", 7):
                found += [(start, list(row)) for start, row in zip(block.starts, block.rows(), strict=True)]
    except BadFile as error:
        return found, str((error.message, error.values))
    return found, ""


def differing(seeds: range) -> list[int]:
    contents = {seed: text_of(Random(seed)).encode() for seed in seeds}
    return [seed for seed, content in contents.items() if read_by("reader", content) != read_by("blocks", content)]


@pytest.mark.parametrize("piece", [1, 50, module.PIECE])
def test_blocks_are_the_rows_of_the_reader(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    assert differing(range(400)) == []


def test_a_split_that_lost_the_ends_of_lines_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(text: str, separator: str, count: int) -> list[list[str]]:
        cells = text.replace("\n", separator).split(separator)
        return [(cells[place::3] + [""] * count)[:count] for place in range(3)]

    monkeypatch.setattr(module, "split", careless)
    assert differing(range(400))
