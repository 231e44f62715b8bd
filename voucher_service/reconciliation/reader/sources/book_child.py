"""A workbook into text, in a process of its own: a file made to eat memory or time takes this process with it.

Run by path with the workbook's path, a sheet's name or "", and the limits; imports nothing of ours. Text goes to
standard output, one JSON object to standard error: the names of the sheets and the one read, or the fault's code.
Only values are read: of a formula, the one its author's spreadsheet kept.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import resource
import sys
import zipfile
import zlib
from typing import IO, Any, NoReturn

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

RATIO = 60  # what a spreadsheet writes shrinks to a tenth, to a thirtieth at most
ROWS = 1_048_576  # of any sheet
_LARGE = 8 * 2**20
_PIECE = 2**18
MARK = "\u066b"  # the decimal mark of cells that are numbers, see `manner.SHEET_MARK`
_BLANKS = str.maketrans("\r\n\t", "   ")


def main(
    path: str, wanted: str, memory: int, seconds: int, entries: int, unpacked: int, output: int, columns: int
) -> None:
    """Write the sheet and leave with 0, or leave with 3 and a fault."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _inspect(path, entries, unpacked, columns)
    try:
        book = CalamineWorkbook.from_path(path)
        names = [one.name for one in book.sheets_metadata if one.visible is SheetVisibleEnum.Visible][:50]
        if not names or (wanted and wanted not in names):
            _leave("no_sheet", sheets=names)
        sheet = None
        for name in [wanted] if wanted else names:
            found = book.get_sheet_by_name(name)
            if sheet is None or found.height > sheet.height:
                sheet = found
    except PasswordError:
        _leave("password")
    except (CalamineError, OSError, ValueError):
        _leave("broken")
    assert sheet is not None
    if sheet.total_width > columns:
        _leave("wide")
    _write(sheet, output)
    json.dump({"sheets": names, "sheet": sheet.name}, sys.stderr)


def _inspect(path: str, entries: int, unpacked: int, columns: int) -> None:
    """Look at the archive before anything is taken into memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = archive.infolist()
            if len(held) > entries or sum(one.file_size for one in held) > unpacked:
                _leave("too_big")
            if any(one.file_size > max(_LARGE, RATIO * one.compress_size) for one in held):
                _leave("too_big")
            if "xl/workbook.xml" not in {one.filename for one in held}:
                _leave("not_a_book")
            for one in held:
                if one.filename.endswith((".xml", ".rels")):
                    with archive.open(one) as part:
                        _look_over(part, columns if one.filename.startswith("xl/worksheets/") else 0)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, RuntimeError, zlib.error):
        _leave("broken")


def _look_over(part: IO[bytes], columns: int) -> None:
    """Refuse a part that declares a document type, or a sheet of too many rows or cells, piece by piece."""
    piece = part.read(_PIECE)
    # Nothing a spreadsheet writes declares one; what does wants to be unfolded.
    if b"<!DOCTYPE" in piece[:4096].replace(b"\0", b"").upper():
        _leave("broken")
    rows = cells = 0
    while columns and piece:
        rows += piece.count(b"<row")
        cells += piece.count(b"<c>") + piece.count(b"<c ") + piece.count(b"<c/")
        if rows > ROWS:
            _leave("too_big")
        if cells > columns * (rows + 1):
            _leave("wide")
        piece = part.read(_PIECE)


def _write(sheet: Any, output: int) -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # a text stream here
    # Rows come from the first of the sheet on, cells from the first column that holds something.
    indent = [""] * (sheet.start or (0, 0))[1]
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    written = 0
    for row in sheet.iter_rows():
        cells = indent + [_told(cell) for cell in row]
        # An empty row stays an empty line: the number of a line is that of its row.
        if any(cells):
            rows.writerow(cells)
        else:
            text.write("\n")
        if text.tell() > 2**16:
            written += text.tell()
            if written > output:
                _leave("too_big")
            sys.stdout.write(text.getvalue())
            text.seek(0)
            text.truncate()
    sys.stdout.write(text.getvalue())
    sys.stdout.flush()


def _told(cell: object) -> str:
    if isinstance(cell, str):
        return cell.translate(_BLANKS).strip()
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, dt.datetime):
        # Its fraction of a day holds no more than a second.
        return (cell + dt.timedelta(microseconds=500_000)).replace(microsecond=0).isoformat()
    if isinstance(cell, (int, float)):
        if abs(cell) >= 1e15:
            return f"{float(cell):.4e}"  # the last digits are gone: refused wherever they matter
        # Fifteen digits are what a spreadsheet shows; the rest is the dust of its sums.
        return str(int(cell)) if float(cell).is_integer() else _plain(f"{cell:.15g}").replace(".", MARK)
    return str(cell)


def _plain(number: str) -> str:
    return f"{float(number):.17f}".rstrip("0") if "e" in number else number


def _leave(fault: str, **more: object) -> NoReturn:
    json.dump({"fault": fault, **more}, sys.stderr)
    sys.stderr.flush()
    sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:9]))
