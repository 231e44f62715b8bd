"""One cell of a statement into one value, exactly. No floats; what can be read two ways is refused.

Every function raises BadCell with the remedy; the reader adds line and column.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from voucher_service.errors import ServiceError
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.reader.words import STATUSES, UNITS, LineStatus, Scale, plain
from voucher_service.units import MAX_QUANTITY

_NUMBER = re.compile(r"[0-9]{1,18}(?:[.,][0-9]+)*")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_BLANKS = re.compile(r"[ \u00a0\u202f\u2009]")
_ROUNDED = re.compile(r"[0-9][.,][0-9]+[eE]\+[0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SECOND = r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
_CLOCK = rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}}){_SECOND}"
_ZONE = r"(?P<zone>Z|z|[+-][0-9]{2}:?[0-9]{2})?"
_DATES = (
    re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?:[Tt ]{_CLOCK} ?{_ZONE})?"),
    re.compile(rf"(?P<day>[0-9]{{1,2}})[/.-](?P<month>[0-9]{{1,2}})[/.-](?P<year>[0-9]{{4}})(?: {_CLOCK} ?{_ZONE})?"),
)


class BadCell(ServiceError):
    """A cell cannot be read; the message is the remedy, in the reader's words."""


@lru_cache(maxsize=256)  # a file has few words and many lines
def parse_status(text: str) -> LineStatus:
    """Return what the partner's status word means."""
    status = STATUSES.get(plain(text))
    if status is None:
        raise BadCell("le statut « {text} » est inconnu : écrivez livré, refusé ou remboursé.", text=text[:40])
    return status


@lru_cache(maxsize=256)
def parse_scale(text: str) -> Scale:
    """Return our unit and the factor for the partner's unit word."""
    scale = UNITS.get(plain(text.replace("€", " eur ")))
    if scale is None:
        raise BadCell(
            "l’unité « {text} » est inconnue : écrivez EUR, centimes, Mo, Go, min, SMS ou pièce.", text=text[:40]
        )
    return scale


@lru_cache(maxsize=4096)
def parse_quantity(text: str, scale: Scale) -> int:
    """Return the whole number of our unit's pieces: "12,50" euros are 1250.

    Comma and point are both decimal marks; blanks group thousands. "1,234" could be either, so it is refused.
    """
    bare = _BLANKS.sub("", text).removesuffix("€")
    if bare.startswith("-"):
        raise BadCell("« {text} » est négatif : dites « remboursé » dans la colonne du statut.", text=text[:40])
    if not _NUMBER.fullmatch(bare):
        raise BadCell("« {text} » n’est pas un nombre : écrivez par exemple 12,50.", text=text[:40])
    pieces = _decimal(bare, text) * scale[1]
    if pieces != pieces.to_integral_value():
        raise BadCell("« {text} » est plus précis que l’unité : arrondissez au centime ou à l’entier.", text=text[:40])
    if pieces > MAX_QUANTITY:
        raise BadCell("« {text} » est trop grand pour une ligne de relevé.", text=text[:40])
    return int(pieces)


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


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant of a date: ISO 8601, or day/month/year with the clock.

    Without an offset the time is Europe/Paris; where the clock is set back, the first of the two hours is
    meant. A date without a time is its first instant in Paris.
    """
    found = _DATES[0].fullmatch(text) or _DATES[1].fullmatch(text)
    if found is None:
        raise BadCell(
            "la date « {text} » est illisible : écrivez 31/01/2026 14:05 ou 2026-01-31T14:05:00.", text=text[:40]
        )
    part = found.groupdict(default="0")
    try:
        local = datetime(
            year=int(part["year"]),
            month=int(part["month"]),
            day=int(part["day"]),
            hour=int(part["hour"]),
            minute=int(part["minute"]),
            second=int(part["second"]),
            microsecond=int(part["fraction"][:6].ljust(6, "0")),
            tzinfo=PROGRAMME_ZONE if part["zone"] == "0" else _offset(part["zone"]),
        )
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCell("la date « {text} » n’existe pas : vérifiez jour, mois et heure.", text=text[:40]) from error
    if not 2000 <= local.year <= 2199:
        raise BadCell("la date « {text} » est hors de l’époque : l’année va de 2000 à 2199.", text=text[:40])
    if instant.astimezone(local.tzinfo).replace(fold=0) != local.replace(fold=0):
        raise BadCell("l’heure « {text} » n’existe pas à Paris (passage à l’heure d’été).", text=text[:40])
    return instant


@lru_cache(maxsize=256)
def _offset(zone: str) -> timezone:
    if zone in {"Z", "z"}:
        return UTC
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if zone[0] == "-" else size)


def parse_reference(text: str, longest: int) -> str | None:
    """Return a reference as it stands, None when empty. A UUID is written in its one canonical form."""
    if not text:
        return None
    if len(text) > longest:
        raise BadCell("cette référence dépasse {longest} caractères : vérifiez la colonne.", longest=longest)
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
