"""Ten shapes of file, one meaning: through the guess, and through the profile kept from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.statements.shapes import LINES, SHAPES, Said, Shape
from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.parsed import Parsed
from voucher_service.reconciliation.reader.profile import Profile, check, from_json
from voucher_service.reconciliation.reader.propose import propose
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.sources.text import open_text
from voucher_service.reconciliation.reader.words import LineStatus
from voucher_service.units import Unit


def profile_of(shape: Shape) -> Profile:
    """The guess, with what a person said about it, after a journey through the database."""
    told = dict(shape.told)
    guess = propose(open_text(shape.content)).profile
    columns = {**guess.columns, **told.pop("columns", {})}
    statuses = {word: LineStatus(status) for word, status in told.pop("statuses", {}).items()}
    return from_json(check(replace(guess, columns=columns, statuses=statuses, **told)).to_json())


def meaning(parsed: Parsed) -> list[Said]:
    assert {line.unit for line in parsed.sample} == {Unit.EUR_CENT}
    return [
        Said(line.our_ref or "", line.partner_ref or "", line.status.value, line.quantity, line.event_at)
        for line in parsed.sample
    ]


@pytest.mark.parametrize("name", SHAPES)
def test_the_kept_profile_gives_the_same_lines(name: str) -> None:
    shape = SHAPES[name]()
    parsed = read(shape.content, profile=profile_of(shape))
    assert meaning(parsed) == LINES
    assert parsed.sample[0].line == shape.first_line
    assert parsed.number == (12 if name == "pipes_of_a_mainframe" else None)
    tails = ["42", "43", "44", "45"] if name == "serial_book" else [None] * len(LINES)
    assert [line.number for line in parsed.sample] == tails


PEOPLE_MUST_SAY = {"american_commas", "pipes_of_a_mainframe", "own_words", "merged_book", "serial_book"}


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - PEOPLE_MUST_SAY))
def test_the_guess_alone_gives_them_where_it_has_no_doubt(name: str) -> None:
    shape = SHAPES[name]()
    proposal = propose(open_text(shape.content))
    assert proposal.doubts == {}
    assert meaning(read(shape.content, profile=check(proposal.profile))) == LINES
    if name != "old_mac":  # seconds since 1970 are a guess that needs a person's eye
        assert meaning(read(shape.content)) == LINES


@pytest.mark.parametrize("mark", ["€", "(€)", "EUR", "en euros"])
def test_a_unit_in_the_name_of_the_amounts_is_understood_its_sign_too(mark: str) -> None:
    content = f"Référence client;Montant {mark};Statut;Date\nx1;5,00;Rejet;31/01/2026 14:05\n".encode()
    proposal = propose(open_text(content))
    assert proposal.doubts == {}
    (line,) = read(content, profile=check(proposal.profile)).sample
    assert (line.quantity, line.unit, line.status) == (500, Unit.EUR_CENT, LineStatus.REFUSED)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_file_read_another_way_is_seen(name: str) -> None:
    """The comparison above can fail: another zone moves every line that tells no offset."""
    shape = SHAPES[name]()
    moved = replace(profile_of(shape), zone="Asia/Tokyo")
    told = meaning(read(shape.content, profile=moved))
    assert (told == LINES) is (name in {"utf16_tabs", "old_mac"})


def test_doubts_are_told_where_the_file_cannot_say() -> None:
    doubts = {name: set(propose(open_text(SHAPES[name]().content)).doubts) for name in SHAPES}
    assert doubts["own_words"] == {"column_status", "unit"}
    assert doubts["pipes_of_a_mainframe"] == {"unit"}
    assert not any(doubts[name] for name in SHAPES.keys() - {"own_words", "pipes_of_a_mainframe"})


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "column", "words"),
    [
        ("french_semicolons", "Montant (EUR)", "Total TTC", 3, "Montant (EUR)", "plus dans l’en-tête"),
        ("french_semicolons", "TOTAL;4", "TOTAL;5", 8, "2", "annonce « 5 »"),
        ("pipes_of_a_mainframe", "|4|1272,06\nD", "|5|1272,06\nD", 1, "4", "annonce « 5 »"),
        ("pipes_of_a_mainframe", "T|4|1272,06", "T|4|1272,07", 6, "5", "annonce « 1272,07 »"),
        ("pipes_of_a_mainframe", "T|4|1272,06\n", "", 5, "", "peut-être coupé"),
        ("pipes_of_a_mainframe", "H|COUP DE POUCE|12|4|1272,06\n", "", 1, "", "n’est pas entier"),
        ("pipes_of_a_mainframe", "|12|", "|douze|", 1, "3", "« douze »"),
        ("pipes_of_a_mainframe", "|TX-1002|", "|TX-1002|x|", 3, "7", "7 colonnes au lieu de 6"),
        ("own_words", "Aboutie", "Aboutissante", 2, "Ergebnis", "« Aboutissante » est inconnu"),
        ("own_words", "12,50", "12.50", 2, "Wert", "réglages"),
    ],
)
def test_what_changed_since_the_profile_is_refused_with_its_place(
    name: str, old: str, new: str, line: int, column: str, words: str
) -> None:
    shape = SHAPES[name]()
    profile = profile_of(shape)
    encoding = "cp1252" if name == "french_semicolons" else "utf-8"
    text = shape.content.decode(encoding)
    assert old in text
    with pytest.raises(BadFile) as caught:
        read(text.replace(old, new, 1).encode(encoding), profile=profile)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in str(caught.value)


def test_a_column_that_moved_is_found_by_its_name_and_another_kind_of_file_is_refused() -> None:
    shape = SHAPES["french_semicolons"]()
    profile = profile_of(shape)
    rows = [row.split(";") for row in shape.content.decode("cp1252").splitlines()]
    moved = [[*row[1:], row[0]] if len(row) == 5 else row for row in rows]
    parsed = read("\n".join(map(";".join, moved)).encode(), profile=profile)
    assert meaning(parsed) == LINES
    with pytest.raises(BadFile, match="XLSX"):
        read(SHAPES["plain_book"]().content, profile=profile)
