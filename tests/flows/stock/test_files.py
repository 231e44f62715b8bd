"""Files of articles are good whole or rejected whole, with line, column and code."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from tests.flows.stock.files import PRODUCTS, article_file, iccid, imei, row, seat
from tests.flows.stock.shelves import SOUTH, Shelves
from voucher_service.errors import BadFile, BadInput
from voucher_service.fulfilment import lot_rows
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.articles.numbers import import_numbers
from voucher_service.fulfilment.lot_file import opened
from voucher_service.fulfilment.models import Lot

KNOWN = {"code": set[str]()} | {kind: {product} for kind, product in PRODUCTS.items()}
GOOD = {kind: article_file(kind, [1, 2, 3]).decode() for kind in PRODUCTS}


def read_whole(content: bytes) -> int:
    """Read the file to its end; how many rows it has."""
    with opened(content, partner="Opérateur Un", products=KNOWN, today=date(2026, 3, 4)) as (_, rows):
        return len(list(rows))


def slipped(serial: str) -> str:
    """The serial with its last digit one off."""
    return serial[:-1] + str((int(serial[-1]) + 1) % 10)


FAULTS = {
    "ICCID with a slip": ("sim", iccid(2), slipped(iccid(2)), 8, "iccid", "bad_check_digit"),
    "ICCID too short": ("sim", iccid(2), iccid(2)[:-1], 8, "iccid", "bad_number"),
    "ICCID of no telecom": ("sim", iccid(2), "79" + iccid(2)[2:], 8, "iccid", "bad_number"),
    "PIN of letters": ("sim", ";4002;", ";40O2;", 8, "pin", "bad_pin"),
    "PUK too short": ("sim", row("sim", 2).split(";")[3], "1234567", 8, "puk", "bad_pin"),
    "number of no mobile": ("sim", f"{iccid(2)};;", f"{iccid(2)};0123;", 8, "msisdn", "bad_number"),
    "IMEI with a slip": ("handset", imei(2), slipped(imei(2)), 8, "imei", "bad_check_digit"),
    "IMEI with software version": ("handset", imei(2), imei(2) + "1", 8, "imei", "bad_number"),
    "no model": ("handset", f"{imei(2)};Alpha 3", f"{imei(2)};", 8, "model", "bad_text"),
    "unknown condition": ("handset", f"{imei(2)};Alpha 3;good", f"{imei(2)};Alpha 3;bon", 8, "condition", "bad_text"),
    "bad time": ("seat", f"{seat(2)};14:00", f"{seat(2)};24:00", 8, "starts", "bad_date"),
    "no place": ("seat", f"{seat(2)};14:00;Salle du haut", f"{seat(2)};14:00;", 8, "place", "bad_text"),
    "seat without a day": ("seat", ";2027-06-30;3", ";;3", 5, "sell_by", "bad_date"),
    "unknown kind": ("sim", "kind;sim", "kind;tablet", 3, "kind", "bad_file"),
    "kind after its types": ("sim", "\niccid;", "\nkind;sim\niccid;", 6, "kind", "bad_file"),
    "columns of another kind": ("sim", "kind;sim", "kind;handset", 5, "product", "unknown_product"),
    "one too few": ("handset", ";3\n", ";4\n", 5, "count", "wrong_count"),
    "one too many": ("handset", ";3\n", ";2\n", 9, "count", "wrong_count"),
    "twice": ("handset", imei(3), imei(1), 9, "imei", "duplicate_serial"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_line_and_column(fault: str) -> None:
    kind, old, new, line, column, code = FAULTS[fault]
    assert old in GOOD[kind]
    content = GOOD[kind].replace(old, new, 1).encode()
    with pytest.raises(BadFile) as refused:
        read_whole(content)
    assert (refused.value.line, refused.value.column, refused.value.code) == (line, column, code)
    assert row("sim", 2).split(";")[3] not in str(refused.value), "a message never quotes a PUK"


def test_planted_without_the_check_digit_a_slip_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_rows, "luhn_is_right", lambda _digits: True)
    content = GOOD["sim"].replace(iccid(2), slipped(iccid(2))).encode()
    assert read_whole(content) == 3


def test_a_file_is_taken_in_once_and_whole(shelves: Shelves) -> None:
    first = shelves.bring("sim", [1, 2])
    assert shelves.bring("sim", [1, 2]) == first, "the same file is a no-op"
    with pytest.raises(BadInput) as nowhere:
        shelves.bring_file(article_file("sim", [8]), branch=None)
    assert nowhere.value.field == "branch_id"
    for content in (article_file("sim", [3, 2]), GOOD["sim"].replace(";3\n", ";4\n").encode()):
        with pytest.raises(BadFile):
            shelves.bring_file(content, branch=SOUTH)
    with shelves.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Lot)) == 1
        assert session.scalar(select(func.count()).select_from(Article)) == 2
    shelves.sound()


def test_two_cards_never_share_a_number(shelves: Shelves) -> None:
    content = article_file("sim", [1, 2]).decode().replace(f"{iccid(1)};;", f"{iccid(1)};0639980001;")
    shelves.bring_file(content.encode())
    again = article_file("sim", [3, 4]).decode().replace(f"{iccid(4)};;", f"{iccid(4)};06 39 98 00 01;")
    with pytest.raises(BadFile) as shared:
        shelves.bring_file(again.encode())
    assert (shared.value.line, shared.value.column, shared.value.code) == (8, "msisdn", "number_in_stock")


NUMBER_FAULTS = {
    "no head": (f"{iccid(1)};0639980001\n", 1, "iccid", "missing_column"),
    "unknown card": (f"iccid;msisdn\n{iccid(7)};0639980001\n", 2, "iccid", "unknown_serial"),
    "a slip": (f"iccid;msisdn\n{slipped(iccid(1))};0639980001\n", 2, "iccid", "bad_check_digit"),
    "twice": (f"iccid;msisdn\n{iccid(1)};0639980001\n{iccid(1)};0639980002\n", 3, "iccid", "duplicate_serial"),
    "one for two": (f"iccid;msisdn\n{iccid(1)};0639980001\n{iccid(2)};0639980001\n", 3, "msisdn", "number_in_stock"),
    "no number": (f"iccid;msisdn\n{iccid(1)}\n", 2, "msisdn", "missing_column"),
}  # fmt: skip


def test_a_file_of_numbers_is_taken_in_whole_or_not(shelves: Shelves) -> None:
    shelves.bring("sim", [1, 2])
    p = shelves.programme
    for content, line, column, code in NUMBER_FAULTS.values():
        with pytest.raises(BadFile) as refused:
            p.database.run(import_numbers, p.vault, partner_id=p.partner_id, content=content.encode())
        assert (refused.value.line, refused.value.column, refused.value.code) == (line, column, code)
    assert shelves.article(iccid(1)).number_tail is None, "nothing of a refused file is kept"
