"""Reading a donor's file of codes, SIM cards, handsets or seats. Pure: no tables. Its format: docs/lot-file.md.

A file is good as a whole or rejected as a whole, at the first fault, with its line and column. No message
ever quotes a PIN. What a row of each kind holds stands in `lot_rows`.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

from voucher_service.errors import BadFile
from voucher_service.fulfilment.lot_rows import (
    CODES,
    KINDS,
    LotKind,
    LotRow,
    LotType,
    bad,
    check_width,
    read_whole,
)

TYPE_COLUMNS = ("type", "product", "face_value_cents", "sell_by", "count")
SEPARATORS = {"semicolon": ";", "comma": ",", "tab": "\t"}
MAX_ROWS = 200_000  # read and refused at the last within two seconds; an answer is waited for
MAX_LINE = 500  # bytes

_BOMS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(slots=True)
class LotHeader:
    """What the file says of itself before its rows. `types` counts the rows announced, and on which line."""

    separator: str
    kind: LotKind = CODES
    partner: str = ""
    types: dict[LotType, tuple[int, int]] = field(default_factory=dict)

    @property
    def quantity(self) -> int:
        """Return the number of codes or articles announced."""
        return sum(count for count, _ in self.types.values())


def digest(content: bytes | Path) -> bytes:
    """Return the SHA-256 of the file's bytes."""
    running = hashlib.sha256()
    with _opened(content) as file:
        while part := file.read(1 << 20):
            running.update(part)
    return running.digest()


@contextmanager
def opened(
    content: bytes | Path, *, partner: str, products: Mapping[str, Collection[str]], today: date
) -> Iterator[tuple[LotHeader, Iterator[LotRow]]]:
    """Open a lot file: its header, checked, and its rows, each checked as it is read.

    Reading the rows to the end is what proves the counts. `products` are those the partner may send, by the
    name of the kind of lot.

    Raises:
        BadFile: at the first fault.
    """
    with _opened(content) as file:
        lines = _lines(file)
        header = _read_header(lines, partner, products, today)
        yield header, _rows(lines, header)


@contextmanager
def _opened(content: bytes | Path) -> Iterator[BinaryIO]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        yield file


def lines_of(content: bytes | Path) -> Iterator[tuple[int, str]]:
    """Yield each line of a UTF-8 text with its number. Raises BadFile."""
    with _opened(content) as file:
        yield from _lines(file)


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    line = 0
    while raw := file.readline(MAX_LINE + 2):
        line += 1
        if line == 1:
            _check_encoding(raw)
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        body = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(body) > MAX_LINE:
            raise BadFile("la ligne dépasse {most} octets.", line=line, code="line_too_long", most=MAX_LINE)
        try:
            yield line, body.decode("utf-8")
        except UnicodeDecodeError as fault:
            raise BadFile(
                "ce caractère n’est pas en UTF-8 : enregistrez le fichier en « CSV UTF-8 ».",
                line=line,
                column=f"octet {fault.start + 1}",
                code="wrong_encoding",
            ) from None


def _check_encoding(first: bytes) -> None:
    found = next((name for bom, name in _BOMS.items() if first.startswith(bom)), None)
    if found or b"\x00" in first:
        raise BadFile(
            "le fichier est en UTF-16 : enregistrez-le en « CSV UTF-8 ».",
            line=1,
            column="octet 1",
            code="wrong_encoding",
        )


def _read_header(
    lines: Iterator[tuple[int, str]], partner: str, products: Mapping[str, Collection[str]], today: date
) -> LotHeader:
    separator = _read_version(*next(lines, (1, "")))
    header, line = LotHeader(separator), 1
    for line, text in lines:
        fields = text.split(separator)
        match fields:
            case ["separator", name]:
                if SEPARATORS.get(name) != separator:
                    raise bad(line, "separator", "ce n’est pas le séparateur employé sur la première ligne.")
            case ["kind", name]:
                _read_kind(header, line, name)
            case ["partner", name]:
                if name.strip().casefold() != partner.casefold():
                    raise bad(
                        line, "partner", "ce lot est annoncé pour un autre opérateur que {partner}.", partner=partner
                    )
                header.partner = partner
            case ["type", *_]:
                _read_type(header, line, fields, products[header.kind.name], today)
            case [first, *_] if first == header.kind.columns[0]:
                _check_columns(header, line, fields)
                return header
            case _:
                raise bad(line, "1", "attendu : separator, kind, partner, type ou la ligne des noms de colonnes.")
    raise bad(line, "", "le fichier s’arrête avant la ligne des noms de colonnes.", "no_rows")


def _read_kind(header: LotHeader, line: int, name: str) -> None:
    if header.types or header.kind is not CODES:
        raise bad(line, "kind", "la ligne « kind » se place une fois, avant les lignes « type ».")
    if name not in KINDS:
        raise bad(line, "kind", "attendu : code, sim, handset ou seat.")
    header.kind = KINDS[name]


def _read_version(line: int, text: str) -> str:
    if not text:
        raise bad(line, "", "le fichier est vide, ou sa première ligne l’est.", "empty_file")
    separator = text.removeprefix("version")[:1]
    if not text.startswith("version") or separator not in SEPARATORS.values():
        raise bad(line, "version", "la première ligne doit être « version;1 » (ou avec virgule, ou tabulation).")
    if text != f"version{separator}1":
        raise bad(line, "version", "seule la version 1 de ce format est connue.")
    return separator


def _read_type(header: LotHeader, line: int, fields: list[str], products: Collection[str], today: date) -> None:
    check_width(line, fields, TYPE_COLUMNS)
    kind = header.kind.read_type(line, fields[1], fields[2], fields[3])
    if kind[0] not in products:
        raise bad(line, "product", "aucune offre sur stock de cet opérateur ne porte ce produit.", "unknown_product")
    if kind[2] is not None and kind[2] < today:
        raise bad(line, "sell_by", "cette date est passée : rien de cela ne peut plus être donné.", "bad_date")
    if kind in header.types:
        raise bad(line, "type", "ce type est déjà annoncé plus haut.", "duplicate_type")
    header.types[kind] = (read_whole(line, "count", fields[4]), line)
    if header.quantity > MAX_ROWS:
        raise bad(
            line, "count", "un fichier porte au plus {most} lignes : découpez-le.", "too_many_rows", most=MAX_ROWS
        )


def _check_columns(header: LotHeader, line: int, fields: list[str]) -> None:
    check_width(line, fields, header.kind.columns)
    for found, expected in zip(fields, header.kind.columns, strict=True):
        if found != expected:
            raise bad(line, expected, "ce nom de colonne manque ou n’est pas à sa place.", "missing_column")
    if not header.partner:
        raise bad(line, "partner", "la ligne « partner » manque avant les lignes du lot.", "missing_column")
    if not header.types:
        raise bad(line, "type", "aucune ligne « type » n’annonce combien il y en a.", "missing_column")


def _rows(lines: Iterator[tuple[int, str]], header: LotHeader) -> Iterator[LotRow]:
    counted: Counter[LotType] = Counter()
    serials: set[str] = set()
    first = header.kind.columns[0]
    for line, text in lines:
        fields = text.split(header.separator)
        check_width(line, fields, header.kind.columns)
        row = header.kind.read_row(line, fields)
        if row.kind not in header.types:
            raise bad(
                line,
                "product",
                "ce produit, cette valeur et cette date ne sont pas annoncés.",
                "unknown_product",
            )
        counted[row.kind] += 1
        told = header.types[row.kind][0]
        if counted[row.kind] > told:
            raise bad(line, "count", "il y en a plus que les {told} annoncés.", "wrong_count", told=told)
        if row.serial in serials:
            raise bad(line, first, "ce numéro de série est déjà dans le fichier.", "duplicate_serial")
        serials.add(row.serial)
        yield row
    for kind, (count, line) in header.types.items():
        if counted[kind] != count:
            found = counted[kind]
            raise bad(line, "count", "{count} annoncés, {found} trouvés.", "wrong_count", count=count, found=found)
