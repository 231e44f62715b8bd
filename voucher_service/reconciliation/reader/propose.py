"""Propose how a file is to be read: the guess a person sees, corrects and keeps as the partner's profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from voucher_service.errors import N_, BadFile
from voucher_service.reconciliation.reader import look
from voucher_service.reconciliation.reader.header import best_row, header_of, join, known_places
from voucher_service.reconciliation.reader.light import light_faults
from voucher_service.reconciliation.reader.manner import DateForm
from voucher_service.reconciliation.reader.profile import Control, Kind, Profile
from voucher_service.reconciliation.reader.rows import Row, rows
from voucher_service.reconciliation.reader.sources.text import Text
from voucher_service.reconciliation.reader.words import (
    BALANCES,
    POINTERS,
    QUANTITY_UNITS,
    REQUIRED,
    STATUSES,
    TRAILER,
    Field,
    LineStatus,
    plain,
)

SAMPLE = 2_000  # rows that are looked at
SHOWN = 20
_BEFORE = 50
_OPENING = frozenset({"h", "hdr", "header", "entete", "en tete", "debut", "start", "begin", "e"})
_CLOSING = TRAILER | {"t", "trl", "tr", "f", "z", "footer"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A guess. `doubts` names what could not be told, by the field of the form: a person must say so first.

    `notes` are what a person should look at. `words` are the words of state in the file with their meaning, None where
    nobody knows it. `top` are the first rows as they stand, `lines` the first below the header.
    """

    profile: Profile
    top: list[Row]
    lines: list[Row]
    words: dict[str, LineStatus | None]
    doubts: dict[str, str]
    notes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the lines are, as a person says: which separator, how many lines above, how many rows of names."""

    separator: str
    skip: int
    header_rows: int


@light_faults()
def propose(text: Text, shape: Shape | None = None) -> Proposal:
    """Return a guess at how the file is to be read; at its shape too, unless that is told.

    Raises:
        BadFile: it has no rows at all.
    """
    profile, line = _told(text, shape) if shape else _shape(text)
    top, sample = _rows(text, profile, line)
    opening, closing, sample = _controls(sample, profile)
    profile = replace(profile, opening=opening, closing=closing)
    cells = [row.cells for row in sample]
    places = look.telephones(profile.names, profile.columns, cells)
    profile = replace(profile, columns=look.fill(places, cells))
    if Field.UNIT not in profile.columns:
        profile = replace(profile, unit=_unit(profile, cells))
    decimal, grouping = look.marks(look.column(cells, profile.columns.get(Field.QUANTITY)))
    profile = replace(profile, decimal=decimal, grouping=grouping)
    said = look.column(cells, profile.columns.get(Field.EVENT_AT))
    form = look.date_form(said) or look.date_form(said, faults=len(said) // 3)
    profile = replace(profile, dates=form or DateForm.AUTO)
    words = {word: STATUSES.get(word) for word in look.words(look.column(cells, profile.columns.get(Field.STATUS)))}
    doubts = _doubts(profile, form=form, words=words)
    notes = _notes(said) | _alone(profile)
    return Proposal(replace(profile, decimal=decimal.strip("?")), top, sample[:SHOWN], words, doubts, notes)


@light_faults()
def review(text: Text, profile: Profile) -> Proposal:
    """Return what stands in the file for a profile that is not a guess: the rows and the words to show beside it.

    Raises:
        BadFile: the header is not the profile's.
    """
    top, sample = _rows(text, profile, header_of(profile, text).line)
    cells = [row.cells for row in sample]
    seen = look.words(look.column(cells, profile.columns.get(Field.STATUS)))
    words = {word: profile.statuses.get(word) or STATUSES.get(word) for word in seen}
    return Proposal(profile, top, sample[:SHOWN], words, {}, {})


def _shape(text: Text) -> tuple[Profile, int]:
    """Return kind, separator and header, and the line of the header; columns only as far as their names tell."""
    try:
        row, separator, made_of = best_row(text)
        places = known_places(row)
        names = tuple(cell[:200] for cell in row.cells)
        width = max(i + 1 for i, cell in enumerate(names) if cell)
    except BadFile:
        return _nameless(text)
    found = Profile(kind=text.kind, separator=_kept(text, separator), header_rows=made_of)
    return replace(found, names=names[:width], width=width, columns=places), row.line


def _told(text: Text, shape: Shape) -> tuple[Profile, int]:
    """Return the shape that a person said."""
    separator = shape.separator or text.separators[0]
    size = shape.skip + _BEFORE
    first = list(islice(rows(text.content, text.encoding, separator, size), size))
    below = [row for row in first if row.line > shape.skip and any(row.cells)]
    if not below:
        raise BadFile("il n’y a aucune ligne après celles que l’on passe.", line=shape.skip + 1)
    found = Profile(kind=text.kind, separator=_kept(text, separator), skip=shape.skip, header_rows=shape.header_rows)
    if not shape.header_rows:
        width = Counter(len(row.cells) for row in below).most_common(1)[0][0]
        return replace(found, width=width), shape.skip
    row = join(below[0], below[1]) if shape.header_rows == 2 and len(below) > 1 else below[0]
    names = tuple(cell[:200] for cell in row.cells)
    return replace(found, names=names, width=len(names), columns=known_places(row)), row.line


def _nameless(text: Text) -> tuple[Profile, int]:
    """Return the shape of a file whose names nobody knows: the width that most rows have, and where it begins."""
    best: tuple[int, int, str, list[Row]] | None = None
    for separator in text.separators:
        try:
            first = list(islice(rows(text.content, text.encoding, separator, _BEFORE), _BEFORE))
        except BadFile:
            continue
        widths = Counter(len(row.cells) for row in first if any(row.cells)) or Counter([0])
        width, times = widths.most_common(1)[0]
        score = times * (width - 1)
        if width > 1 and (best is None or score > best[0]):
            best = (score, width, separator, first)
    if best is None:
        raise BadFile("ce fichier n’a pas de colonnes : vérifiez le séparateur.", line=1)
    _, width, separator, first = best
    at = next(i for i, row in enumerate(first) if len(row.cells) == width)
    shape = Profile(kind=text.kind, separator=_kept(text, separator), width=width)
    row = first[at]
    below = [one.cells for one in first[at + 1 : at + 6] if len(one.cells) == width]
    if below and look.seems_header(row.cells, below):
        return replace(shape, names=tuple(cell[:200] for cell in row.cells), skip=row.line - 1), row.line
    # A row above that announces the file is not skipped: it is read.
    above = [one for one in first[:at] if any(one.cells) and plain(one.cells[0]) not in _OPENING]
    skip = above[-1].line if above else 0
    return replace(shape, header_rows=0, skip=skip), skip


def _kept(text: Text, separator: str) -> str:
    return separator if text.kind is Kind.CSV else ""


def _rows(text: Text, profile: Profile, line: int) -> tuple[list[Row], list[Row]]:
    """Return the first rows as they stand, and those below `line`."""
    separator = profile.separator or text.separators[0]
    every: list[Row] = []
    try:
        every.extend(islice(rows(text.content, text.encoding, separator, SAMPLE), SAMPLE))
    except BadFile:
        if not every:
            raise
    filled = [row for row in every if any(row.cells)]
    lines = [row for row in filled if plain(next(filter(None, row.cells))) not in _balance_marks(profile)]
    return filled[:SHOWN], [row for row in lines if row.line > line]


def _balance_marks(profile: Profile) -> Container[str]:
    return BALANCES if profile.balance is None else {plain(profile.balance.mark)}


def _controls(sample: list[Row], profile: Profile) -> tuple[Control | None, Control | None, list[Row]]:
    """Return the rows that announce, where the file has no names for them, and the rows without them."""
    if len(sample) < 2:
        return None, None, sample
    first, last = sample[0], sample[-1]
    if profile.header_rows:
        ends = plain(next(filter(None, last.cells), "")) in _CLOSING
        return None, None, sample[:-1] if ends else sample
    opens = len(first.cells) != profile.width and plain(first.cells[0]) in _OPENING
    closes = len(last.cells) != profile.width and plain(last.cells[0]) in _CLOSING
    lines = sample[1 if opens else 0 : -1 if closes else None]
    return _control(first, lines) if opens else None, _control(last, lines) if closes else None, lines


def _control(row: Row, lines: Sequence[Row]) -> Control:
    """Return where the row announces the number of lines; the sum is for a person to say."""
    count = next((i + 1 for i, cell in enumerate(row.cells) if cell.isdigit() and int(cell) == len(lines)), None)
    return Control(row.cells[0], count=count)


def _unit(profile: Profile, cells: list[list[str]]) -> str:
    place = profile.columns.get(Field.QUANTITY)
    if place is None or plain(profile.name_of(place)) in QUANTITY_UNITS:
        return ""
    told = look.column(cells, place)
    return "EUR" if told and all("€" in text for text in told) else ""


def _notes(said: list[str]) -> dict[str, str]:
    if not look.either_way(said):
        return {}
    return {"dates": N_("Le jour et le mois pourraient s’échanger : vérifiez les dates ci-dessous.")}


def _alone(profile: Profile) -> dict[str, str]:
    """Return the note that no line can be matched by itself."""
    if any(name in profile.columns for name in POINTERS if name is not Field.NUMBER):
        return {}
    told = N_("Sans référence, aucune ligne n’est rapprochée d’elle-même : une personne le fera, une à une.")
    return {"column_our_ref": told} if Field.NUMBER in profile.columns else {}


def _doubts(profile: Profile, *, form: DateForm | None, words: dict[str, LineStatus | None]) -> dict[str, str]:
    doubts = {
        f"column_{name.value}": N_("Nous n’avons pas trouvé cette colonne : choisissez-la.")
        for name in REQUIRED
        if name not in profile.columns
    }
    if not any(name in profile.columns for name in POINTERS):
        doubts["column_our_ref"] = N_("Nous n’avons trouvé aucune référence : choisissez sa colonne.")
    if Field.QUANTITY in profile.columns and Field.UNIT not in profile.columns and profile.scale() is None:
        doubts["unit"] = N_("Rien ne dit en quelle unité sont les quantités : choisissez-la.")
    if Field.EVENT_AT in profile.columns and form is None:
        doubts["dates"] = N_("Nous n’avons pas su lire les dates : choisissez leur forme.")
    if profile.decimal == "?":
        doubts["decimal"] = N_("« 1,234 » peut se lire de deux façons : choisissez le signe des décimales.")
    if None in words.values():
        doubts["words"] = N_("Un mot de statut nous est inconnu : dites ce qu’il veut dire.")
    return doubts
