"""A lot file is imported whole or rejected whole, with line and column."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.flows.delivery.desk import Desk
from tests.flows.delivery.lots import lot_file, row, serial
from tests.flows.delivery.test_stock import bring
from voucher_service.errors import BadFile, NotFound
from voucher_service.fulfilment import lot_rows
from voucher_service.fulfilment.lot_file import opened
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import Lot, StockItem
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Book

GOOD = lot_file([1, 2, 3]).decode()
WRONG_DIGIT = serial(2)[:-1] + str((int(serial(2)[-1]) + 1) % 10)


def changed(old: str, new: str, count: int = 1) -> bytes:
    """The good file with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new, count).encode()


FAULTS = {
    "empty": (b"", 1, "", "empty_file"),
    "only a mark": (b"\xef\xbb\xbf", 1, "", "empty_file"),
    "no version": (changed("version;1", "serial;pin"), 1, "version", "bad_file"),
    "version 2": (changed("version;1", "version;2"), 1, "version", "bad_file"),
    "another separator": (changed("semicolon", "comma"), 2, "separator", "bad_file"),
    "another partner": (changed("Opérateur Un", "Opérateur Deux"), 3, "partner", "bad_file"),
    "no partner": (changed("partner;Opérateur Un\n", ""), 4, "partner", "missing_column"),
    "no type": (changed("type;TOPUP5;500;2027-06-30;3\n", ""), 4, "type", "missing_column"),
    "type twice": (changed("serial;pin", "type;TOPUP5;500;2027-06-30;3\nserial;pin"), 5, "type", "duplicate_type"),
    "type without count": (changed(";3\n", "\n"), 4, "count", "missing_column"),
    "too many announced": (changed(";3\n", ";200001\n"), 4, "count", "too_many_rows"),
    "as many announced as may be": (changed(";3\n", ";200000\n"), 4, "count", "wrong_count"),
    "unknown product": (changed("type;TOPUP5", "type;TOPUP9"), 4, "product", "unknown_product"),
    "past": (changed("2027-06-30", "2026-03-03", 9), 4, "sell_by", "bad_date"),
    "one too few": (changed(";3\n", ";4\n"), 4, "count", "wrong_count"),
    "one too many": (changed(";3\n", ";2\n"), 8, "count", "wrong_count"),
    "no column names": (changed("serial;pin;product;face_value_cents;sell_by\n", ""), 5, "1", "bad_file"),
    "columns swapped": (changed("serial;pin;product", "serial;product;pin"), 5, "pin", "missing_column"),
    "column name missing": (
        changed(";face_value_cents;sell_by\n", ";face_value_cents\n"),
        5,
        "sell_by",
        "missing_column",
    ),
    "header only": (GOOD.split("serial;pin")[0].encode(), 4, "", "no_rows"),
    "missing column": (changed(row(2), row(2).rpartition(";")[0]), 7, "sell_by", "missing_column"),
    "extra column": (changed(row(2), row(2) + ";x"), 7, "6", "extra_column"),
    "empty line": (changed(row(2), ""), 7, "pin", "missing_column"),
    "bad check digit": (changed(serial(2), WRONG_DIGIT), 7, "serial", "bad_check_digit"),
    "letters in a serial": (changed(serial(2), "A" + serial(2)), 7, "serial", "bad_number"),
    "duplicate": (changed(serial(3), serial(1)), 8, "serial", "duplicate_serial"),
    "bad pin": (changed("PIN-", "P N-", 2), 6, "pin", "bad_pin"),
    "product not announced": (changed(row(2), row(2, product="TOPUP7")), 7, "product", "unknown_product"),
    "decimal face value": (changed(row(2), row(2).replace(";500;", ";5,00;")), 7, "face_value_cents", "bad_number"),
    "negative face value": (changed(row(2), row(2).replace(";500;", ";-500;")), 7, "face_value_cents", "bad_number"),
    "30 February": (changed(row(2), row(2).replace("06-30", "02-30")), 7, "sell_by", "bad_date"),
    "French date": (changed(row(2), row(2).replace("2027-06-30", "30/06/2027")), 7, "sell_by", "bad_date"),
    "Latin-1": (GOOD.encode("latin-1"), 3, "octet 11", "wrong_encoding"),
    "UTF-16": (GOOD.encode("utf-16"), 1, "octet 1", "wrong_encoding"),
    "UTF-16 unmarked": (GOOD.encode("utf-16-le"), 1, "octet 1", "wrong_encoding"),
    "endless line": (changed(row(2), "1" * 10_000), 7, "", "line_too_long"),
}


def read_whole(content: bytes) -> int:
    """Read the file to its end, as an import does first; the number of codes."""
    with opened(content, partner="Opérateur Un", products={"code": {"TOPUP5"}}, today=date(2026, 3, 4)) as (_, rows):
        return sum(1 for _ in rows)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_line_and_column(fault: str) -> None:
    content, line, column, code = FAULTS[fault]
    with pytest.raises(BadFile) as refused:
        read_whole(content)
    error = refused.value
    assert (error.line, error.column, error.code) == (line, column, code)
    assert str(error).startswith(f"ligne {line}")
    assert "PIN-" not in str(error), "a message never quotes a PIN"


@pytest.mark.parametrize("fault", ["one too few", "bad check digit", "duplicate", "Latin-1"])
def test_a_fault_rejects_the_whole_file(desk: Desk, fault: str) -> None:
    with pytest.raises(BadFile):
        bring(desk, FAULTS[fault][0])
    with desk.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Lot)) == 0
        assert session.scalar(select(func.count()).select_from(StockItem)) == 0
        assert session.scalar(select(func.count()).select_from(Book).where(Book.kind == "lot")) == 0


def test_planted_without_the_check_digit_a_bad_serial_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_rows, "luhn_is_right", lambda _digits: True)
    assert read_whole(FAULTS["bad check digit"][0]) == 3, "without the guard the bad serial would pass"


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.rstrip("\n").encode(),
        GOOD.replace(";", ",").replace("semicolon", "comma").encode(),
        GOOD.replace(";", "\t").replace("semicolon", "tab").encode(),
    ],
    ids=["plain", "with a mark", "CRLF", "no last line end", "comma", "tab"],
)
def test_a_good_file_is_imported_and_again_is_the_same_lot(desk: Desk, content: bytes) -> None:
    first = bring(desk, content)
    assert (first.quantity, first.again) == (3, False)
    assert bring(desk, content, "renamed.csv") == (first.lot_id, 3, True)
    with desk.programme.database.read() as session:
        assert balances(session, first.lot_id) == {AccountKind.DONOR: -3, AccountKind.AVAILABLE: 3}
        assert session.scalar(select(func.count()).select_from(StockItem)) == 3
    assert desk.programme.findings() == []


def test_a_serial_already_in_stock_rejects_the_new_file(desk: Desk) -> None:
    bring(desk, lot_file([1, 2, 3]))
    with pytest.raises(BadFile) as refused:
        bring(desk, lot_file([4, 5, 2]))
    assert (refused.value.line, refused.value.column, refused.value.code) == (8, "serial", "serial_in_stock")
    with desk.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(StockItem)) == 3


def test_a_file_on_disk_is_read_in_portions_with_progress(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_bytes(lot_file(list(range(2500))))
    told: list[tuple[int, int]] = []
    made = import_lot(
        desk.programme.database,
        desk.programme.vault,
        partner_id=desk.programme.partner_id,
        file_name="codes.csv",
        content=path,
        actor="staff:test",
        now=desk.now(),
        progress=lambda done, total: told.append((done, total)),
    )
    assert made.quantity == 2500
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]


def test_an_unknown_partner_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFound):
        import_lot(
            desk.programme.database,
            desk.programme.vault,
            partner_id=new_id(),
            file_name="x",
            content=lot_file([1]),
            actor="staff:test",
            now=desk.now(),
        )


def test_the_example_in_the_documentation_is_a_good_file() -> None:
    page = (Path(__file__).parents[3] / "docs" / "lot-file.md").read_text(encoding="utf-8")
    example = page.split("```\n")[1].encode()
    products = {"code": {"TOPUP5", "TOPUP10"}}
    with opened(example, partner="Opérateur Un", products=products, today=date(2026, 3, 4)) as (header, rows):
        assert (header.quantity, [found.line for found in rows]) == (3, [7, 8, 9])


def test_every_refusal_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "lot-file.md").read_text(encoding="utf-8")
    known = {code for _, _, _, code in FAULTS.values()} | {"serial_in_stock", "file_changed"}
    assert {code for code in known if f"`{code}`" not in page} == set()
