"""Lot files for tests: right unless told otherwise."""

from __future__ import annotations

from datetime import date

SELL_BY = date(2027, 6, 30)


def serial(number: int) -> str:
    """A serial of 12 digits with its check digit, made by adding up as a clerk would."""
    body = f"{number:011d}"
    doubled = [int(d) * 2 for d in body[::-2]]
    total = sum(d // 10 + d % 10 for d in doubled) + sum(int(d) for d in body[-2::-2])
    return body + str(-total % 10)


def pin(number: int) -> str:
    """A PIN nothing else in a database looks like."""
    return f"PIN-{number * 7919 % 10**8:08d}-{number:06d}"


def row(number: int, *, product: str = "TOPUP5", face: int = 500, day: date = SELL_BY) -> str:
    """One code."""
    return f"{serial(number)};{pin(number)};{product};{face};{day.isoformat()}"


def lot_file(
    numbers: list[int], *, partner: str = "Opérateur Un", day: date = SELL_BY, face: int = 500, product: str = "TOPUP5"
) -> bytes:
    """A file of codes of one type."""
    lines = [
        "version;1",
        "separator;semicolon",
        f"partner;{partner}",
        f"type;{product};{face};{day.isoformat()};{len(numbers)}",
        "serial;pin;product;face_value_cents;sell_by",
        *(row(number, product=product, face=face, day=day) for number in numbers),
    ]
    return ("\n".join(lines) + "\n").encode()
