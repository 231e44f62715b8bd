"""Reading partners' files: many shapes, one meaning; one fault rejects the file and names its place."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader import read as read_module
from voucher_service.reconciliation.reader import rows
from voucher_service.reconciliation.reader.dates import parse_instant
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.values import BadCell, parse_quantity
from voucher_service.reconciliation.reader.words import UNITS, LineStatus
from voucher_service.units import Unit

REF = "01900000-0000-7000-8000-00000000aaaa"
FRENCH = (
    "Référence client;N° de série;Montant;Unité;Statut;Date\r\n"
    f"{REF};;12,50;EUR;Livré;31/01/2026 14:05\r\n"
    "autre;893310000001;5,00 €;EUR;Refusé;01/02/2026 08:00:30\r\n"
    "TOTAL;2;17,50\r\n"
)
ENGLISH = (
    "our_ref,serial,amount,unit,status,event_at\n"
    f"{REF.replace('-', '').upper()},,12.50,EUR,DELIVERED,2026-01-31T13:05:00Z\n"
    "autre,893310000001,5,EUR,failed,2026-02-01 08:00:30+01:00\n"
)
NUMBERED = ("Ligne;" + FRENCH.replace(REF, "7;" + REF)).replace("autre", "8;autre")
SHAPES = {
    "utf-8, semicolon": (FRENCH.encode(), "utf-8", ";"),
    "utf-8 with mark": (FRENCH.encode("utf-8-sig"), "utf-8-sig", ";"),
    "windows-1252": (FRENCH.encode("cp1252"), "windows-1252", ";"),
    "utf-16": (FRENCH.encode("utf-16"), "utf-16", ";"),
    "utf-16 without mark": (FRENCH.encode("utf-16-le"), "utf-16-le", ";"),
    "tabs, no last newline": (FRENCH.replace(";", "\t").strip().encode(), "utf-8", "\t"),
    "english, comma": (ENGLISH.encode(), "utf-8", ","),
    "english, quoted decimal comma": (ENGLISH.replace("12.50", '"12,50"').encode(), "utf-8", ","),
    "titles above, empty rows": (
        ("Relevé d’activité;;;\n;;\n" + FRENCH.replace("TOTAL", ";;;;\nTOTAL")).encode(), "utf-8", ";",
    ),
    "cents, unit in the header": (
        FRENCH.replace("Montant;Unité", "Montant (centimes);Produit").replace("12,50;EUR", "1250;R12")
        .replace("5,00 €;EUR", "500;R5").replace("17,50", "1 750").encode(), "utf-8", ";",
    ),
    "columns the other way round": (
        "date;statut;devise;montant;serie;reference client\n"
        f"2026-01-31 14:05;OK;€;12,5;;{REF}\n"
        "2026-02-01T08:00:30;KO;€;5;893310000001;autre\nTotal;;;17,5;;2\n".encode(),
        "utf-8", ";",
    ),
    "two dates, the delivery counts": (
        ENGLISH.replace("event_at", "created at,event_at").replace(",2026", ",2020-01-01,2026").encode(),
        "utf-8", ",",
    ),
    "old Mac line ends, partner's line numbers": (
        NUMBERED.replace("\r\n", "\r").encode(),
        "utf-8", ";",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_has_the_same_meaning(name: str) -> None:
    content, encoding, separator = SHAPES[name]
    parsed = read(content)
    assert (parsed.format.encoding, parsed.format.separator) == (encoding, separator)
    assert (parsed.first_day, parsed.last_day) == (date(2026, 1, 31), date(2026, 2, 1))
    first, second = parsed.sample
    assert (first.our_ref, first.serial, first.unit, first.quantity, first.status, first.event_at) == (
        REF, None, Unit.EUR_CENT, 1250, LineStatus.DELIVERED, datetime(2026, 1, 31, 13, 5, tzinfo=UTC),
    )  # fmt: skip
    assert (second.our_ref, second.serial, second.quantity, second.status, second.event_at) == (
        "autre", "893310000001", 500, LineStatus.REFUSED, datetime(2026, 2, 1, 7, 0, 30, tzinfo=UTC),
    )  # fmt: skip
    assert parsed.delivered() == {Unit.EUR_CENT: 1250}


def change(old: str, new: str) -> bytes:
    assert FRENCH.count(old) == 1, old
    return FRENCH.replace(old, new).encode()


BAD = {
    "wrong count": (change("TOTAL;2", "TOTAL;3"), 4, "2", "annonce « 3 »"),
    "count is no number": (change("TOTAL;2", "TOTAL;deux"), 4, "2", "« deux »"),
    "wrong sum": (change("17,50", "17,51"), 4, "Montant", "la somme des lignes, tous statuts confondus, est 17,5"),
    "sum of two units": (change("5,00 €;EUR", "5;Mo"), 4, "Montant", "plusieurs unités"),
    "sum is no number": (change("17,50", "beaucoup"), 4, "Montant", "n’est pas un nombre"),
    "line after the total": (FRENCH.encode() + b"x;;1;EUR;OK;2026-01-01\n", 5, "", "dernière ligne"),
    "missing status column": (change("Statut", "Truc"), 1, "statut", "cette colonne manque"),
    "missing amount column": (change("Montant", "Truc"), 1, "quantité", "cette colonne manque"),
    "missing date column": (change("Date", "Truc"), 1, "date", "cette colonne manque"),
    "missing unit column": (change("Unité", "Truc"), 1, "unité", "cette colonne manque"),
    "missing references": (
        FRENCH.replace("Référence client;N° de série", "A;B").encode(), 1, "référence client", "manque",
    ),
    "two equal columns": (change("N° de série", "référence CLIENT"), 1, "référence CLIENT", "deux colonnes"),
    "no header": (b"1;2;3\n4;5;6\n", 1, "", "aucune ligne d’en-tête"),
    "bad number": (change("12,50", "douze"), 2, "Montant", "n’est pas un nombre"),
    "arabic digits": (change("12,50", "١٢"), 2, "Montant", "n’est pas un nombre"),
    "ambiguous number": (change("12,50", "1,250"), 2, "Montant", "deux façons"),
    "negative number": (change("12,50", "-12,50"), 2, "Montant", "négatif"),
    "too precise": (change("12,50", "12,505"), 2, "Montant", "deux façons"),
    "fraction of a cent": (change("12,50", "12,5051"), 2, "Montant", "plus précis"),
    "too big": (change("12,50", "99999999999999999"), 2, "Montant", "trop grand"),
    "empty amount": (change("12,50", ""), 2, "Montant", "manque"),
    "bad status": (change("Livré", "peut-être"), 2, "Statut", "« peut-être » est inconnu"),
    "bad unit": (change("12,50;EUR", "12,50;USD"), 2, "Unité", "« USD » est inconnue"),
    "bad date": (change("31/01/2026 14:05", "hier"), 2, "Date", "illisible"),
    "no such day": (change("31/01/2026", "31/02/2026"), 2, "Date", "n’existe pas"),
    "month first": (change("31/01/2026", "01/31/2026"), 2, "Date", "n’existe pas"),
    "hour that Paris skips": (change("31/01/2026 14:05", "29/03/2026 02:30"), 2, "Date", "été"),
    "year 1026": (change("31/01/2026", "31/01/1026"), 2, "Date", "époque"),
    "rounded by a spreadsheet": (change("893310000001", "8,9331E+11"), 3, "N° de série", "tableur"),
    "reference too long": (change("autre", "a" * 41), 3, "Référence client", "40 caractères"),
    "control character": (change("autre", "au\x07tre"), 3, "Référence client", "contrôle"),
    "no reference at all": (change(f"{REF};;", ";;"), 2, "Référence client", "aucune référence"),
    "more values than columns": (change("31/01/2026 14:05", "31/01/2026 14:05;x"), 2, "7", "guillemets"),
    "stray quote": (change("autre", '"au"tre'), 3, "", "guillemet"),
    "open quote": (change("autre", '"autre'), 3, "", "guillemet"),
    "duplicate line number": (NUMBERED.replace("8;autre", "7;autre").encode(), 3, "Ligne", "en double"),
    "skipped line number": (NUMBERED.replace("8;autre", "9;autre").encode(), 3, "Ligne", "saute"),
    "line number in words": (NUMBERED.replace("8;autre", "huit;autre").encode(), 3, "Ligne", "« huit »"),
    "empty": (b"", 1, "", "vide"),
    "only a mark": (b"\xef\xbb\xbf \r\n", 1, "", "vide"),
    "only a header": (FRENCH.partition("\r\n")[0].encode(), 1, "", "aucune ligne"),
    "xlsx": (b"PK\x03\x04" + bytes(50), 1, "", "Excel"),
    "xls": (b"\xd0\xcf\x11\xe0" + bytes(50), 1, "", "Excel"),
    "nul byte": (change("autre", "au\x00tre"), 3, "", "texte"),
    "neither encoding": (FRENCH.encode("cp1252").replace(b"autre", b"\x81\xe9"), 3, "", "Windows-1252"),
    "line too long": (change("autre", "a" * 10_001), 3, "", "10000"),
    "too many columns": (("a;" * 101 + "\n").encode() + FRENCH.encode(), 1, "", "colonnes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_bad_file_names_line_column_and_remedy(name: str) -> None:
    content, line, column, words = BAD[name]
    with pytest.raises(BadFile) as caught:
        read(content)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("last", "is_proved"),
    [("TOTAL;2;17,50", True), ("TOTAL;2", True), ("Total général;;17,50;;;", True), ("TOTAL", False), ("FIN;;", False)],
)
def test_only_what_was_compared_counts_as_proved(last: str, *, is_proved: bool) -> None:
    assert read(change("TOTAL;2;17,50", last)).format.is_proved is is_proved
    assert not read(change("TOTAL;2;17,50\r\n", "")).format.is_proved


def test_limits_hold_before_memory_is_eaten(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "x;;1;EUR;OK;2026-01-01\n"
    head = FRENCH.partition("\r\n")[0] + "\n"
    monkeypatch.setattr(read_module, "MAX_LINES", 50_000)
    assert read((head + line * 50_000).encode()).count == 50_000
    with pytest.raises(BadFile, match="50000 lignes") as caught:
        read((head + line * 50_001).encode())
    assert caught.value.line == 50_002
    monkeypatch.setattr(rows, "MAX_BYTES", 100)
    with pytest.raises(BadFile, match="256 Mio"):
        read(head.encode() * 3)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_at_all_give_anything_but_a_statement_or_a_rejection(content: bytes) -> None:
    for data in (content, FRENCH.encode()[:120] + content):
        lines: list[int] = []
        try:
            lines = [line.line for line in read(data).sample]
        except BadFile as error:
            lines = [error.line]
        assert lines
        assert min(lines) >= 1


@given(st.integers(0, 10**12), st.sampled_from([",", "."]), st.sampled_from(["", " ", "\u202f", "\u00a0"]))
def test_euros_are_read_back_to_the_cent(cents: int, mark: str, blank: str) -> None:
    text = f"{cents // 100:,}".replace(",", blank) + f"{mark}{cents % 100:02d}"
    assert parse_quantity(text, UNITS["eur"]) == cents


@pytest.mark.parametrize(
    ("text", "unit", "quantity"),
    [
        ("1.234,56", "eur", 123456), ("1,234.56", "eur", 123456), ("1.234.567", "eur", 123456700),
        ("0,250", "go", 250), ("1,5", "go", 1500), ("20", "mo", 20), ("3 pièces"[:1], "piece", 3),
    ],
)  # fmt: skip
def test_numbers_as_partners_write_them(text: str, unit: str, quantity: int) -> None:
    assert parse_quantity(text, UNITS[unit]) == quantity


@pytest.mark.parametrize("text", ["1,234", "1.234.56", "12.34.567", "1,2.3,4", "1e3", "+5", "NaN", "0x10", ""])
def test_numbers_that_could_be_read_two_ways_are_refused(text: str) -> None:
    with pytest.raises(BadCell):
        parse_quantity(text, UNITS["eur"])


def test_clock_changes() -> None:
    twice = parse_instant("25/10/2026 02:30")  # the first of the two: still summer time
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert parse_instant("2026-10-25T02:30:00+01:00") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert parse_instant("2026-07-01") == datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    for text in ("2026-01-01T10:00:00+99:00", "2026-01-01T25:00:00", "0000-01-01", "2026-W01-1", "20260101"):
        with pytest.raises(BadCell):
            parse_instant(text)
