"""Telephone numbers: read, checked, shown in pairs or masked. One stored form: E.164."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers import ValidationResult as Size

from voucher_service.errors import N_, BadInput

REGION = "FR"
_WRITTEN = frozenset("0123456789 \t\xa0\u202f\u2009+.-‐‑–()/")
_NARROW = "\u202f"
_HIDDEN = "•"
_SHORT = N_("Ce numéro est trop court : un mobile a dix chiffres.")
_LONG = N_("Ce numéro est trop long : un mobile a dix chiffres.")


def read_mobile(text: str, *, field: str = "phone") -> str:
    """Return the mobile number that someone typed in E.164 form: "06 12 34 56 78" is "+33612345678".

    A number without a country is French; one of overseas or abroad is accepted with its prefix. So are
    the numbers that ARCEP keeps for fiction, 06 39 98 00 00 to 99 99: training needs numbers of nobody.

    Raises:
        BadInput: letters, too short, too long, not in service, or not a mobile; says which.
    """
    if not set(text) <= _WRITTEN:
        raise BadInput("Un numéro ne contient que des chiffres : 06 12 34 56 78.", field=field)
    plain = "".join(" " if char.isspace() else char for char in text)
    _check_dialled(plain, field)
    try:
        number = phonenumbers.parse(plain, REGION)
    except NumberParseException as error:
        raise BadInput(_unreadable(error.error_type), field=field) from error
    size = phonenumbers.is_possible_number_with_reason(number)
    if size in {Size.TOO_SHORT, Size.IS_POSSIBLE_LOCAL_ONLY}:
        raise BadInput(_SHORT, field=field)
    if size == Size.TOO_LONG:
        raise BadInput(_LONG, field=field)
    if _is_fiction(number):
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number):
        raise BadInput("Ce numéro n’est attribué à personne : relisez-le avec la personne.", field=field)
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.FIXED_LINE:
        raise BadInput("C’est un numéro fixe : il faut un mobile, en 06 ou 07.", field=field)
    if kind not in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        raise BadInput("Ce n’est pas un numéro de mobile : il commence par 06 ou 07.", field=field)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def pairs(e164: str) -> str:
    """Return the number as people say it: "06 12 34 56 78"; one from abroad keeps its prefix."""
    number = phonenumbers.parse(e164)
    form = PhoneNumberFormat.NATIONAL if _is_french(number) else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form).replace(" ", _NARROW)


def masked(e164: str) -> str:
    """Return the number with all but its beginning and last two digits hidden: "06 •• •• •• 12"."""
    shown = pairs(e164)
    begin = 2 if shown.startswith("0") else len(shown.split(_NARROW, maxsplit=1)[0])
    return "".join(
        _HIDDEN if char.isdigit() and begin <= place < len(shown) - 2 else char for place, char in enumerate(shown)
    )


def tail(e164: str) -> str:
    """Return the last two digits: enough to ask "is it the one that ends in 12?"."""
    return e164[-2:]


def _check_dialled(text: str, field: str) -> None:
    # The library takes "06 12 34 56 7" for a number without its zero: the length tells a digit left out.
    digits = "".join(filter(str.isdigit, text))
    national = digits.startswith("0") and not digits.startswith("00") and "+" not in text
    if national and len(digits) != 10:
        raise BadInput(_SHORT if len(digits) < 10 else _LONG, field=field)


def _is_fiction(number: PhoneNumber) -> bool:
    return _is_french(number) and 639_980_000 <= (number.national_number or 0) <= 639_989_999


def _is_french(number: PhoneNumber) -> bool:
    return number.country_code == phonenumbers.country_code_for_region(REGION)


def _unreadable(kind: int) -> str:
    if kind == NumberParseException.INVALID_COUNTRY_CODE:
        return N_("L’indicatif du pays n’existe pas : écrivez par exemple +33 6 12 34 56 78.")
    if kind == NumberParseException.TOO_LONG:
        return _LONG
    return _SHORT
