"""What the drill of the PINs hides and looks for: codes of a lot, PIN, PUK and number of SIM cards, codes bought."""

from __future__ import annotations

import re

from tests.flows.delivery.lots import pin
from tests.flows.stock.files import COLUMNS, PRODUCTS, SELL_BY, iccid
from tests.integrations.reloadly_server import PIN_OPERATOR, ReloadlyServer
from tests.integrations.talk import Asked, Said

RECIPIENT = "+33639989999"
"""Whose telephone the codes that are bought are for; of the numbers that are given to fiction, as all here."""

_SECRET = re.compile(
    rb"PIN-\d{8}-\d{6}"  # a code, of stock or bought
    rb"|(?<!\d)(?:33|0)?63998\d{4}(?!\d)"  # a telephone number
    rb"|(?<!\d)\d{8}(?!\d)"  # a PIN or a PUK of a card
)
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){8,}")
_HEX = re.compile(rb"(?=((?:3\d|2d|2b|50|49|4e){8,22}))", re.IGNORECASE)  # from every place: it may begin anywhere


def card_pin(number: int) -> str:
    """Return the PIN of a SIM card: eight digits, as four could stand anywhere."""
    return f"{30_000_000 + number * 7919 % 10**7:08d}"


def card_puk(number: int) -> str:
    """Return the PUK of a SIM card."""
    return f"{70_000_000 + number * 104_729 % 10**7:08d}"


def card_number(number: int) -> str:
    """Return the telephone number of a SIM card, as a file says it. There are 9,000."""
    return f"063998{number:04d}"


def bought(number: int) -> str:
    """Return the code that the partner sells as its `number`th."""
    return f"PIN-99999999-{number:06d}"


def card_file(cards: int) -> bytes:
    """Return a lot file of SIM cards with all their secrets."""
    kind = f"{PRODUCTS['sim']};0;{SELL_BY.isoformat()}"
    lines = ["version;1", "separator;semicolon", "kind;sim", "partner;Opérateur Un", f"type;{kind};{cards}"]
    rows = (f"{iccid(one)};{card_number(one)};{card_pin(one)};{card_puk(one)};{kind}" for one in range(cards))
    return ("\n".join([*lines, COLUMNS["sim"], *rows]) + "\n").encode()


def secrets(codes: int, cards: int, sold: int) -> dict[str, set[str]]:
    """Return by kind what must stand nowhere in clear."""
    return {
        "codes of the lot": {pin(one) for one in range(codes)},
        "PINs and PUKs of cards": {make(one) for make in (card_pin, card_puk) for one in range(cards)},
        "telephone numbers": {card_number(one)[1:] for one in range(cards)} | {RECIPIENT[3:]},
        "codes bought": {bought(one) for one in range(sold)},
    }


def found_in(blob: bytes, wanted: set[str]) -> set[str]:
    """Return which of the secrets stand in `blob` as UTF-8, as UTF-16 or in hexadecimal."""
    texts = [blob, *(run.replace(b"\0", b"") for run in _WIDE.findall(blob))]
    texts += [bytes.fromhex(run.decode()) for run in _HEX.findall(blob) if len(run) % 2 == 0]
    seen = {one.decode() for text in texts for one in _SECRET.findall(text)}
    return {one[-9:] if one.isdigit() and len(one) > 8 else one for one in seen} & wanted


class Seller(ReloadlyServer):
    """A Reloadly that sells another code each time."""

    def _order(self, asked: Asked) -> Said:
        said = super()._order(asked)
        if said.status != 200:
            return said
        assert self.lines[-1]["operatorId"] == PIN_OPERATOR
        self.lines[-1]["pinDetail"] = {"serial": f"{len(self.lines):06d}", "code": bought(len(self.lines) - 1)}
        return Said(200, dict(self.lines[-1]))
