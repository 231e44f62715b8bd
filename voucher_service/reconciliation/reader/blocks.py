"""The rows of a statement some thousands at a time: as columns where all rows are alike, else row by row.

A stretch of text without a quote in it is split as a whole, several times faster than a CSV reader goes from row to
row. From the first quote on the CSV reader reads, since a value may then run over the end of a line.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from voucher_service.reconciliation.reader.rows import MAX_COLUMNS, chunks_of, lines_of, perhaps_endless

PIECE = 2**21
"""Characters read at a time."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows: the line of the file each starts on, from 1, and their cells as they stand, by column or by row.

    `columns` is None where the rows are not all of one width.
    """

    starts: Sequence[int]
    columns: Sequence[Sequence[str]] | None
    cells: Sequence[Sequence[str]] | None = None

    def rows(self) -> Sequence[Sequence[str]]:
        """Return the rows, each with its cells."""
        if self.cells is not None:
            return self.cells
        assert self.columns is not None, "a block holds its cells one way or the other"
        return list(zip(*self.columns, strict=True))

    def part(self, first: int, end: int | None = None) -> Block:
        """Return the rows from the first to the one before the end, counted from 0."""
        if not first and end is None:
            return self
        columns = None if self.columns is None else [column[first:end] for column in self.columns]
        return Block(self.starts[first:end], columns, None if self.cells is None else self.cells[first:end])


def blocks(content: bytes, encoding: str, separator: str, size: int) -> Iterator[Block]:
    """Yield the rows of the file; `size` rows at most where the CSV reader reads.

    Raises:
        BadFile: as `rows.chunks`.
    """
    raw = io.BytesIO(content)
    if encoding.startswith("utf-16") or perhaps_endless(content):
        yield from _by_reader(raw, lines_of(raw, content, encoding), separator, size, 1)
        return
    file = io.TextIOWrapper(raw, encoding, newline="")
    start = 1
    while piece := file.read(PIECE):
        piece += file.readline()
        returns = "\r" in piece
        if '"' in piece or "\0" in piece or (returns and piece.count("\r") != piece.count("\r\n")):
            lines = chain(io.StringIO(piece, newline=""), file)
            yield from _by_reader(raw, lines, separator, size, start)
            return
        text = (piece.replace("\r\n", "\n") if returns else piece).removesuffix("\n")
        count = text.count("\n") + 1
        columns = split(text, separator, count)
        if columns is None:
            yield from _by_reader(raw, io.StringIO(piece, newline=""), separator, count, start)
        else:
            yield Block(range(start, start + count), columns)
        start += count


def split(text: str, separator: str, count: int) -> list[list[str]] | None:
    """Return the cells of `count` lines by column, None when the lines are not all of one width."""
    width = text.partition("\n")[0].count(separator) + 1
    if width > MAX_COLUMNS or width == 1:
        return None
    ends = f"{separator}\n{separator}"
    cells = text.replace("\n", ends).split(separator)
    step = width + 1
    if len(cells) != count * step - 1 or cells[width::step] != ["\n"] * (count - 1):
        return None
    return [cells[place::step] for place in range(width)]


def _by_reader(raw: io.BytesIO, lines: Iterator[str], separator: str, size: int, start: int) -> Iterator[Block]:
    for starts, cells in chunks_of(raw, lines, separator, size, start):
        alike = len({*map(len, cells)}) == 1 and cells[0]
        yield Block(starts, list(zip(*cells, strict=True)) if alike else None, cells)
