"""Telephone numbers of a statement: into the one form the books know them by (E.164), or hidden. Imports no tables.

A number never refuses a file: it only helps a person to find the other side. What cannot be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from voucher_service.reconciliation.reader.manner import SHEET_MARK

TAIL = 2
_LOOSE = re.compile(rf"[\s./()\u00a0\u2009\u202f\u2010-\u2015\u2212-]|{SHEET_MARK}0+$")
_MASKED = re.compile(r"\+?[0-9]*(?:…|[*•·xX#_?●]{2,})[*•·xX#_?…●0-9]*")
_FRENCH = re.compile(r"(?:\+33|0033|33|0)0?([1-9][0-9]{8})")
_BARE = re.compile(r"[67][0-9]{8}")  # a cell of a workbook that is a number has lost its zero
_ABROAD = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")
_MSISDN = re.compile(r"[1-9][0-9]{9,14}")
_SURE = re.compile(r"\+[1-9][0-9]{7,14}|(?:0|33|0033)[67][0-9]{8}")  # not "0012345678": that may be any number
_RUN = re.compile(  # with a prefix ten digits at least follow "00", so that "0012345678" stays what it is
    r"(?<![0-9A-Za-z-])(?:\+[1-9]|00[1-9][0-9]{2}|0[67]|33[67])(?:[ .\-/()\u00a0\u202f]*[0-9]){7,14}(?![0-9])"
)
# Overseas, a number written the national way belongs to another country code (0639 98… is given to fiction, in France).
_OVERSEAS = {
    "690": "590", "691": "590", "694": "594", "696": "596", "697": "596", "692": "262", "693": "262", "639": "262",
}  # fmt: skip
_FICTION = "63998"
_HIGH = 10**8
_DOT = "•• "


def read_number(text: str) -> str | None:
    """Return the number in E.164; of one that is masked its last two digits, where it shows them; else None.

    "06 12 34 56 78", "0033612345678", "33612345678" and "612345678" are "+33612345678"; "06****12" is "12".
    """
    bare = _LOOSE.sub("", text)
    if found := _FRENCH.fullmatch(bare):
        return _national(found[1])
    if _BARE.fullmatch(bare):
        return _national(bare)
    if found := _ABROAD.fullmatch(bare):
        return f"+{found[1]}"
    if _MSISDN.fullmatch(bare):
        return f"+{bare}"
    if _MASKED.fullmatch(bare) and bare[-TAIL:].isdigit():
        return bare[-TAIL:]
    return None


def _national(digits: str) -> str:
    country = "33" if digits.startswith(_FICTION) else _OVERSEAS.get(digits[:3], "33")
    return f"+{country}{digits}"


def read_numbers(texts: Iterable[str]) -> list[str | None]:
    """Return what `read_number` says of each; the same text is read once."""
    texts = list(texts)
    told = {text: read_number(text) for text in set(texts)}
    return [told[text] for text in texts]


def tail_of(number: str) -> str:
    """Return the last two digits of what `read_number` gave."""
    return number[-TAIL:]


def is_whole(number: str | None) -> bool:
    """Say whether what `read_number` gave is a whole number, by which an order can be found."""
    return number is not None and number.startswith("+")


def is_number(text: str) -> bool:
    """Say whether a text, wherever it stands, is surely a telephone number: with a +, or a French mobile."""
    return _SURE.fullmatch(_LOOSE.sub("", text)) is not None


def may_be_number(text: str) -> bool:
    """Say whether a text can be one, in a column whose name says so: masked and shortened ones too."""
    return read_number(text) is not None


def hidden(text: str, *, always: bool = False) -> str:
    """Return the text as a page or a message may show it: of a telephone number the last two digits.

    `always`: it stands in the column of numbers, so that whatever has digits there is hidden.
    """
    if not (is_number(text) or (always and any(map(str.isdigit, text)))):
        return text
    last = _LOOSE.sub("", text)[-TAIL:]
    return _DOT + last if last.isdigit() else _DOT.strip()


def hide_within(text: str) -> str:
    """Return the text of a message with the numbers that stand in it hidden."""
    return _RUN.sub(lambda found: _DOT + found[0][-TAIL:], text)


def hide_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a message with the numbers in them hidden."""
    return {name: _hide_value(name, value) for name, value in values.items()}


def _hide_value(name: str, value: object) -> object:
    if isinstance(value, str):
        return hide_within(value)
    # What was taken for the number of a line: none is so high.
    is_telephone = name in {"number", "expected"} and isinstance(value, int) and value >= _HIGH
    return hidden(str(value), always=True) if is_telephone else value
