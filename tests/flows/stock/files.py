"""Lot files of articles for tests: right unless told otherwise."""

from __future__ import annotations

from datetime import date

SELL_BY = date(2027, 6, 30)


def with_check_digit(body: str) -> str:
    """The digits and their check digit, made by adding up as a clerk would."""
    doubled = [int(d) * 2 for d in body[::-2]]
    total = sum(d // 10 + d % 10 for d in doubled) + sum(int(d) for d in body[-2::-2])
    return body + str(-total % 10)


def iccid(number: int) -> str:
    """A card's serial of 19 digits."""
    return with_check_digit(f"8933{number:014d}")


def imei(number: int) -> str:
    """A handset's serial."""
    return with_check_digit(f"35{number:012d}")


def seat(number: int) -> str:
    """A seat's name."""
    return f"ATELIER-{number:03d}"


def puk(number: int) -> str:
    """A PUK nothing else in a database looks like: eight digits, spread out."""
    return f"{(number * 7_654_321 + 71_234_567) % 10**8:08d}"


COLUMNS = {
    "sim": "iccid;msisdn;pin;puk;product;face_value_cents;sell_by",
    "handset": "imei;model;condition;product;face_value_cents;sell_by",
    "seat": "seat;starts;place;product;face_value_cents;sell_by",
}
PRODUCTS = {"sim": "SIM-PACK", "handset": "PHONE-A", "seat": "ATELIER-SMS"}


def row(kind: str, number: int, day: date | None = SELL_BY, phone: str = "") -> str:
    """One article."""
    first = {
        "sim": f"{iccid(number)};{phone};4{number % 1000:03d};{puk(number)}",
        "handset": f"{imei(number)};Alpha 3;good",
        "seat": f"{seat(number)};14:00;Salle du haut",
    }[kind]
    return f"{first};{PRODUCTS[kind]};0;{day.isoformat() if day else ''}"


def article_file(kind: str, numbers: list[int], *, day: date | None = SELL_BY, partner: str = "Opérateur Un") -> bytes:
    """A file of articles of one type."""
    lines = [
        "version;1",
        "separator;semicolon",
        f"kind;{kind}",
        f"partner;{partner}",
        f"type;{PRODUCTS[kind]};0;{day.isoformat() if day else ''};{len(numbers)}",
        COLUMNS[kind],
        *(row(kind, number, day) for number in numbers),
    ]
    return ("\n".join(lines) + "\n").encode()
