"""The form of a reader profile: its choices in words, and what was sent made into a profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput
from voucher_service.reconciliation.explain import LINE_WORDS
from voucher_service.reconciliation.reader.manner import SHEET_MARK, DateForm
from voucher_service.reconciliation.reader.numbers import hidden
from voucher_service.reconciliation.reader.profile import BalanceRow, Control, Profile, check, from_json
from voucher_service.reconciliation.reader.propose import Proposal, Shape, propose, review
from voucher_service.reconciliation.reader.sources.text import Text
from voucher_service.reconciliation.reader.words import Field as Column
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.web import doors

_SAID = "said:"
_MOST = 20_000
UNITS = ("EUR", "centimes", "Mo", "Go", "min", "SMS", "pièce")


class Sent(BaseModel):
    """What the form of a profile sends. Columns count from 0; "" is what was not chosen."""

    settings: str = Field(min_length=2, max_length=_MOST)
    separator: str = Field(default="", max_length=8)
    sheet: str = Field(default="", max_length=200)
    skip: int = Field(default=0, ge=0, le=50)
    header_rows: int = Field(default=1, ge=0, le=2)
    column_line: int | None = Field(default=None, ge=0, le=99)
    column_our_ref: int | None = Field(default=None, ge=0, le=99)
    column_partner_ref: int | None = Field(default=None, ge=0, le=99)
    column_serial: int | None = Field(default=None, ge=0, le=99)
    column_status: int | None = Field(default=None, ge=0, le=99)
    column_quantity: int | None = Field(default=None, ge=0, le=99)
    column_unit: int | None = Field(default=None, ge=0, le=99)
    column_event_at: int | None = Field(default=None, ge=0, le=99)
    column_count: int | None = Field(default=None, ge=0, le=99)
    column_product: int | None = Field(default=None, ge=0, le=99)
    column_cost: int | None = Field(default=None, ge=0, le=99)
    column_number: int | None = Field(default=None, ge=0, le=99)
    unit: str = Field(default="", max_length=20)
    decimal: str = Field(default="", max_length=1)
    grouping: str = Field(default="", max_length=1)
    encoding: str = Field(default="", max_length=20)
    dates: DateForm = DateForm.AUTO
    zone: str = Field(default="Europe/Paris", max_length=60)
    opening_mark: str = Field(default="", max_length=40)
    opening_count: int | None = Field(default=None, ge=1, le=100)
    opening_total: int | None = Field(default=None, ge=1, le=100)
    opening_number: int | None = Field(default=None, ge=1, le=100)
    closing_mark: str = Field(default="", max_length=40)
    closing_count: int | None = Field(default=None, ge=1, le=100)
    closing_total: int | None = Field(default=None, ge=1, le=100)
    closing_number: int | None = Field(default=None, ge=1, le=100)
    balance_mark: str = Field(default="", max_length=40)
    balance_gift: int | None = Field(default=None, ge=1, le=100)
    balance_closing: int | None = Field(default=None, ge=1, le=100)


def read_settings(text: str) -> Profile:
    """Return the profile that a page carried. Raises BadInput when it is none."""
    try:
        return from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("Ces réglages ne se lisent pas : reprenez depuis le fichier.", field="settings") from None


@dataclass(frozen=True, slots=True)
class Told:
    """What the form says: a proposal to show, and what is still wrong with it, by field."""

    proposal: Proposal
    errors: dict[str, str]


def separator_of(word: str) -> str:
    """Return the separator a form names: a tab cannot be typed."""
    return "\t" if word == "tab" else word


def told(text: Text, sent: Sent) -> Told:
    """Return the profile that the form describes for this file.

    Where the shape changed (separator, sheet, lines above, rows of names), the columns that were chosen stood
    elsewhere: they are proposed anew.
    """
    before = read_settings(sent.settings)
    separator = separator_of(sent.separator)
    same = (before.separator, before.sheet, before.skip, before.header_rows) == (
        separator, sent.sheet, sent.skip, sent.header_rows,
    )  # fmt: skip
    if not same:
        proposal = propose(text, Shape(separator, sent.skip, sent.header_rows))
        return Told(replace(proposal, profile=replace(proposal.profile, sheet=sent.sheet)), {})
    columns = {name: place for name in Column if (place := getattr(sent, f"column_{name.value}")) is not None}
    profile = replace(
        before,
        columns=columns,
        unit="" if Column.UNIT in columns else sent.unit,
        decimal=sent.decimal,
        grouping=sent.grouping,
        encoding=sent.encoding,
        dates=sent.dates,
        zone=sent.zone,
        statuses=_words(before),
        opening=_control(sent, "opening"),
        closing=_control(sent, "closing"),
        balance=_balance(sent),
    )
    proposal = review(text, profile)
    try:
        check(profile)
    except BadInput as error:
        return Told(proposal, doors.faults_of(error))
    if None in proposal.words.values():
        return Told(proposal, {"words": _("Dites ce que veut dire chaque mot de statut.")})
    return Told(proposal, {})


def _words(before: Profile) -> dict[str, LineStatus]:
    words = dict(before.statuses)
    for name, value in request.form.items():
        if name.startswith(_SAID) and len(name) < 200:
            word = name.removeprefix(_SAID)
            words.pop(word, None)
            if value in {status.value for status in LineStatus}:
                words[word] = LineStatus(value)
    return dict(list(words.items())[:100])


def _control(sent: Sent, which: str) -> Control | None:
    mark = getattr(sent, f"{which}_mark")
    places = {name: getattr(sent, f"{which}_{name}") for name in ("count", "total", "number")}
    if not mark and any(place is not None for place in places.values()):
        raise doors.BadForm({f"{which}_mark": _("Écrivez par quoi la ligne commence, comme TOTAL.")})
    return Control(mark, **places) if mark else None


def _balance(sent: Sent) -> BalanceRow | None:
    if not sent.balance_mark and sent.balance_gift is None and sent.balance_closing is None:
        return None
    if not sent.balance_mark:
        raise doors.BadForm({"balance_mark": _("Écrivez par quoi la ligne commence, comme SOLDE.")})
    places = {"balance_gift": sent.balance_gift, "balance_closing": sent.balance_closing}
    missing = {name: _("Écrivez le numéro d’une colonne, à partir de 1.") for name, at in places.items() if at is None}
    if missing:
        raise doors.BadForm(missing)
    return BalanceRow(sent.balance_mark, sent.balance_gift or 0, sent.balance_closing or 0)


def named(faults: dict[str, str], fields: list[tuple[Column, str, bool]]) -> dict[str, str]:
    """Return the sentences, each with the name of its column before it where it is about one."""
    labels = {f"column_{name.value}": label for name, label, _needed in fields}
    return {name: f"{labels[name]} : {words}" if name in labels else words for name, words in faults.items()}


def as_written(cells: Sequence[str], profile: Profile | None = None) -> list[str]:
    """Return cells as a person sees them: a number of a workbook has a comma, not the mark we know it by.

    Of a telephone number, and of all that stands in its column of the profile, the last two digits are shown.
    """
    place = profile.columns.get(Column.NUMBER) if profile else None
    return [hidden(cell, always=at == place).replace(SHEET_MARK, ",") for at, cell in enumerate(cells)]


def choices(proposal: Proposal, text: Text) -> dict[str, Any]:
    """Return the choices of the form, each a list of (value, words)."""
    profile = proposal.profile
    columns = []
    for place in range(profile.width):
        found = next((row.cells[place] for row in proposal.lines if place < len(row.cells) and row.cells[place]), "")
        shown = as_written([""] * place + [found], profile)[place]
        name = profile.names[place] if place < len(profile.names) else ""
        title = _("Colonne %(n)s", n=place + 1) + (f" : {name}" if name else "")
        columns.append((place, f"{title} – {shown[:30]}" if shown else title))
    return {
        "columns": columns,
        "fields": [
            (Column.OUR_REF, _("Notre référence"), False),
            (Column.PARTNER_REF, _("Votre référence de transaction"), False),
            (Column.SERIAL, _("Numéro de série du code"), False),
            (Column.QUANTITY, _("Quantité ou montant"), True),
            (Column.UNIT, _("Unité"), False),
            (Column.STATUS, _("Statut"), True),
            (Column.EVENT_AT, _("Date"), True),
            (Column.LINE, _("Numéro de ligne"), False),
            (Column.COUNT, _("Nombre de recharges, si une ligne en regroupe plusieurs"), False),
            (Column.PRODUCT, _("Code du produit, s’il est celui de nos offres"), False),
            (Column.COST, _("Coût que vous comptez, en euros (en centimes si son nom le dit)"), False),
            (Column.NUMBER, _("Numéro de téléphone rechargé"), False),
        ],
        "separators": [
            (";", _("Point-virgule")), (",", _("Virgule")), ("tab", _("Tabulation")), ("|", _("Barre verticale")),
        ],
        "sheets": [(name, name) for name in text.sheets],
        "header_rows": [(1, _("Une ligne")), (2, _("Deux lignes (cellules fusionnées)")), (0, _("Aucune"))],
        "units": [(name, name) for name in UNITS],
        "decimals": [(",", _("Virgule : 12,50")), (".", _("Point : 12.50"))],
        "groupings": [(".", _("Point : 1.234,50")), (",", _("Virgule : 1,234.50")), ("'", _("Apostrophe : 1'234.50"))],
        "encodings": [("utf-8", "UTF-8"), ("windows-1252", "Windows-1252"), ("utf-16", "UTF-16")],
        "dates": [
            (DateForm.AUTO.value, _("Comme trouvées : 31/01/2026 ou 2026-01-31")),
            (DateForm.DAY_FIRST.value, _("Jour, mois, année : 31/01/26")),
            (DateForm.MONTH_FIRST.value, _("Mois, jour, année : 01/31/2026 2:05 PM")),
            (DateForm.YEAR_FIRST.value, _("Année, mois, jour : 2026/1/31")),
            (DateForm.COMPACT.value, _("D’un seul tenant : 20260131140500")),
            (DateForm.SHEET.value, _("Nombre de jours d’un tableur : 46053,58")),
            (DateForm.UNIX.value, _("Secondes depuis 1970 : 1769864700")),
        ],
        "meanings": [
            (status.value, _(LINE_WORDS[status.value])) for status in LineStatus
        ],
    }  # fmt: skip
