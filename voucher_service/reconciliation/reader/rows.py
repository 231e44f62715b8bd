"""The bytes of a statement into rows of cells, within limits that hold before memory is eaten."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat, takewhile

from voucher_service.errors import N_, BadFile
from voucher_service.reconciliation.reader.light import light_faults

MAX_BYTES = 256 * 2**20
MAX_LINE_LENGTH = 10_000
MAX_COLUMNS = 100
_PIECE = 2**20
_AT_ONCE = 2**19  # bytes of the file that stand in memory as rows
_SLICE = 200

_BINARY = {
    b"\xd0\xcf\x11\xe0": N_(
        "ce fichier est un ancien classeur Excel (XLS) : enregistrez-le au format XLSX ou CSV (UTF-8)."
    ),
    b"%PDF": N_("ce fichier est un PDF : demandez le relevé au format CSV ou XLSX."),
    b"\x1f\x8b": N_("ce fichier est un fichier compressé : enregistrez-le au format CSV (UTF-8)."),
}


_MARKS = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE


@dataclass(frozen=True, slots=True)
class Row:
    """A row and the line of the file it starts on, from 1. Cells are stripped of blanks."""

    line: int
    cells: list[str]


def encoding_of(content: bytes, wanted: str = "") -> str:
    """Return the encoding of the file: UTF-8, UTF-16, or Windows-1252; or `wanted`. All of it is known to decode.

    Raises:
        BadFile: empty, too big, binary, or in another encoding.
    """
    _refuse_others(content)
    wide = _wide(content)
    if wide:
        return _checked(content, wide)
    nul = content.find(b"\0")
    if nul >= 0:
        raise BadFile(
            "ce fichier n’est pas du texte : enregistrez-le au format CSV (UTF-8).",
            line=content.count(b"\n", 0, nul) + 1,
        )
    if content.startswith(codecs.BOM_UTF8):
        return _checked(content, "utf-8-sig")
    if wanted == "windows-1252":
        return _checked(content, wanted)
    try:
        return _checked(content, "utf-8")
    except BadFile:
        if wanted.startswith("utf-8"):
            raise
        return _checked(content, "windows-1252")


def _refuse_others(content: bytes) -> None:
    """Refuse what is too big, empty, or another kind of file."""
    if len(content) > MAX_BYTES:
        raise BadFile("le fichier dépasse 256 Mio : envoyez-le en plusieurs fichiers.", line=1)
    for start, told in _BINARY.items():
        if content.startswith(start):
            raise BadFile(told, line=1)
    if not content[:8].strip(_MARKS + b" \t\r\n\0") and not content.strip(_MARKS + b" \t\r\n\0"):
        raise BadFile("le fichier est vide.", line=1)


def _wide(content: bytes) -> str:
    """Return the name of the two-byte encoding the file is in, "" when it is in none."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = content[:200]
    if len(start) > 3 and len(content) % 2 == 0:
        half = len(start) // 2
        if start[1::2].count(0) * 10 > half * 9 and not start[::2].count(0):
            return "utf-16-le"
        if start[::2].count(0) * 10 > half * 9 and not start[1::2].count(0):
            return "utf-16-be"
    return ""


def _checked(content: bytes, encoding: str) -> str:
    """Decode the file piece by piece and keep nothing; return `encoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(content)
    for start in range(0, len(content), _PIECE):
        try:
            decoder.decode(view[start : start + _PIECE], final=start + _PIECE >= len(content))
        except UnicodeDecodeError as error:
            raise BadFile(
                "un caractère n’est ni en UTF-8, ni en Windows-1252 : enregistrez le fichier en CSV UTF-8.",
                line=content.count(b"\n", 0, start + error.start) + 1,
            ) from error
    return encoding


def lines_of(raw: io.BytesIO, content: bytes, encoding: str) -> Iterator[str]:
    """Yield the lines of the file with their ends; decoded as they are read, so that the text never stands whole."""
    file = io.TextIOWrapper(raw, encoding, newline="")
    # Of two bytes a character, one may look like the end of a line.
    if not encoding.startswith("utf-16") and not perhaps_endless(content):
        return file
    # A line ends within what is read at once, or it is too long: memory is bounded whatever it holds.
    return _measured(takewhile(bool, map(file.readline, repeat(MAX_LINE_LENGTH + 3))))


def perhaps_endless(content: bytes) -> bool:
    """Say whether some stretch of the file is so long without the end of a line that one may be too long."""
    step = MAX_LINE_LENGTH // 2
    return any(
        content.find(b"\n", at, at + step) < 0 and content.find(b"\r", at, at + step) < 0
        for at in range(0, len(content) - step, step)
    )


def _measured(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_LENGTH and len(line.rstrip("\r\n")) > MAX_LINE_LENGTH:
            raise BadFile(
                "cette ligne dépasse {most} caractères : vérifiez les fins de ligne.", line=number, most=MAX_LINE_LENGTH
            )
        yield line


def chunks(content: bytes, encoding: str, separator: str, size: int) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield up to `size` rows at a time: the line each starts on, from 1, and its cells as they stand.

    Raises:
        BadFile: a stray quote, a line too long, more than a hundred columns. The rows before it come first.
    """
    raw = io.BytesIO(content)
    yield from chunks_of(raw, lines_of(raw, content, encoding), separator, size, 1)


def chunks_of(
    raw: io.BytesIO, lines: Iterator[str], separator: str, size: int, start: int
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield the rows of the lines, which come from `raw`, as `chunks` does; the first is line `start` of the file."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    offset, ended = start - 1, False
    while not ended:
        starts: list[int] = []
        cells: list[list[str]] = []
        fault: BadFile | None = None
        begun = raw.tell()
        try:
            # Long rows stand in memory by the hundred, not by the ten thousand.
            while not ended and len(cells) < size and raw.tell() - begun <= _AT_ONCE:
                before = len(cells)
                for row in islice(reader, min(_SLICE, size - before)):
                    starts.append(start)
                    cells.append(row)
                    start = offset + reader.line_num + 1
                ended = len(cells) - before < min(_SLICE, size - before)
        except csv.Error as error:
            fault = BadFile(
                "un guillemet n’est pas fermé ou se trouve au milieu d’une valeur : doublez-le.", line=start
            )
            fault.__cause__ = error.with_traceback(None)
        except BadFile as error:
            fault = error
        if cells and max(map(len, cells)) > MAX_COLUMNS:
            wide = next(i for i, row in enumerate(cells) if len(row) > MAX_COLUMNS)
            fault = BadFile("plus de {most} colonnes : vérifiez le séparateur.", line=starts[wide], most=MAX_COLUMNS)
            del starts[wide:], cells[wide:]
        if cells:
            yield starts, cells
        if fault is not None:
            raise fault


def rows(content: bytes, encoding: str, separator: str, size: int) -> Iterator[Row]:
    """Yield the rows of the file one by one, read `size` at a time. Raises as `chunks` does."""
    for starts, cells in chunks(content, encoding, separator, size):
        for start, row in zip(starts, cells, strict=True):
            yield Row(start, [cell.strip() for cell in row])


@light_faults()
def walk(content: bytes, encoding: str, separator: str) -> None:
    """Read the file to its end and keep nothing. Raises as `chunks` does."""
    for _ in chunks(content, encoding, separator, 10_000):
        pass
