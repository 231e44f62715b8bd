"""How one partner's files are to be read: data, kept in versions, written as JSON. Imports no tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from voucher_service.errors import BadInput
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.reader.manner import DateForm, Dates, Manner, Marks
from voucher_service.reconciliation.reader.numbers import is_number
from voucher_service.reconciliation.reader.words import (
    POINTERS,
    QUANTITY_UNITS,
    REQUIRED,
    UNITS,
    Field,
    LineStatus,
    Scale,
    plain,
)

ENCODINGS = ("utf-8", "utf-8-sig", "windows-1252", "utf-16", "utf-16-le", "utf-16-be")
SEPARATORS = (";", ",", "\t", "|")
GROUPINGS = ("", ".", ",", "'")
MOST_COLUMNS = 100
_MOST_WORDS = 60
_LONGEST = 200


class Kind(StrEnum):
    """What the file is."""

    CSV = "csv"
    XLSX = "xlsx"
    LIST = "list"  # what the partner's own service listed, one JSON object a line


@dataclass(frozen=True, slots=True)
class Control:
    """A row that begins with `mark` and announces; columns count from 1, None where it says nothing of the kind."""

    mark: str
    count: int | None = None
    total: int | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """The rows that say what is left of a gift begin with `mark`; the columns count from 1."""

    mark: str
    gift: int
    closing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`names` is the header as it stood when this was made, empty where there is none; `columns` count from 0.

    With names, a column is found by its name wherever it stands; without, by its place, and each line must then be
    `width` cells long. "" for encoding, separator, sheet and marks means: as found, where it can be found.
    """

    kind: Kind = Kind.CSV
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    skip: int = 0  # lines above the header, or above the first line
    header_rows: int = 1
    names: tuple[str, ...] = ()
    width: int = 0
    columns: Mapping[Field, int] = field(default_factory=dict)
    unit: str = ""
    decimal: str = ""
    grouping: str = ""
    dates: DateForm = DateForm.AUTO
    zone: str = PROGRAMME_ZONE.key
    statuses: Mapping[str, LineStatus] = field(default_factory=dict)
    opening: Control | None = None
    closing: Control | None = None
    balance: BalanceRow | None = None

    @property
    def manner(self) -> Manner:
        """Return how it writes values."""
        words = tuple(sorted(self.statuses.items()))
        return Manner(Marks(self.decimal, self.grouping), Dates(self.dates, self.zone), words)

    def name_of(self, place: int) -> str:
        """Return the name of a column, its number where it has none."""
        name = self.names[place] if place < len(self.names) else ""
        return name or str(place + 1)

    def scale(self) -> Scale | None:
        """Return the one unit of the file; None when a column names it."""
        if Field.UNIT in self.columns:
            return None
        if self.unit:
            return UNITS.get(plain(self.unit))
        return QUANTITY_UNITS.get(plain(self.name_of(self.columns[Field.QUANTITY])))

    def to_json(self) -> str:
        """Return the profile as text, the same for the same profile."""
        return json.dumps(_told(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _told(profile: Profile) -> dict[str, Any]:
    def control(one: Control | None) -> dict[str, Any] | None:
        return None if one is None else {n: getattr(one, n) for n in ("mark", "count", "total", "number")}

    # Left out where there is none, so that a version of before it stays the same text.
    told = profile.balance
    balance = {} if told is None else {"balance": {n: getattr(told, n) for n in ("mark", "gift", "closing")}}
    plain_ones = (
        "encoding",
        "separator",
        "sheet",
        "skip",
        "header_rows",
        "width",
        "unit",
        "decimal",
        "grouping",
        "zone",
    )
    return (
        {name: getattr(profile, name) for name in plain_ones}
        | {
            "kind": profile.kind.value,
            "names": list(profile.names),
            "columns": {name.value: place for name, place in profile.columns.items()},
            "dates": profile.dates.value,
            "statuses": {word: status.value for word, status in profile.statuses.items()},
            "opening": control(profile.opening),
            "closing": control(profile.closing),
        }
        | balance
    )


def from_json(text: str) -> Profile:
    """Return the profile that `to_json` wrote. Raises ValueError, KeyError or TypeError when it did not."""
    told = json.loads(text)
    return Profile(
        **{
            **told,
            "kind": Kind(told["kind"]),
            "names": tuple(told["names"]),
            "columns": {Field(name): place for name, place in told["columns"].items()},
            "dates": DateForm(told["dates"]),
            "statuses": {word: LineStatus(status) for word, status in told["statuses"].items()},
            "opening": Control(**told["opening"]) if told["opening"] else None,
            "closing": Control(**told["closing"]) if told["closing"] else None,
            "balance": BalanceRow(**told["balance"]) if told.get("balance") else None,
        }
    )


@dataclass(frozen=True, slots=True)
class Changed:
    """How a header differs from the profile's: columns that were not there, are gone, or stand elsewhere."""

    new: list[str]
    gone: list[str]
    moved: list[str]

    def __bool__(self) -> bool:
        """Say whether anything changed."""
        return bool(self.new or self.gone or self.moved)


def changes(profile: Profile, header: tuple[str, ...]) -> Changed:
    """Return how the header of a file differs from the one the profile was made from."""
    if not profile.header_rows:
        return Changed([], [], [])
    before = {plain(name): place for place, name in enumerate(profile.names) if name}
    now = {plain(name): place for place, name in enumerate(header) if name}
    return Changed(
        new=[header[place] for name, place in now.items() if name not in before],
        gone=[profile.names[place] for name, place in before.items() if name not in now],
        moved=[header[place] for name, place in now.items() if before.get(name, place) != place],
    )


def check(profile: Profile) -> Profile:
    """Return the profile if a file can be read with it.

    Raises:
        BadInput: naming the field of the form that is missing or wrong.
    """
    for name in REQUIRED:
        if name not in profile.columns:
            raise BadInput("Choisissez la colonne qui le dit.", field=f"column_{name.value}")
    if not any(name in profile.columns for name in POINTERS):
        raise BadInput(
            "Choisissez au moins une colonne de références : la nôtre, la vôtre ou le numéro de série.",
            field=f"column_{Field.OUR_REF.value}",
        )
    _check_places(profile)
    if Field.UNIT not in profile.columns and profile.scale() is None:
        raise BadInput("Choisissez l’unité, ou la colonne qui la dit.", field="unit")
    if profile.grouping and profile.grouping == profile.decimal:
        raise BadInput("Le même signe ne peut séparer les milliers et les décimales.", field="grouping")
    if profile.grouping and not profile.decimal:
        raise BadInput("Choisissez aussi le signe des décimales.", field="decimal")
    _check_words(profile)
    _check_controls(profile)
    return profile


def _check_places(profile: Profile) -> None:
    seen: dict[int, Field] = {}
    for name, place in profile.columns.items():
        if not 0 <= place < max(profile.width, 1):
            raise BadInput("Cette colonne n’existe pas dans le fichier.", field=f"column_{name.value}")
        if place in seen:
            raise BadInput("Cette colonne est déjà choisie pour autre chose.", field=f"column_{name.value}")
        seen[place] = name
    if not 0 <= profile.skip <= 50 or profile.header_rows not in {0, 1, 2} or profile.width > MOST_COLUMNS:
        raise BadInput("Passez 0 à 50 lignes.", field="skip")


def _check_words(profile: Profile) -> None:
    closed = (("encoding", ENCODINGS), ("separator", SEPARATORS), ("decimal", (",", ".")), ("grouping", GROUPINGS))
    for name, allowed in closed:
        if getattr(profile, name) not in ("", *allowed):
            raise BadInput("Choisissez une des réponses proposées.", field=name)
    try:
        ZoneInfo(profile.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput("Écrivez un fuseau comme Europe/Paris ou America/New_York.", field="zone") from None
    if len(profile.statuses) > _MOST_WORDS:
        raise BadInput("Trop de mots différents : est-ce la bonne colonne ?", field=f"column_{Field.STATUS.value}")
    if any(map(is_number, profile.names)):
        raise BadInput("Cette ligne ne nomme pas les colonnes : elle contient un numéro.", field="header_rows")
    if any(len(text) > _LONGEST for text in (profile.sheet, *profile.names)):
        raise BadInput("Un nom de colonne est trop long.", field="skip")


def _check_controls(profile: Profile) -> None:
    for where, control in (("opening", profile.opening), ("closing", profile.closing)):
        if control is None:
            continue
        if not plain(control.mark) or len(control.mark) > 40:
            raise BadInput("Écrivez par quoi la ligne commence, comme TOTAL.", field=f"{where}_mark")
        for name in ("count", "total", "number"):
            place = getattr(control, name)
            if place is not None and not 1 <= place <= MOST_COLUMNS:
                raise BadInput("Écrivez le numéro d’une colonne, à partir de 1.", field=f"{where}_{name}")
    if profile.balance is None:
        return
    if not plain(profile.balance.mark) or len(profile.balance.mark) > 40:
        raise BadInput("Écrivez par quoi la ligne commence, comme TOTAL.", field="balance_mark")
    for name in ("gift", "closing"):
        if not 1 <= getattr(profile.balance, name) <= MOST_COLUMNS:
            raise BadInput("Écrivez le numéro d’une colonne, à partir de 1.", field=f"balance_{name}")
