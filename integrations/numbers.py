"""Telephone numbers as partners want them."""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers


class Parts(NamedTuple):
    """A number taken apart: country as ISO 3166 ("FR"), and its digits with the country's own ("33612345678")."""

    country: str
    digits: str


def parts(number: str) -> Parts | None:
    """Return the parts of a number in E.164 form; None when no country has such numbers."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(parsed)
    return Parts(country, number.lstrip("+")) if country and country != "001" else None


def private_texts(number: str | None) -> tuple[str, ...]:
    """Return the ways a number may show up in a partner's texts: none of them is ever kept."""
    if number is None:
        return ()
    digits = number.lstrip("+")
    return (digits[-9:], digits[-8:])
