"""Units of account and whole quantities. Imports nothing of ours.

One ledger holds many units; a quantity is always a whole number of the unit's smallest piece
(cents, megabytes, minutes, messages, pieces). Floats never touch value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

MAX_QUANTITY = 2**53 - 1
"""Largest quantity of one transfer: exact in every reader of our files, spreadsheets and JavaScript too."""


class Unit(StrEnum):
    """A unit of account. The value is what stands in the database and in partners' files."""

    EUR_CENT = "eur_cent"
    MEGABYTE = "megabyte"  # 10^6 bytes
    MINUTE = "minute"
    SMS = "sms"
    PIECE = "piece"


_NO_BREAK = "\u202f"  # narrow no-break space: French digit grouping


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", _NO_BREAK)


def display(quantity: int, unit: Unit, language: str = "fr", *, aligned: bool = False) -> str:
    """Return `quantity` as a reader expects it: `display(1250, EUR_CENT)` is "12,50 €", in English "€12.50".

    Whole euros drop the decimals; megabytes become Go (GB) from 1,000 on when exact to a tenth. Neither when `aligned`:
    the figures of a column then stand under one another.
    """
    if language == "en":
        return _english(quantity, unit, aligned=aligned)
    if language == "ar":
        return _arabic(quantity, unit)
    if unit is Unit.EUR_CENT:
        sign = "-" if quantity < 0 else ""
        euros, cents = divmod(abs(quantity), 100)
        return f"{sign}{_grouped(euros)}" + (f",{cents:02d}" if cents or aligned else "") + "\u00a0€"
    if unit is Unit.MEGABYTE:
        if abs(quantity) >= 1000 and quantity % 100 == 0 and not aligned:
            whole, tenth = divmod(quantity // 100, 10)
            return _grouped(whole) + (f",{tenth}" if tenth else "") + "\u00a0Go"
        return f"{_grouped(quantity)}\u00a0Mo"
    name = {Unit.MINUTE: "min", Unit.SMS: "SMS", Unit.PIECE: "pièce" if abs(quantity) < 2 else "pièces"}[unit]
    return f"{_grouped(quantity)}\u00a0{name}"


def _english(quantity: int, unit: Unit, *, aligned: bool) -> str:
    if unit is Unit.EUR_CENT:
        euros, cents = divmod(abs(quantity), 100)
        return ("-" if quantity < 0 else "") + f"€{euros:,}" + (f".{cents:02d}" if cents or aligned else "")
    if unit is Unit.MEGABYTE and abs(quantity) >= 1000 and quantity % 100 == 0 and not aligned:
        whole, tenth = divmod(quantity // 100, 10)
        return f"{whole:,}" + (f".{tenth}" if tenth else "") + "\u00a0GB"
    one = abs(quantity) == 1
    name = {
        Unit.MEGABYTE: "MB",
        Unit.MINUTE: "min",
        Unit.SMS: "text" if one else "texts",
        Unit.PIECE: "piece" if one else "pieces",
    }[unit]
    return f"{quantity:,}\u00a0{name}"


# One, three to ten, from eleven on. Latin digits, as on paper and on telephones here; words, not signs, which would
# change sides beside text that runs from the right.
_ARABIC = {
    Unit.EUR_CENT: ("يورو", "يورو"),
    Unit.MEGABYTE: ("ميغابايت", "ميغابايت"),
    Unit.MINUTE: ("دقيقة", "دقائق"),
    Unit.SMS: ("رسالة قصيرة", "رسائل قصيرة"),
    Unit.PIECE: ("قطعة", "قطع"),
}


def _arabic(quantity: int, unit: Unit) -> str:
    one, few = _ARABIC[unit]
    if unit is Unit.EUR_CENT:
        euros, cents = divmod(abs(quantity), 100)
        sign = "-" if quantity < 0 else ""
        return f"{sign}{_grouped(euros)}" + (f",{cents:02d}" if cents else "") + f"\u00a0{one}"
    if unit is Unit.MEGABYTE and abs(quantity) >= 1000 and quantity % 100 == 0:
        whole, tenth = divmod(quantity // 100, 10)
        return _grouped(whole) + (f",{tenth}" if tenth else "") + "\u00a0جيغابايت"
    return f"{_grouped(quantity)}\u00a0{few if 3 <= abs(quantity) % 100 <= 10 else one}"


_TYPED = re.compile(r"(?P<whole>[0-9]{1,16})(?:[.,](?P<rest>[0-9]{1,2}))?(?P<suffix>[^0-9.,]*)")
_SCALES = {
    Unit.EUR_CENT: {"": 100, "€": 100, "eur": 100, "euro": 100, "euros": 100},
    Unit.MEGABYTE: {"": 1, "mo": 1, "go": 1000, "mb": 1, "gb": 1000},
    Unit.MINUTE: {"": 1, "min": 1, "minute": 1, "minutes": 1},
    Unit.SMS: {"": 1, "sms": 1},
    Unit.PIECE: {"": 1, "pièce": 1, "pièces": 1},
}


def N_(text: str) -> str:  # noqa: N802  # the name by which catalogues find texts translated later
    """Mark a text for translation where it is shown: this module imports nothing of ours."""
    return text


_EXPECTED = {
    Unit.EUR_CENT: N_("Écrivez un montant en euros, comme 12,50."),
    Unit.MEGABYTE: N_("Écrivez un volume, comme 500 Mo ou 1,5 Go."),
    Unit.MINUTE: N_("Écrivez un nombre de minutes, comme 120."),
    Unit.SMS: N_("Écrivez un nombre de SMS, comme 100."),
    Unit.PIECE: N_("Écrivez un nombre de pièces, comme 24."),
}
_WHOLE = {
    Unit.EUR_CENT: N_("Cette unité ne se partage pas : écrivez un montant en euros, comme 12,50."),
    Unit.MEGABYTE: N_("Cette unité ne se partage pas : écrivez un volume, comme 500 Mo ou 1,5 Go."),
    Unit.MINUTE: N_("Cette unité ne se partage pas : écrivez un nombre de minutes, comme 120."),
    Unit.SMS: N_("Cette unité ne se partage pas : écrivez un nombre de SMS, comme 100."),
    Unit.PIECE: N_("Cette unité ne se partage pas : écrivez un nombre de pièces, comme 24."),
}


def parse(text: str, unit: Unit) -> int:
    """Return the quantity that a person typed: `parse("12,50", EUR_CENT)` is 1250, `parse("1,5 Go", MEGABYTE)` 1500.

    Spaces group digits; a comma or a point stands before at most two decimals, so that "1.200" is never
    guessed at.

    Raises:
        ValueError: a French sentence with an example of what is expected.
    """
    found = _TYPED.fullmatch("".join(text.split()).lower())
    scale = _SCALES[unit].get(found["suffix"]) if found else None
    if found is None or scale is None:
        raise ValueError(_EXPECTED[unit])
    exact = Decimal(f"{found['whole']}.{found['rest'] or 0}") * scale
    if exact != int(exact):
        raise ValueError(_WHOLE[unit])
    if exact > MAX_QUANTITY:
        raise ValueError(N_("Ce nombre est trop grand : vérifiez-le."))
    return int(exact)


def typed(quantity: int, unit: Unit) -> str:
    """Return `quantity` as `parse` reads it, to fill a form in: `typed(1250, EUR_CENT)` is "12,50"."""
    if unit is not Unit.EUR_CENT:
        return str(quantity)
    euros, cents = divmod(quantity, 100)
    return f"{euros},{cents:02d}" if cents else str(euros)
