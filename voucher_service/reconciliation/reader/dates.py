"""A date of a statement into an instant, exactly; what does not exist or can be read two ways is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from voucher_service.reconciliation.reader.manner import AS_FOUND, SHEET_MARK, DateForm, Dates
from voucher_service.reconciliation.reader.values import BadCell

_SECOND = r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
_CLOCK = rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}}){_SECOND}"
_ZONE = r"(?P<zone>Z|z|[+-][0-9]{2}:?[0-9]{2})?"
_HALF = r"(?: ?(?P<half>[AaPp][Mm]))?"
_ISO = re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?:[Tt ]{_CLOCK} ?{_ZONE})?")
_DAY = re.compile(rf"(?P<day>[0-9]{{1,2}})[/.-](?P<month>[0-9]{{1,2}})[/.-](?P<year>[0-9]{{4}})(?: {_CLOCK} ?{_ZONE})?")
_YEARS = r"(?P<year>[0-9]{4}|[0-9]{2})"
_FORMS = {
    DateForm.DAY_FIRST: re.compile(
        rf"(?P<day>[0-9]{{1,2}})[/.-](?P<month>[0-9]{{1,2}})[/.-]{_YEARS}(?:,? {_CLOCK}{_HALF} ?{_ZONE})?"
    ),
    DateForm.MONTH_FIRST: re.compile(
        rf"(?P<month>[0-9]{{1,2}})[/.-](?P<day>[0-9]{{1,2}})[/.-]{_YEARS}(?:,? {_CLOCK}{_HALF} ?{_ZONE})?"
    ),
    DateForm.YEAR_FIRST: re.compile(
        rf"(?P<year>[0-9]{{4}})[/.-](?P<month>[0-9]{{1,2}})[/.-](?P<day>[0-9]{{1,2}})(?:[Tt ]{_CLOCK} ?{_ZONE})?"
    ),
    DateForm.COMPACT: re.compile(
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
        rf"(?:[Tt _-]?(?P<hour>[0-9]{{2}}):?(?P<minute>[0-9]{{2}})(?::?(?P<second>[0-9]{{2}}))? ?{_ZONE})?"
    ),
}
_NUMBER = re.compile(rf"(?P<whole>[0-9]{{5}})(?:[{SHEET_MARK}.,](?P<part>[0-9]{{1,17}}))?")
_UNIX = re.compile(r"[0-9]{10}|[0-9]{13}")
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  # of the spreadsheets: the zone is said by whoever reads
_DAY_SECONDS = 86_400


def parse_instant(text: str, dates: Dates = AS_FOUND) -> datetime:
    """Return the aware UTC instant of a date.

    Without an offset the time is that of the profile's zone; where the clock is set back, the first of the two
    hours is meant. A date without a time is its first instant there. ISO 8601 is understood in every form, for a
    workbook tells its dates so.

    Raises:
        BadCell: it cannot be read, does not exist, or lies outside 2000 to 2199.
    """
    if dates.form is DateForm.UNIX and _UNIX.fullmatch(text):
        return _in_time(datetime.fromtimestamp(int(text[:10]), UTC), text)
    found = _ISO.fullmatch(text)
    if found is None and dates.form in {DateForm.AUTO, DateForm.SHEET}:
        number = _NUMBER.fullmatch(text)
        if number is not None:
            return _placed(_of_number(number), text, dates)
        found = _DAY.fullmatch(text) if dates.form is DateForm.AUTO else None
    elif found is None and dates.form in _FORMS:
        found = _FORMS[dates.form].fullmatch(text)
    if found is None:
        raise BadCell(
            "la date « {text} » est illisible : écrivez 31/01/2026 14:05 ou 2026-01-31T14:05:00.", text=text[:40]
        )
    return _placed(found, text, dates)


def _of_number(found: re.Match[str]) -> datetime:
    """Return the local time of a spreadsheet's day number, to the second: more its fraction does not hold."""
    part = Decimal("0." + (found["part"] or "0"))
    return _DAY_ZERO + timedelta(days=int(found["whole"]), seconds=round(part * _DAY_SECONDS))


def _placed(found: re.Match[str] | datetime, text: str, dates: Dates) -> datetime:
    zone = _zone(dates.zone)
    try:
        local = found.replace(tzinfo=zone) if isinstance(found, datetime) else _local(found, zone)
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCell("la date « {text} » n’existe pas : vérifiez jour, mois et heure.", text=text[:40]) from error
    _in_time(local, text)
    if instant.astimezone(local.tzinfo).replace(fold=0) != local.replace(fold=0):
        name = dates.zone.rpartition("/")[2].replace("_", " ")
        raise BadCell("l’heure « {text} » n’existe pas à {zone} (passage à l’heure d’été).", text=text[:40], zone=name)
    return instant


def _local(found: re.Match[str], zone: ZoneInfo) -> datetime:
    part = found.groupdict(default="0")
    year = int(part["year"]) + (2000 if len(part["year"]) == 2 else 0)
    hour, half = int(part["hour"]), part.get("half", "0").lower()
    if half != "0":
        if not 1 <= hour <= 12:
            raise ValueError("not an hour of half a day")
        hour = hour % 12 + (12 if half == "pm" else 0)
    return datetime(
        year=year,
        month=int(part["month"]),
        day=int(part["day"]),
        hour=hour,
        minute=int(part["minute"]),
        second=int(part["second"]),
        microsecond=int(part.get("fraction", "0")[:6].ljust(6, "0")),
        tzinfo=zone if part["zone"] == "0" else _offset(part["zone"]),
    )


def _in_time(local: datetime, text: str) -> datetime:
    if not 2000 <= local.year <= 2199:
        raise BadCell("la date « {text} » est hors de l’époque : l’année va de 2000 à 2199.", text=text[:40])
    return local


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=256)
def _offset(zone: str) -> timezone:
    if zone in {"Z", "z"}:
        return UTC
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if zone[0] == "-" else size)
