"""What one row of a lot file holds, for each kind of lot, and how it is checked. Pure: no tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from voucher_service.errors import N_, BadFile, BadInput
from voucher_service.people.phones import read_mobile

_CODE_SERIAL = re.compile(r"[0-9]{8,30}", re.ASCII)
_ICCID = re.compile(r"89[0-9]{17,18}", re.ASCII)
_IMEI = re.compile(r"[0-9]{15}", re.ASCII)
_SEAT = re.compile(r"[0-9A-Za-z-]{3,30}", re.ASCII)
_CODE_PIN = re.compile(r"[0-9A-Za-z-]{4,32}", re.ASCII)
_SIM_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
_PUK = re.compile(r"[0-9]{8}", re.ASCII)
_WHOLE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

CONDITIONS: Final = ("new", "good", "worn")

_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits added up

LotType = tuple[str, int, date | None]
"""Product code, face value in cents, last day of sale (none: it keeps)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRow:
    """One code or article; the fields that its kind has no use for are empty."""

    line: int
    serial: str
    kind: LotType
    pin: str = field(default="", repr=False)
    puk: str = field(default="", repr=False)
    number: str = ""  # E.164
    model: str = ""
    condition: str = ""
    starts: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotKind:
    """A kind of lot: its name in the file, its columns, and how a row is read and checked.

    `free`: a face value of zero is good; `keeps`: so is no last day.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[int, list[str], LotType], LotRow]
    free: bool = True
    keeps: bool = False

    def read_type(self, line: int, product: str, face: str, day: str) -> LotType:
        """Return what the three fields that name a type say. Raises BadFile."""
        if not 1 <= len(product) <= 40:
            raise bad(line, "product", "un code de produit a 1 à 40 caractères.", "unknown_product")
        cents = 0 if self.free and face == "0" else read_whole(line, "face_value_cents", face)
        return product, cents, None if self.keeps and not day else _read_day(line, day)

    def read_row(self, line: int, fields: list[str]) -> LotRow:
        """Return the row that `fields`, one for each column, hold. Raises BadFile."""
        return self.read(line, fields, self.read_type(line, *fields[-3:]))


def luhn_is_right(digits: str) -> bool:
    """Say whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def check_serial(kind: str, serial: str) -> str:
    """Return the code of what is wrong with the serial of this kind: `bad_number`, `bad_check_digit` or ""."""
    forms = {"code": _CODE_SERIAL, "sim": _ICCID, "handset": _IMEI, "seat": _SEAT}
    if not forms[kind].fullmatch(serial):
        return "bad_number"
    return "" if kind == "seat" or luhn_is_right(serial) else "bad_check_digit"


_SERIAL_FORMS = {
    "code": N_("un numéro de série a 8 à 30 chiffres."),
    "sim": N_("un ICCID commence par 89 et a 19 ou 20 chiffres, imprimés sur la carte."),
    "handset": N_("un IMEI a 15 chiffres : composez *#06# sur le téléphone."),
    "seat": N_("une place se nomme en 3 à 30 chiffres, lettres sans accent ou tirets."),
}


def _serial(kind: str, line: int, column: str, serial: str) -> str:
    fault = check_serial(kind, serial)
    if fault == "bad_check_digit":
        raise bad(line, column, "la clé de contrôle est fausse : vérifiez ce numéro.", fault)
    if fault:
        raise bad(line, column, _SERIAL_FORMS[kind], fault)
    return serial


def _read_code(line: int, fields: list[str], kind: LotType) -> LotRow:
    serial, pin = fields[:2]
    _serial("code", line, "serial", serial)
    if not _CODE_PIN.fullmatch(pin):
        raise bad(line, "pin", "un code a 4 à 32 chiffres, lettres sans accent ou tirets.", "bad_pin")
    return LotRow(line=line, serial=serial, pin=pin, kind=kind)


def _read_sim(line: int, fields: list[str], kind: LotType) -> LotRow:
    iccid, number, pin, puk = fields[:4]
    _serial("sim", line, "iccid", iccid)
    if pin and not _SIM_PIN.fullmatch(pin):
        raise bad(line, "pin", "le code PIN d’une carte a 4 à 8 chiffres, ou rien.", "bad_pin")
    if puk and not _PUK.fullmatch(puk):
        raise bad(line, "puk", "un code PUK a 8 chiffres, ou rien.", "bad_pin")
    told = read_number(line, number) if number else ""
    return LotRow(line=line, serial=iccid, number=told, pin=pin, puk=puk, kind=kind)


def read_number(line: int, number: str) -> str:
    """Return a mobile number of a file in E.164 form. Raises BadFile."""
    try:
        return read_mobile(number)
    except BadInput as fault:
        raise BadFile(fault.message, line=line, column="msisdn", code="bad_number", **fault.values) from None


def _read_handset(line: int, fields: list[str], kind: LotType) -> LotRow:
    imei, model, condition = fields[:3]
    _serial("handset", line, "imei", imei)
    if not 1 <= len(model) <= 80 or not model.isprintable():
        raise bad(line, "model", "le modèle a 1 à 80 caractères.", "bad_text")
    if condition not in CONDITIONS:
        raise bad(line, "condition", "attendu : new, good ou worn.", "bad_text")
    return LotRow(line=line, serial=imei, model=model, condition=condition, kind=kind)


def _read_seat(line: int, fields: list[str], kind: LotType) -> LotRow:
    seat, starts, place = fields[:3]
    _serial("seat", line, "seat", seat)
    if not _TIME.fullmatch(starts):
        raise bad(line, "starts", "attendu : une heure de la forme 14:00.", "bad_date")
    if not 1 <= len(place) <= 120 or not place.isprintable():
        raise bad(line, "place", "le lieu a 1 à 120 caractères.", "bad_text")
    return LotRow(line=line, serial=seat, starts=starts, place=place, kind=kind)


_LAST = ("product", "face_value_cents", "sell_by")
CODES: Final = LotKind(name="code", columns=("serial", "pin", *_LAST), read=_read_code, free=False)
KINDS: Final = {
    kind.name: kind
    for kind in (
        CODES,
        LotKind(name="sim", columns=("iccid", "msisdn", "pin", "puk", *_LAST), read=_read_sim, keeps=True),
        LotKind(name="handset", columns=("imei", "model", "condition", *_LAST), read=_read_handset, keeps=True),
        LotKind(name="seat", columns=("seat", "starts", "place", *_LAST), read=_read_seat),
    )
}
"""The kinds of lots by the word in the line `kind` of a file."""


def check_width(line: int, fields: list[str], names: tuple[str, ...]) -> None:
    """Raise BadFile unless there is one field for each name."""
    if len(fields) < len(names):
        raise bad(line, names[len(fields)], "cette colonne manque.", "missing_column")
    if len(fields) > len(names):
        raise bad(line, str(len(names) + 1), "il y a une colonne de trop.", "extra_column")


def read_whole(line: int, column: str, text: str) -> int:
    """Return the positive whole number that the field holds. Raises BadFile."""
    if not _WHOLE.fullmatch(text):
        raise bad(line, column, "attendu : un nombre entier positif, en chiffres seuls.", "bad_number")
    return int(text)


def _read_day(line: int, text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # 30 February looks like a date; it is told in the same words
    raise bad(line, "sell_by", "attendu : une date de la forme 2027-06-30.", "bad_date")


def bad(line: int, column: str, message: str, code: str = "bad_file", **values: object) -> BadFile:
    """Return the refusal of a file at this place."""
    return BadFile(message, line=line, column=column, code=code, **values)
