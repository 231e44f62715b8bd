"""Days, moments and quantities as a person says them, in the language of the answer."""

from __future__ import annotations

import re
from datetime import date, datetime

from babel.dates import format_date, format_datetime
from flask_babel import get_locale

from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.units import Unit, display

_LOCALES = {"fr": "fr_FR", "en": "en_GB", "ar": "ar"}  # 11/1/26 would be read as the eleventh of January here
_FIRST = re.compile(r"\b1 (?=[^\W\d]{3})")


def language() -> str:
    """Return the language of this answer for staff: fr or en."""
    return "en" if spoken() == "en" else "fr"


def spoken() -> str:
    """Return the language of this answer; pages of beneficiaries have more than staff's: fr, en or ar."""
    found = str(get_locale() or "fr")[:2]
    return found if found in _LOCALES else "fr"


def say_day(on: date, form: str = "medium") -> str:
    """Return a day in one of Babel's forms; the first of a month is "1er" in French, which Babel does not say."""
    if isinstance(on, datetime):
        on = on.astimezone(PROGRAMME_ZONE)
    return _first(format_date(on, form, locale=_LOCALES[spoken()]))


def say_moment(at: datetime, form: str = "medium") -> str:
    """Return an instant in one of Babel's forms, at the time of the branches."""
    said = _first(format_datetime(at, form, tzinfo=PROGRAMME_ZONE, locale=_LOCALES[spoken()]))
    return said.replace(" ", "\u00a0") if form == "short" else said  # in a table a moment stays on one line


def say_quantity(quantity: int, unit: Unit | str, *, aligned: bool = False) -> str:
    """Return a quantity with its unit: "12,50 €" in French, "€12.50" in English; `aligned` as `units.display`."""
    return display(quantity, Unit(unit), spoken(), aligned=aligned)


def _first(text: str) -> str:
    return _FIRST.sub("1er ", text, count=1) if spoken() == "fr" else text
