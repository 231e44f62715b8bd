"""One cell of a statement into one value, exactly. No floats; what can be read two ways is refused.

Every function raises BadCell with the remedy; the reader adds line and column.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from voucher_service.errors import ServiceError
from voucher_service.reconciliation.reader.manner import EITHER_MARK, SHEET_MARK, Marks, Words
from voucher_service.reconciliation.reader.words import STATUSES, UNITS, LineStatus, Scale, plain
from voucher_service.units import MAX_QUANTITY

_NUMBER = re.compile(r"[0-9]{1,18}(?:[.,][0-9]+)*")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_BLANKS = re.compile(r"[ \u00a0\u202f\u2009]")
_ROUNDED = re.compile(r"[0-9][.,][0-9]+[eE]\+[0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHEET = re.compile(rf"[0-9]{{1,15}}{SHEET_MARK}[0-9]+")


class BadCell(ServiceError):
    """A cell cannot be read; the message is the remedy, in the reader's words."""


@lru_cache(maxsize=256)  # a file has few words and many lines
def parse_status(text: str, words: Words = ()) -> LineStatus:
    """Return what the partner's status word means: in its own words first, then in those everybody uses."""
    bare = plain(text)
    status = dict(words).get(bare) or STATUSES.get(bare)
    if status is None:
        raise BadCell(
            "le statut « {text} » est inconnu : écrivez livré, refusé ou remboursé, ou dites son sens dans les "
            "réglages de lecture.",
            text=text[:40],
        )
    return status


@lru_cache(maxsize=256)
def parse_scale(text: str) -> Scale:
    """Return our unit and the factor for the partner's unit word."""
    scale = UNITS.get(plain(text))
    if scale is None:
        raise BadCell(
            "l’unité « {text} » est inconnue : écrivez EUR, centimes, Mo, Go, min, SMS ou pièce.", text=text[:40]
        )
    return scale


@lru_cache(maxsize=4096)
def parse_quantity(text: str, scale: Scale, marks: Marks = EITHER_MARK) -> int:
    """Return the whole number of our unit's pieces: "12,50" euros are 1250.

    Unless `marks` say which is which, comma and point are both decimal marks, and "1,234", which could be either,
    is refused. Blanks group thousands in any case.
    """
    bare = _BLANKS.sub("", text).removesuffix("€")
    if bare.startswith("-"):
        raise BadCell("« {text} » est négatif : dites « remboursé » dans la colonne du statut.", text=text[:40])
    if _SHEET.fullmatch(bare):
        exact = Decimal(bare.replace(SHEET_MARK, "."))
    elif marks.decimal:
        exact = _marked(bare, text, marks)
    elif _NUMBER.fullmatch(bare):
        exact = _decimal(bare, text)
    else:
        raise BadCell("« {text} » n’est pas un nombre : écrivez par exemple 12,50.", text=text[:40])
    pieces = exact * scale[1]
    if pieces != pieces.to_integral_value():
        raise BadCell("« {text} » est plus précis que l’unité : arrondissez au centime ou à l’entier.", text=text[:40])
    if pieces > MAX_QUANTITY:
        raise BadCell("« {text} » est trop grand pour une ligne de relevé.", text=text[:40])
    return int(pieces)


def parse_cost(text: str, column: str, marks: Marks) -> int | None:
    """Return a cost in cents, None where there is none; `column` is the name of its column, which may say cents."""
    if not text:
        return None
    return parse_quantity(text, UNITS["cent" if plain(column).endswith(("cents", "centimes")) else "eur"], marks)


@lru_cache(maxsize=32)
def _pattern(marks: Marks) -> re.Pattern[str]:
    decimal, grouping = re.escape(marks.decimal), re.escape(marks.grouping)
    grouped = rf"[0-9]{{1,3}}(?:{grouping}[0-9]{{3}}){{1,5}}|" if grouping else ""
    return re.compile(rf"(?:{grouped}[0-9]{{1,18}})(?:{decimal}[0-9]{{1,18}})?")


def _marked(bare: str, text: str, marks: Marks) -> Decimal:
    """Return the number as the marks of the profile spell it, and no other way."""
    if not _pattern(marks).fullmatch(bare):
        raise BadCell(
            "« {text} » n’est pas un nombre écrit avec « {decimal} » pour les décimales : vérifiez les réglages de "
            "lecture.",
            text=text[:40],
            decimal=marks.decimal,
        )
    return Decimal(bare.replace(marks.grouping, "").replace(marks.decimal, "."))


def _decimal(bare: str, text: str) -> Decimal:
    marks = [mark for mark in bare if mark in ".,"]
    if len(marks) == 1 and _GROUPED.fullmatch(bare) and not bare.startswith("0"):
        raise BadCell(
            "« {text} » peut se lire de deux façons : écrivez les milliers sans séparateur "
            "et deux décimales, par exemple 1234,00.",
            text=text[:40],
        )
    if len(marks) > 1:
        if len(set(marks)) == 1 and _GROUPED.fullmatch(bare):  # 1.234.567
            return Decimal(bare.replace(marks[0], ""))
        whole, _, cents = bare.rpartition(marks[-1])
        if marks[-1] in whole or not _GROUPED.fullmatch(whole):
            raise BadCell("« {text} » n’est pas un nombre : écrivez par exemple 1234,56.", text=text[:40])
        bare = re.sub("[.,]", "", whole) + "." + cents
    return Decimal(bare.replace(",", "."))


def parse_reference(text: str, longest: int) -> str | None:
    """Return a reference as it stands, None when empty. A UUID is written in its one canonical form."""
    if not text:
        return None
    if len(text) > longest:
        raise BadCell("cette référence dépasse {longest} caractères : vérifiez la colonne.", longest=longest)
    text = text.replace(SHEET_MARK, ".")
    if not text.isprintable():
        raise BadCell("cette référence contient un caractère de contrôle : exportez le fichier à nouveau.")
    if _ROUNDED.fullmatch(text):
        raise BadCell(
            "« {text} » a été arrondi par un tableur : mettez la colonne au format texte et exportez à nouveau.",
            text=text,
        )
    if not _UUID.fullmatch(text):
        return text
    bare = text.lower()
    if len(bare) == 32:
        return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
    return bare


def named_order(text: str) -> str | None:
    """Return the order's id that a canonical reference spells, None when it spells none.

    After a reversal an order goes by its id with the 13th digit raised (`fulfilment.decide.reference`): an id is a
    UUIDv7, so that digit is put back to 7 where it is 8 or above.
    """
    if len(text) != 36 or text[8] != "-" or not _UUID.fullmatch(text):
        return None
    return text if text[14] < "8" else f"{text[:14]}7{text[15:]}"
