"""The bombs. Each is small on the wire, or as large as an upload may be, and means to cost far more."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from random import Random

from tests.unit.statements.shapes import SHAPES
from voucher_service.fulfilment.lot_file import MAX_ROWS

UPLOAD = 63 * 2**20
_MIB = b"0" * 2**20
_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_PARTS = {
    "[Content_Types].xml": (
        _HEAD + b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
        b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        _HEAD + b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        b'officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        _HEAD + b"<workbook " + _MAIN + b' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
        b'relationships"><sheets><sheet name="Releve" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        _HEAD + b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        b'worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org'
        b'/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
}
SHEET = "xl/worksheets/sheet1.xml"


def book(parts: dict[str, Iterator[bytes]]) -> bytes:
    """Return a workbook whose parts are written piece by piece."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content)
        for name, pieces in parts.items():
            with archive.open(name, "w", force_zip64=True) as part:
                for piece in pieces:
                    part.write(piece)
    return file.getvalue()


def sheet(*rows: bytes) -> Iterator[bytes]:
    """Yield a sheet of these rows."""
    yield _HEAD + b"<worksheet " + _MAIN + b"><sheetData>"
    yield from rows
    yield b"</sheetData></worksheet>"


def zip_bomb() -> bytes:
    """Four archives, each with a gigabyte of noughts, in one."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("0", "w") as part:
        for _ in range(1024):
            part.write(_MIB)
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.zip", inner.getvalue())
    return outer.getvalue()


def book_of_noughts() -> bytes:
    """A workbook whose sheet unfolds to two gigabytes."""
    return book({SHEET: sheet(b"<row><c><v>", *[_MIB] * 2048, b"</v></c></row>")})


def book_that_lies() -> bytes:
    """The same, but its directory says that the sheet has a thousand bytes."""
    content = bytearray(book({SHEET: sheet(b"<row><c><v>", *[_MIB] * 512, b"</v></c></row>")}))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    return bytes(content)


def book_of_two_cells() -> bytes:
    """Two cells at the far corners: seventeen thousand million between them."""
    return book(
        {SHEET: sheet(b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')}
    )


def book_of_wide_rows() -> bytes:
    """A hundred thousand columns, many times, with figures that do not shrink as bombs do."""
    random = Random(5)
    rows = (b"".join(b"<c><v>%d</v></c>" % random.getrandbits(40) for _ in range(50_000)) for _ in range(40))
    return book({SHEET: sheet(*(b"<row>" + row * 2 + b"</row>" for row in rows))})


def book_with_a_huge_dimension() -> bytes:
    """A sheet that says of itself to be as large as a sheet can be, and is empty."""
    whole = b"".join(sheet()).replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    return book({SHEET: iter([whole])})


def book_of_strings() -> bytes:
    """A million shared strings, and one cell."""
    strings = (b"".join(b"<si><t>texte %d</t></si>" % n for n in range(at, at + 1000)) for at in range(0, 10**6, 1000))

    def shared() -> Iterator[bytes]:
        yield _HEAD + b"<sst " + _MAIN + b' count="1000000">'
        yield from strings
        yield b"</sst>"

    return book({SHEET: sheet(b'<row r="1"><c r="A1" t="s"><v>999999</v></c></row>'), "xl/sharedStrings.xml": shared()})


def book_that_laughs() -> bytes:
    """A thousand million laughs, by entities that unfold into entities."""
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n + 1, b"&l%d;" % n * 10) for n in range(9))
    whole = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + entities + b"]><worksheet " + _MAIN
        + b'><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&l9;</t></is></c></row></sheetData></worksheet>'
    )  # fmt: skip
    return book({SHEET: iter([whole])})


def book_of_many_parts() -> bytes:
    """Ten thousand parts."""
    return book({SHEET: sheet()} | {f"xl/worksheets/s{n}.xml": iter([b"<x/>"]) for n in range(10_000)})


def book_of_empty_rows() -> bytes:
    """Two million rows of nothing, and a cell below them."""
    return book({SHEET: sheet(b"<row/>" * 2_000_000, b"<row><c><v>1</v></c></row>")})


def endless_line() -> bytes:
    """As much as may be sent, and no end of a line in it."""
    return b"reference client;statut;montant eur;date\n" + b"x" * UPLOAD


def endless_line_in_utf_16() -> bytes:
    """The same, two bytes a letter."""
    return "référence client;statut\n".encode("utf-16") + "x".encode("utf-16-le") * (UPLOAD // 2)


def a_hundred_thousand_columns() -> bytes:
    """One row of separators, then more of them."""
    return (b";" * 100_000 + b"\n") * 600


def columns_by_the_hundred() -> bytes:
    """As wide as a row may be, as many as may be sent: read a few at a time, and wrong in the last cell."""
    head = b"reference client;statut;montant eur;date" + b"".join(b";c%d" % n for n in range(96))
    row = b"x;OK;1;01/03/2026" + b";%s" % (b"y" * 90) * 96
    return head + b"\n" + (row + b"\n") * (UPLOAD // len(row) - 1) + row.replace(b";OK;", b";?;")


def quotes_that_never_close() -> bytes:
    """A quote, then lines without end."""
    return b'reference client;statut;montant eur;date\n"x;OK\n' + b"y;OK;1;01/03/2026\n" * (UPLOAD // 19)


def noise_in_a_workbook() -> bytes:
    """The beginning of a workbook, then thirty megabytes of noughts."""
    return SHAPES["plain_book"]().content[:400] + _MIB * 30


def _with_check_digit(body: str) -> str:
    doubled = sum(int(digit) * 2 // 10 + int(digit) * 2 % 10 for digit in body[::-2])
    return body + str(-(doubled + sum(map(int, body[-2::-2]))) % 10)


def numbers_of_a_million_cards() -> bytes:
    """As many SIM cards and their numbers as may be sent, each sound; none is in stock."""
    row = "{};0639980002\n"
    rows = (row.format(_with_check_digit(f"89330{n:014}")) for n in range(UPLOAD // 32))
    return ("iccid;msisdn\n" + "".join(rows)).encode()


def codes_as_many_as_may_be() -> bytes:
    """A lot of as many codes as it may hold, each sound but for the last."""
    count, sell_by = MAX_ROWS, "2029-06-30"
    head = f"version;1\npartner;Opérateur Un\ntype;TOPUP5;500;{sell_by};{count}\n"
    head += "serial;pin;product;face_value_cents;sell_by\n"
    rows = (f"{_with_check_digit(f'{n:011}')};{n:08};TOPUP5;500;{sell_by}\n" for n in range(count))
    return (head + "".join(rows)).encode()[:-1] + b"?\n"


BOMBS: dict[str, Callable[[], bytes]] = {
    bomb.__name__: bomb
    for bomb in (
        zip_bomb, book_of_noughts, book_that_lies, book_of_two_cells, book_of_wide_rows, book_with_a_huge_dimension,
        book_of_strings, book_that_laughs, book_of_many_parts, book_of_empty_rows, endless_line,
        endless_line_in_utf_16, a_hundred_thousand_columns, columns_by_the_hundred, quotes_that_never_close,
        noise_in_a_workbook, numbers_of_a_million_cards, codes_as_many_as_may_be,
    )
}  # fmt: skip
ONLY = {"numbers_of_a_million_cards": {"numbers"}, "codes_as_many_as_may_be": {"lot"}}
"""Bombs that are sound up to a point, each by the one way in that reads such a file so far."""
