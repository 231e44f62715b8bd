"""Workbooks are read by a process with limits: what it refuses, and that the limits hold when it goes wrong."""

from __future__ import annotations

import sys
import traceback
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.statements.shapes import SHAPES
from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.light import let_go
from voucher_service.reconciliation.reader.manner import SHEET_MARK
from voucher_service.reconciliation.reader.propose import propose
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.rows import walk
from voucher_service.reconciliation.reader.sources import book
from voucher_service.reconciliation.reader.sources.book import read_book
from voucher_service.reconciliation.reader.sources.text import open_text

BOOK = SHAPES["merged_book"]().content


def test_a_sheet_is_chosen_by_name_or_by_its_length() -> None:
    assert (read_book(BOOK).name, read_book(BOOK).sheets) == ("Détail", ("Résumé", "Détail"))
    assert read_book(BOOK, "Résumé").text.decode() == "Mois\tMontant\n"
    with pytest.raises(BadFile, match="de ce nom"):
        read_book(BOOK, "Archive")
    assert read_book(SHAPES["serial_book"]().content).sheets == ("Feuil1",), "a hidden sheet is not there"


def test_numbers_and_dates_are_told_so_that_they_read_one_way() -> None:
    text = read_book(SHAPES["plain_book"]().content).text.decode()
    assert f"12{SHEET_MARK}5\t" in text
    assert "2026-03-13T08:11:00" in text
    assert read_book(SHAPES["wide_book"]().content).text.decode().count(f"1234{SHEET_MARK}56\t") == 1, "no dust of sums"


def _archive(**parts: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_archive(letter_xml=b"<x/>"), "archive"),
        (_archive(xl__workbook_xml=b"<x/>"), "abîmé"),
        (_archive(xl__workbook_xml=b"<!doctype x><x/>"), "abîmé"),
        (BOOK[:2000], "abîmé"),
        (b"PK\x03\x04", "abîmé"),
    ],
)
def test_what_is_no_workbook_is_said_to_be_none(content: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        read_book(content)


BAD_CHILDREN = {
    "sleeps": "import time; time.sleep(60)",
    "spins": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass",
    "eats": "import resource as r, sys; n = int(sys.argv[3]); r.setrlimit(r.RLIMIT_AS, (n, n)); x = bytes(2 * n)",
    "dies": "import os; os.abort()",
    "babbles": "import sys; sys.stderr.write('[1, 2')",
}


@pytest.mark.parametrize("name", BAD_CHILDREN)
def test_a_child_that_goes_wrong_is_a_file_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    child.write_text(BAD_CHILDREN[name])
    monkeypatch.setattr(book, "_CHILD", child)
    monkeypatch.setattr(book, "DEADLINE", 3.0)
    with pytest.raises(BadFile, match="trop grand"):
        read_book(BOOK)


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
@settings(max_examples=200)
def test_any_bytes_give_a_proposal_or_a_rejection(content: bytes) -> None:
    if content.startswith(b"PK\x03\x04"):
        return
    try:
        told = propose(open_text(content)).profile.width
    except BadFile as error:
        told = error.line
    assert told >= 1


@pytest.mark.parametrize("way", ["read", "propose"])
def test_a_fault_that_was_let_go_keeps_nothing_of_the_file(way: str) -> None:
    """What is left of it is circles, which `let_go` collects; the fault itself names no frame of the reader."""
    content = bytes(bytearray(b"reference client;statut;montant eur;date\nx;OK;1;01/03/2026\n" + b"x" * 2**21))
    before = sys.getrefcount(content)
    with pytest.raises(BadFile) as caught:
        _read_or_walk(way, content)
    assert not any("reader/rows" in entry.filename for entry in traceback.extract_tb(caught.value.__traceback__))
    del caught
    let_go(content)
    assert sys.getrefcount(content) == before


def _read_or_walk(way: str, content: bytes) -> None:
    if way == "read":
        read(content)
    propose(open_text(content))
    walk(content, "utf-8", ";")
