"""What a spreadsheet would run, in every field of a difference, through both exports and back."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from tests.flows.reconciliation.builders import NOON
from voucher_service.ids import new_id
from voucher_service.reconciliation import export
from voucher_service.reconciliation.explain import Difference, Theirs
from voucher_service.reconciliation.export import HEADER, export_csv, export_xlsx, unguard
from voucher_service.reconciliation.models import BreakClass
from voucher_service.units import Unit

TRIGGERS = (
    "=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "=HYPERLINK(\"http://x\")",
    "=cmd|' /C calc'!A0", "{=1}",
    "http://x.example", "1e5", "007", "_x0041_", "normal; \"avec\" guillemets\net ligne",
)  # fmt: skip
TEXTS = ("our_ref", "partner_ref", "serial", "status", "note")
COLUMN = {"our_ref": "reference_client", "partner_ref": "identifiant_transaction", "serial": "serie",
          "status": "statut_operateur", "note": "note"}  # fmt: skip


def difference(name: str, text: str) -> Difference:
    theirs = Theirs(
        line=2, our_ref="a", partner_ref="b", serial="c", status="delivered", quantity=7, unit=Unit.EUR_CENT, at=NOON
    )
    made = Difference(
        id=new_id(), kind=BreakClass.UNEXPECTED_AT_PARTNER, priority=1, quantity=-7, unit=Unit.EUR_CENT, found_at=NOON,
        resolved_at=None, resolved_by=None, note=None, theirs=theirs, ours=None,
    )  # fmt: skip
    changed: dict[str, Any] = {name: text}
    return replace(made, note=text) if name == "note" else replace(made, theirs=replace(theirs, **changed))


ALL = [(name, text) for name in TEXTS for text in TRIGGERS]


def test_a_csv_runs_nothing_and_reads_back() -> None:
    body = "".join(export_csv(difference(name, text) for name, text in ALL)).removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(body, newline=""), delimiter=";"))
    assert [unguard(row[COLUMN[name]]) for row, (name, _) in zip(rows, ALL, strict=True)] == [text for _, text in ALL]
    risky = {cell for row in rows for column, cell in row.items() if column != "ecart" and cell[:1] in set("=+-@\t\r")}
    assert risky == set()


def book_rows(content: bytes) -> list[dict[str, object]]:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    head, *rows = sheet.to_python()
    assert tuple(head) == HEADER
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def parts(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith((".xml", ".rels")))


def test_a_workbook_holds_text_and_numbers_and_reads_back() -> None:
    content = export_xlsx(difference(name, text) for name, text in ALL)
    rows = book_rows(content)
    told = [str(row[COLUMN[name]]).replace("_x000D_", "\r") for row, (name, _) in zip(rows, ALL, strict=True)]
    assert told == [text for _, text in ALL]
    assert {row["ecart"] for row in rows} == {-7}
    assert "<f>" not in parts(content)
    assert "<hyperlink" not in parts(content)


def test_what_would_run_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "guard", str)
    body = "".join(export_csv([difference("note", "=1+1")]))
    assert ";=1+1" in body
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().write(0, 0, "=1+1")  # what `write` makes of it
    assert "<f>" in parts(file.getvalue())
