"""How a partner writes numbers, dates and states: settings, with what holds when nothing was set. Imports no tables."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.reader.words import LineStatus

SHEET_MARK = "\u066b"
"""The decimal mark of a cell that is a number in a workbook: nobody types it, so it can be read one way only."""

Words = tuple[tuple[str, LineStatus], ...]
"""What the partner's own words of state mean, each in its plain form."""


class DateForm(StrEnum):
    """The order in which a date is written. `AUTO` reads ISO 8601, day/month/year, and a spreadsheet's day numbers."""

    AUTO = "auto"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    YEAR_FIRST = "year_first"
    COMPACT = "compact"
    SHEET = "sheet"
    UNIX = "unix"


class Marks(NamedTuple):
    """Decimal mark, "," or ".", or "" for both where that is plain; and the mark between thousands, if any."""

    decimal: str = ""
    grouping: str = ""


class Dates(NamedTuple):
    """How dates are written, and the zone (IANA) of those without an offset."""

    form: DateForm = DateForm.AUTO
    zone: str = PROGRAMME_ZONE.key


EITHER_MARK = Marks()
AS_FOUND = Dates()


class Manner(NamedTuple):
    """All of it."""

    marks: Marks = EITHER_MARK
    dates: Dates = AS_FOUND
    words: Words = ()


PLAIN = Manner()
