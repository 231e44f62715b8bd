"""Faults that hold nothing of the file: else 64 MiB would stay in memory until the collector comes by."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.numbers import hide_values, hide_within

LARGE = 2**20


@contextmanager
def light_faults() -> Iterator[None]:
    """Let a BadFile out as a new one without the frames it passed through: their variables are the whole file.

    A frame that keeps its own fault in a variable is a circle, and a circle is not freed when the request ends.
    """
    told: BadFile | None = None
    try:
        yield
    except BadFile as error:
        # Nor a telephone number: what is quoted may stand on a page, in an answer or in a log.
        values, column = hide_values(error.values), hide_within(error.column)
        told = BadFile(error.message, line=error.line, column=column, code=error.code, **values)
        bare(error)
    if told is not None:
        try:
            raise told
        finally:
            del told


def bare(error: BadFile) -> BadFile:
    """Return the fault without frames and causes."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def let_go(content: bytes) -> None:
    """Free what a refused file left behind, now: for a large one, waiting for the collector costs more."""
    if len(content) > LARGE:
        gc.collect()
