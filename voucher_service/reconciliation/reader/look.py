"""What a column seems to be, from what stands in it. Guesses only: a person confirms them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from voucher_service.reconciliation.reader.dates import parse_instant
from voucher_service.reconciliation.reader.manner import DateForm, Dates, Marks
from voucher_service.reconciliation.reader.numbers import is_number, may_be_number
from voucher_service.reconciliation.reader.values import BadCell, parse_quantity
from voucher_service.reconciliation.reader.words import STATUSES, UNITS, Field, Scale, plain
from voucher_service.units import Unit

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_CARD = re.compile(r"[0-9]{12,20}")
_EITHER = re.compile(r"(?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|1[0-2])[/.-][0-9]{2,4}(?: .*)?")
_FINE: Scale = (Unit.EUR_CENT, Decimal(10**6))  # no number of a statement is more precise than this
_EITHER_NAMES = frozenset({"numero", "number", "no", "n", "ligne", "numero de ligne", "no ligne", "n ligne", "line",
                           "line number", "beneficiaire", "recipient", "client"})  # fmt: skip
_WORDS = 60
_FORMS = (
    DateForm.AUTO, DateForm.DAY_FIRST, DateForm.MONTH_FIRST, DateForm.YEAR_FIRST, DateForm.COMPACT, DateForm.UNIX,
)  # fmt: skip
_DISTINCT = 500  # values looked at in each column


def column(cells: Iterable[Sequence[str]], place: int | None) -> list[str]:
    """Return what stands in a column, each value once, in order; nothing without a place."""
    if place is None:
        return []
    return list(dict.fromkeys(row[place] for row in cells if place < len(row) and row[place]))[:_DISTINCT]


def fill(known: Mapping[Field, int], cells: Sequence[Sequence[str]]) -> dict[Field, int]:
    """Return the places of the fields: those known by name, then those that what stands there gives away."""
    places = dict(known)
    width = max(map(len, cells), default=0)
    free = {place: column(cells, place) for place in range(width) if place not in places.values()}
    free = {place: told for place, told in free.items() if told}
    for name, test in _TESTS:
        if name in places or (name is Field.LINE and not known):
            continue
        if name is Field.PARTNER_REF and Field.OUR_REF in places and known and _each_has(cells, places[Field.OUR_REF]):
            continue  # whoever names columns names this one, unless lines are known by nothing else
        found = next((place for place, told in free.items() if test(told)), None)
        if found is not None:
            places[name] = found
            del free[found]
    return places


def telephones(names: Sequence[str], known: Mapping[Field, int], cells: Sequence[Sequence[str]]) -> dict[Field, int]:
    """Return the places, with that of the telephone numbers where a name alone cannot tell.

    "Numéro" may be anything, and "Numéro de ligne" may count the lines or be the telephone line: what stands there
    tells.
    """
    places = dict(known)
    for place, name in enumerate(map(plain, names)):
        told = column(cells, place) if name in _EITHER_NAMES else []
        if Field.NUMBER in places or not told or not all(map(may_be_number, told)):
            continue
        places = {field: at for field, at in places.items() if at != place} | {Field.NUMBER: place}
    return places


def _each_has(cells: Sequence[Sequence[str]], place: int) -> bool:
    return all(place < len(row) and row[place] for row in cells)


def _dates(told: list[str]) -> bool:
    return (date_form(told) is not None and not all(map(str.isdigit, told))) or _numbers_of_days(told)


def _numbers_of_days(told: list[str]) -> bool:
    return all(len(text) >= 8 for text in told) and date_form(told) in {DateForm.COMPACT, DateForm.UNIX}


def _quantities(told: list[str]) -> bool:
    return all(len(text) < 14 and _reads(text) for text in told) and not _running(told)


def _reads(text: str) -> bool:
    for marks in (Marks(), Marks(",", "."), Marks(".", ",")):
        try:
            parse_quantity(text, _FINE, marks)
        except BadCell:
            continue
        return True
    return False


def _running(told: list[str]) -> bool:
    return (
        len(told) > 1
        and all(map(str.isdigit, told))
        and [*map(int, told)] == [*range(int(told[0]), int(told[0]) + len(told))]
    )


def _references(told: list[str]) -> bool:
    return any(any(map(str.isdigit, text)) for text in told) and len(told) > 1


_TESTS: tuple[tuple[Field, Callable[[list[str]], bool]], ...] = (
    (Field.OUR_REF, lambda told: all(map(_UUID.fullmatch, told))),
    (Field.NUMBER, lambda told: all(map(is_number, told))),
    (Field.EVENT_AT, _dates),
    (Field.STATUS, lambda told: all(plain(text) in STATUSES for text in told)),
    (Field.UNIT, lambda told: all(plain(text) in UNITS for text in told)),
    (Field.SERIAL, lambda told: all(map(_CARD.fullmatch, told))),
    (Field.QUANTITY, _quantities),
    (Field.PARTNER_REF, _references),
)


def seems_header(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Say whether a row names columns: words throughout, where the rows below have figures."""
    figures = [any(map(str.isdigit, cell)) for cell in cells]
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and not any(figures) and any(any(map(str.isdigit, cell)) for row in below for cell in row)


def date_form(told: Sequence[str], *, faults: int = 0) -> DateForm | None:
    """Return the first form in which every date reads, but for some faults; None when there is none."""
    if not told:
        return None
    return next((form for form in _FORMS if sum(not _placed(text, form) for text in told) <= faults), None)


def _placed(text: str, form: DateForm) -> bool:
    try:
        parse_instant(text, Dates(form, "UTC"))
    except BadCell:
        return False
    return True


def either_way(told: Sequence[str]) -> bool:
    """Say whether day and month could be exchanged in every date."""
    return bool(told) and all(map(_EITHER.fullmatch, told))


def marks(told: Sequence[str]) -> tuple[str, str]:
    """Return decimal and grouping mark: empty where every number is plain without, "?" where nobody can tell."""
    told = [text for text in told if _reads(text)]  # what is no number at all is the file's fault, and told as such
    if not told or all(_fits(text, Marks()) for text in told):
        return "", ""
    fitting = [one for one in (Marks(",", "."), Marks(".", ",")) if all(_fits(text, one) for text in told)]
    return fitting[0] if len(fitting) == 1 else ("?", "")


def _fits(text: str, marks_: Marks) -> bool:
    try:
        parse_quantity(text, _FINE, marks_)
    except BadCell:
        return False
    return True


def words(told: Sequence[str]) -> list[str]:
    """Return the words of state, in their plain form; a telephone number is none."""
    return list(dict.fromkeys(plain(text) for text in told if not is_number(text)))[:_WORDS]
