"""Files made by us: samples of each kind to fill in, and the lot of a training session's seats."""

from __future__ import annotations

from datetime import date
from typing import Final

from voucher_service.fulfilment.lot_rows import KINDS


def lot_text(kind: str, partner: str, types: list[str], rows: list[str]) -> str:
    """Return a lot file: `types` and `rows` as they stand in it."""
    lines = ["version;1", "separator;semicolon", f"kind;{kind}", f"partner;{partner}"]
    lines += [f"type;{one}" for one in types]
    return "\n".join([*lines, ";".join(KINDS[kind].columns), *rows]) + "\n"


def session_file(*, partner: str, product: str, name: str, day: date, starts: str, place: str, seats: int) -> bytes:
    """Return the lot file of a session: its seats are numbered NAME-001, NAME-002…"""
    place = " ".join(place.replace(";", ",").split())
    kind = f"{product};0;{day.isoformat()}"
    rows = [f"{name}-{number:03d};{starts};{place};{kind}" for number in range(1, seats + 1)]
    return lot_text("seat", partner, [f"{kind};{seats}"], rows).encode()


SAMPLES: Final = {
    "sim.csv": lot_text(
        "sim",
        "Opérateur Un",
        ["SIM-PACK;0;2027-06-30;2"],
        [
            "8933012345678901231;0639980001;1234;87654321;SIM-PACK;0;2027-06-30",
            "8933012345678901249;;;;SIM-PACK;0;2027-06-30",
        ],
    ),
    "handset.csv": lot_text(
        "handset",
        "Opérateur Un",
        ["PHONE-A;0;;2"],
        ["490154203237518;Alpha 3;new;PHONE-A;0;", "356938035643809;Alpha 3;good;PHONE-A;0;"],
    ),
    "seat.csv": lot_text(
        "seat",
        "Opérateur Un",
        ["ATELIER-SMS;0;2027-03-04;2"],
        [f"ATELIER-MARS-{one};14:00;Salle du haut;ATELIER-SMS;0;2027-03-04" for one in ("001", "002")],
    ),
    "numbers.csv": "iccid;msisdn\n8933012345678901249;0639980002\n",
}
"""A file of each kind, by its name."""
