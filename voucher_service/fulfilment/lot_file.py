"""Reading a donor's file of recharge codes. Pure: no tables. The format stands in docs/lot-file.md.

A file is good as a whole or rejected as a whole, at the first fault, with its line and column. No message
ever quotes a PIN.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

from voucher_service.errors import BadFile

COLUMNS = ("serial", "pin", "product", "face_value_cents", "sell_by")
TYPE_COLUMNS = ("type", "product", "face_value_cents", "sell_by", "count")
SEPARATORS = {"semicolon": ";", "comma": ",", "tab": "\t"}
MAX_ROWS = 1_000_000
MAX_LINE = 500  # bytes

_BOMS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_SERIAL = re.compile(r"[0-9]{8,30}", re.ASCII)
_PIN = re.compile(r"[0-9A-Za-z-]{4,32}", re.ASCII)
_WHOLE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits added up

LotType = tuple[str, int, date]
"""Product code, face value in cents, last day of sale."""


@dataclass(slots=True)
class LotHeader:
    """What the file says of itself before its rows. `types` counts the rows announced, and on which line."""

    separator: str
    partner: str = ""
    types: dict[LotType, tuple[int, int]] = field(default_factory=dict)

    @property
    def quantity(self) -> int:
        """Return the number of codes announced."""
        return sum(count for count, _ in self.types.values())


@dataclass(frozen=True, slots=True)
class LotRow:
    """One code."""

    line: int
    serial: str
    pin: str = field(repr=False)
    kind: LotType


def luhn_is_right(digits: str) -> bool:
    """Say whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def digest(content: bytes | Path) -> bytes:
    """Return the SHA-256 of the file's bytes."""
    running = hashlib.sha256()
    with _opened(content) as file:
        while part := file.read(1 << 20):
            running.update(part)
    return running.digest()


@contextmanager
def opened(
    content: bytes | Path, *, partner: str, products: Collection[str], today: date
) -> Iterator[tuple[LotHeader, Iterator[LotRow]]]:
    """Open a lot file: its header, checked, and its rows, each checked as it is read.

    Reading the rows to the end is what proves the counts. `products` are the codes the partner may send.

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


def _read_header(lines: Iterator[tuple[int, str]], partner: str, products: Collection[str], today: date) -> LotHeader:
    separator = _read_version(*next(lines, (1, "")))
    header, line = LotHeader(separator), 1
    for line, text in lines:
        fields = text.split(separator)
        match fields:
            case ["separator", name]:
                if SEPARATORS.get(name) != separator:
                    raise _bad(line, "separator", "ce n’est pas le séparateur employé sur la première ligne.")
            case ["partner", name]:
                if name.strip().casefold() != partner.casefold():
                    raise _bad(
                        line, "partner", "ce lot est annoncé pour un autre opérateur que {partner}.", partner=partner
                    )
                header.partner = partner
            case ["type", *_]:
                _read_type(header, line, fields, products, today)
            case ["serial", *_]:
                _check_columns(header, line, fields)
                return header
            case _:
                raise _bad(line, "1", "attendu : separator, partner, type ou la ligne des noms de colonnes.")
    raise _bad(line, "", "le fichier s’arrête avant la ligne des noms de colonnes (serial, pin…).", "no_rows")


def _read_version(line: int, text: str) -> str:
    if not text:
        raise _bad(line, "", "le fichier est vide, ou sa première ligne l’est.", "empty_file")
    separator = text.removeprefix("version")[:1]
    if not text.startswith("version") or separator not in SEPARATORS.values():
        raise _bad(line, "version", "la première ligne doit être « version;1 » (ou avec virgule, ou tabulation).")
    if text != f"version{separator}1":
        raise _bad(line, "version", "seule la version 1 de ce format est connue.")
    return separator


def _read_type(header: LotHeader, line: int, fields: list[str], products: Collection[str], today: date) -> None:
    _check_width(line, fields, TYPE_COLUMNS)
    kind = _kind(line, fields[1], fields[2], fields[3])
    if kind[0] not in products:
        raise _bad(line, "product", "aucune offre sur stock de cet opérateur ne porte ce produit.", "unknown_product")
    if kind[2] < today:
        raise _bad(line, "sell_by", "cette date est passée : ces codes ne peuvent plus être donnés.", "bad_date")
    if kind in header.types:
        raise _bad(line, "type", "ce type est déjà annoncé plus haut.", "duplicate_type")
    header.types[kind] = (_whole(line, "count", fields[4]), line)
    if header.quantity > MAX_ROWS:
        raise _bad(
            line, "count", "un fichier porte au plus {most} codes : découpez-le.", "too_many_rows", most=MAX_ROWS
        )


def _check_columns(header: LotHeader, line: int, fields: list[str]) -> None:
    _check_width(line, fields, COLUMNS)
    for found, expected in zip(fields, COLUMNS, strict=True):
        if found != expected:
            raise _bad(line, expected, "ce nom de colonne manque ou n’est pas à sa place.", "missing_column")
    if not header.partner:
        raise _bad(line, "partner", "la ligne « partner » manque avant les codes.", "missing_column")
    if not header.types:
        raise _bad(line, "type", "aucune ligne « type » n’annonce le nombre de codes.", "missing_column")


def _rows(lines: Iterator[tuple[int, str]], header: LotHeader) -> Iterator[LotRow]:
    counted: Counter[LotType] = Counter()
    serials: set[str] = set()
    for line, text in lines:
        row = _row(line, text.split(header.separator))
        if row.kind not in header.types:
            raise _bad(
                line,
                "product",
                "ce produit, cette valeur et cette date ne sont pas annoncés.",
                "unknown_product",
            )
        counted[row.kind] += 1
        told = header.types[row.kind][0]
        if counted[row.kind] > told:
            raise _bad(line, "count", "plus de codes que les {told} annoncés.", "wrong_count", told=told)
        if row.serial in serials:
            raise _bad(line, "serial", "ce numéro de série est déjà dans le fichier.", "duplicate_serial")
        serials.add(row.serial)
        yield row
    for kind, (count, line) in header.types.items():
        if counted[kind] != count:
            found = counted[kind]
            raise _bad(
                line, "count", "{count} codes annoncés, {found} trouvés.", "wrong_count", count=count, found=found
            )


def _row(line: int, fields: list[str]) -> LotRow:
    _check_width(line, fields, COLUMNS)
    serial, pin, product, face, day = fields
    if not _SERIAL.fullmatch(serial):
        raise _bad(line, "serial", "un numéro de série a 8 à 30 chiffres.", "bad_number")
    if not luhn_is_right(serial):
        raise _bad(line, "serial", "la clé de contrôle est fausse : vérifiez ce numéro.", "bad_check_digit")
    if not _PIN.fullmatch(pin):
        raise _bad(line, "pin", "un code a 4 à 32 chiffres, lettres sans accent ou tirets.", "bad_pin")
    return LotRow(line, serial, pin, _kind(line, product, face, day))


def _kind(line: int, product: str, face: str, day: str) -> LotType:
    if not 1 <= len(product) <= 40:
        raise _bad(line, "product", "un code de produit a 1 à 40 caractères.", "unknown_product")
    return product, _whole(line, "face_value_cents", face), _day(line, day)


def _check_width(line: int, fields: list[str], names: tuple[str, ...]) -> None:
    if len(fields) < len(names):
        raise _bad(line, names[len(fields)], "cette colonne manque.", "missing_column")
    if len(fields) > len(names):
        raise _bad(line, str(len(names) + 1), "il y a une colonne de trop.", "extra_column")


def _whole(line: int, column: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _bad(line, column, "attendu : un nombre entier positif, en chiffres seuls.", "bad_number")
    return int(text)


def _day(line: int, text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # 30 February looks like a date; it is told in the same words
    raise _bad(line, "sell_by", "attendu : une date de la forme 2027-06-30.", "bad_date")


def _bad(line: int, column: str, message: str, code: str = "bad_file", **values: object) -> BadFile:
    return BadFile(message, line=line, column=column, code=code, **values)
