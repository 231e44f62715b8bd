"""Telephone numbers of a statement: every way of writing one, and that none stands in clear where people look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.statements.shapes import SHAPES
from voucher_service.errors import BadFile, BadInput
from voucher_service.people.phones import read_mobile
from voucher_service.reconciliation.reader import numbers
from voucher_service.reconciliation.reader.columns import Columns
from voucher_service.reconciliation.reader.numbers import hidden, hide_within, is_number, read_number
from voucher_service.reconciliation.reader.profile import check
from voucher_service.reconciliation.reader.propose import propose
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.sources.text import open_text
from voucher_service.reconciliation.reader.words import Field

WRITTEN = (
    "0639980042", "06 39 98 00 42", "06.39.98.00.42", "06-39-98-00-42", "+33639980042", "+33 6 39 98 00 42",
    "+33 (0)6 39 98 00 42", "0033639980042", "33639980042", "639980042", "639980042\u066b0", "06\u00a039\u202f98 00 42",
)  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_every_way_of_writing_is_the_one_number_that_orders_carry(text: str) -> None:
    assert read_number(text) == "+33639980042" == read_mobile("06 39 98 00 42")


@pytest.mark.parametrize("text", ["+262 692 12 34 56", "00262692123456", "262692123456", "0692123456", "+32470123456"])
def test_those_of_overseas_and_abroad_keep_their_country(text: str) -> None:
    assert read_number(text) == read_mobile("+32470123456" if "470" in text else "+262692123456")


def test_of_a_masked_number_the_end_is_kept_and_what_cannot_be_read_is_left_out() -> None:
    shown = ("06****12", "06 •• •• •• 12", "+336xxxxxx12", "XXXXXXXX12", "06 12…12")
    assert [read_number(text) for text in shown] == ["12"] * len(shown)
    left_out = ("06********", "", "–", "inconnu", "12", "6,3998E+08", "06399800", "TX-1001", "**1*")
    assert [read_number(text) for text in left_out] == [None] * len(left_out)


def test_what_is_shown_or_said_of_a_number_is_its_last_two_digits() -> None:
    assert [hidden(text) for text in WRITTEN[:9]] == ["•• 42"] * 9
    assert hidden("639980042", always=True) == "•• 42"
    assert hidden("TX-0042") == "TX-0042"
    assert hidden("MSISDN", always=True) == "MSISDN"
    assert hide_within("tel:+33 6 39 98 00 42, 0639980043") == "tel:•• 42, •• 43"
    for other in (
        "0012345678",
        "893301234567890124",
        "01900000-0000-7000-8000-00000000aa01",
        "12,50",
        "20260313081100",
    ):
        assert not is_number(other)
        assert hide_within(other) == other


HEAD = "référence client;msisdn;montant eur;statut;date\n"
DAY = "10/03/2026 12:00"


def rows(content: str) -> Iterator[tuple[object, ...]]:
    found: list[Columns] = []
    read(content.encode(), found.append)
    for columns in found:
        yield from columns.rows()


def test_a_line_without_reference_is_known_by_its_number_and_the_sample_by_its_end() -> None:
    """Read all at once, and one by one (the quote)."""
    for mark in ("", '"'):
        content = f"{HEAD}{mark}A{mark};;10;OK;{DAY}\n;06 39 98 00 42;10;OK;{DAY}\n;06****43;10;OK;{DAY}\n"
        assert [row[-2] for row in rows(content)] == [None, "+33639980042", "43"]
        assert [line.number for line in read(content.encode()).sample] == [None, "42", "43"]
    with pytest.raises(BadFile, match="aucune référence") as caught:
        read(f"{HEAD};inconnu;10;OK;{DAY}\n".encode())
    assert caught.value.line == 2


def test_no_message_quotes_a_number() -> None:
    for bad in (
        f"{HEAD}A;x;+33639980042;OK;{DAY}\n",
        f"{HEAD}A;x;10;06 39 98 00 42;{DAY}\n",
        f"{HEAD}A;x;10;OK;+33639980042\n",
        f"ligne;{HEAD}0639980042;A;x;10;OK;{DAY}\n0639980099;A;x;10;OK;{DAY}\n",
    ):
        with pytest.raises(BadFile) as caught:
            read(bad.encode())
        assert "•• " in str(caught.value)
        assert "9800" not in str(caught.value).replace(" ", "")


def test_a_message_would_quote_it_unhidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault of the test above."""
    monkeypatch.setattr(numbers, "_RUN", re.compile("(?!)"))
    with pytest.raises(BadFile, match="33639980042"):
        read(f"{HEAD}A;x;+33639980042;OK;{DAY}\n".encode())


def test_references_that_are_numbers_are_refused_since_a_line_keeps_them_in_clear() -> None:
    for first in ("0639980042", "+33639980042"):
        with pytest.raises(BadFile, match="numéros de téléphone") as caught:
            read(f"{HEAD}{first};;10;OK;{DAY}\n0639980043;;10;OK;{DAY}\n".encode())
        assert (caught.value.line, caught.value.column) == (2, "référence client")
    assert read(f"{HEAD}0639980042;;10;OK;{DAY}\nA;;10;OK;{DAY}\n".encode()).count == 2  # one that only looks like it


def test_the_guess_knows_the_column_by_its_name_or_by_what_stands_there() -> None:
    line = f"TX-1;06 39 98 00 42;12,50;Livré;{DAY}\nTX-2;+33639980043;12,50;Livré;{DAY}\n"
    for name in ("Téléphone", "N° de téléphone", "MSISDN", "Phone number", "Numéro", "Numéro de ligne", "Appelé"):
        proposal = propose(open_text(f"Identifiant transaction;{name};Montant EUR;Statut;Date\n{line}".encode()))
        assert (proposal.profile.columns[Field.NUMBER], proposal.doubts) == (1, {}), name
        assert Field.LINE not in proposal.profile.columns
    counted = "Identifiant transaction;Numéro de ligne;Montant EUR;Statut;Date\nTX-1;1;12,50;Livré;01/02/2026\n"
    assert propose(open_text(counted.encode())).profile.columns[Field.LINE] == 1
    nothing_else = propose(open_text(f"{HEAD};0639980042;10;OK;{DAY}\n".replace("référence client", "Info").encode()))
    assert "column_our_ref" in nothing_else.notes


def test_a_row_of_lines_is_not_kept_as_the_names_of_columns() -> None:
    guess = propose(open_text(SHAPES["french_semicolons"]().content)).profile
    with pytest.raises(BadInput):
        check(replace(guess, names=(*guess.names, "06 39 98 00 42"), width=guess.width + 1))
