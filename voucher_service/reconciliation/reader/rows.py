"""The bytes of a statement into rows of cells, within limits that hold before memory is eaten."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from voucher_service.errors import N_, BadFile

MAX_BYTES = 50 * 1024 * 1024
MAX_LINE_LENGTH = 10_000
MAX_COLUMNS = 100

_BINARY = {
    b"PK\x03\x04": N_("ce fichier est un classeur Excel (XLSX) ou une archive : enregistrez-le au format CSV (UTF-8)."),
    b"\xd0\xcf\x11\xe0": N_("ce fichier est un ancien classeur Excel (XLS) : enregistrez-le au format CSV (UTF-8)."),
    b"%PDF": N_("ce fichier est un PDF : enregistrez-le au format CSV (UTF-8)."),
    b"\x1f\x8b": N_("ce fichier est un fichier compressé : enregistrez-le au format CSV (UTF-8)."),
    b"\xff\xfe": N_("ce fichier est du texte UTF-16 : enregistrez-le au format CSV (UTF-8)."),
    b"\xfe\xff": N_("ce fichier est du texte UTF-16 : enregistrez-le au format CSV (UTF-8)."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row and the line of the file it starts on, from 1. Cells are stripped of blanks."""

    line: int
    cells: list[str]


def decode(content: bytes) -> tuple[str, str]:
    """Return the text and its encoding: utf-8, utf-8-sig or windows-1252.

    Raises:
        BadFile: empty, too big, binary, or in another encoding.
    """
    if len(content) > MAX_BYTES:
        raise BadFile("le fichier dépasse 50 Mio : envoyez-le en plusieurs fichiers.", line=1)
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
        return _strict(content, "utf-8-sig"), "utf-8-sig"
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _strict(content, "windows-1252"), "windows-1252"


def _strict(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadFile(
            "un caractère n’est ni en UTF-8 ni en Windows-1252 : enregistrez le fichier en CSV UTF-8.",
            line=content.count(b"\n", 0, error.start) + 1,
        ) from error


def _physical(text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line) > MAX_LINE_LENGTH:
            raise BadFile(
                "cette ligne dépasse {most} caractères : vérifiez les fins de ligne.", line=number, most=MAX_LINE_LENGTH
            )
        yield line


def rows(text: str, separator: str) -> Iterator[Row]:
    """Yield the rows of `text`, lazily.

    Raises:
        BadFile: a stray quote, a line too long, more than a hundred columns.
    """
    reader = csv.reader(_physical(text), delimiter=separator, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadFile(
                "un guillemet n’est pas fermé ou se trouve au milieu d’une valeur : doublez-le.", line=start
            ) from error
        if cells is None:
            return
        if len(cells) > MAX_COLUMNS:
            raise BadFile("plus de {most} colonnes : vérifiez le séparateur.", line=start, most=MAX_COLUMNS)
        yield Row(start, [cell.strip() for cell in cells])
        start = reader.line_num + 1
