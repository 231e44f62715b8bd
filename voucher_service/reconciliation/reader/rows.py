"""The bytes of a statement into rows of cells, within limits that hold before memory is eaten."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat, takewhile
from typing import Protocol

from voucher_service.errors import N_, BadFile

MAX_BYTES = 256 * 2**20
MAX_LINE_LENGTH = 10_000
MAX_COLUMNS = 100
_PIECE = 2**20

_BINARY = {
    b"PK\x03\x04": N_("ce fichier est un classeur Excel (XLSX) ou une archive : enregistrez-le au format CSV (UTF-8)."),
    b"\xd0\xcf\x11\xe0": N_("ce fichier est un ancien classeur Excel (XLS) : enregistrez-le au format CSV (UTF-8)."),
    b"%PDF": N_("ce fichier est un PDF : enregistrez-le au format CSV (UTF-8)."),
    b"\x1f\x8b": N_("ce fichier est un fichier compressé : enregistrez-le au format CSV (UTF-8)."),
    b"\xff\xfe": N_("ce fichier est du texte UTF-16 : enregistrez-le au format CSV (UTF-8)."),
    b"\xfe\xff": N_("ce fichier est du texte UTF-16 : enregistrez-le au format CSV (UTF-8)."),
}


class Reader(Protocol):
    """What a CSV reader is: rows, and how many lines they took so far."""

    @property
    def line_num(self) -> int:
        """Return how many lines were read."""

    def __iter__(self) -> Iterator[list[str]]:
        """Return the rows."""

    def __next__(self) -> list[str]:
        """Return the next row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row and the line of the file it starts on, from 1. Cells are stripped of blanks."""

    line: int
    cells: list[str]


def encoding_of(content: bytes) -> str:
    """Return the encoding of the file: utf-8, utf-8-sig or windows-1252. All of it is known to decode.

    Raises:
        BadFile: empty, too big, binary, or in another encoding.
    """
    if len(content) > MAX_BYTES:
        raise BadFile("le fichier dépasse 256 Mio : envoyez-le en plusieurs fichiers.", line=1)
    for start, told in _BINARY.items():
        if content.startswith(start):
            raise BadFile(told, line=1)
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise BadFile("le fichier est vide.", line=1)
    nul = content.find(b"\0")
    if nul >= 0:
        raise BadFile(
            "ce fichier n’est pas du texte : enregistrez-le au format CSV (UTF-8).",
            line=content.count(b"\n", 0, nul) + 1,
        )
    if content.startswith(b"\xef\xbb\xbf"):
        return _checked(content, "utf-8-sig")
    try:
        return _checked(content, "utf-8")
    except BadFile:
        return _checked(content, "windows-1252")


def _checked(content: bytes, encoding: str) -> str:
    """Decode the file piece by piece and keep nothing; return `encoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(content)
    for start in range(0, len(content), _PIECE):
        try:
            decoder.decode(view[start : start + _PIECE], final=start + _PIECE >= len(content))
        except UnicodeDecodeError as error:
            raise BadFile(
                "un caractère n’est ni en UTF-8 ni en Windows-1252 : enregistrez le fichier en CSV UTF-8.",
                line=content.count(b"\n", 0, start + error.start) + 1,
            ) from error
    return encoding


def lines_of(content: bytes, encoding: str) -> Iterator[str]:
    """Yield the lines of the file with their ends; decoded as they are read, so that the text never stands whole."""
    file = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    if not perhaps_endless(content):
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
    return chunks_of(csv.reader(lines_of(content, encoding), delimiter=separator, strict=True), size, 1)


def chunks_of(reader: Reader, size: int, start: int) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield what the CSV reader reads, as `chunks` does; `start` is the line of the file it begins on. Raises alike."""
    offset = start - 1
    while True:
        starts: list[int] = []
        cells: list[list[str]] = []
        fault: BadFile | None = None
        try:
            for row in islice(reader, size):
                starts.append(start)
                cells.append(row)
                start = offset + reader.line_num + 1
        except csv.Error as error:
            fault = BadFile(
                "un guillemet n’est pas fermé ou se trouve au milieu d’une valeur : doublez-le.", line=start
            )
            fault.__cause__ = error
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
        if len(cells) < size:
            return


def rows(content: bytes, encoding: str, separator: str, size: int) -> Iterator[Row]:
    """Yield the rows of the file one by one, read `size` at a time. Raises as `chunks` does."""
    for starts, cells in chunks(content, encoding, separator, size):
        for start, row in zip(starts, cells, strict=True):
            yield Row(start, [cell.strip() for cell in row])
