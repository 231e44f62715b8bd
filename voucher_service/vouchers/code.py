"""The signed voucher code: 83 bytes, written as digits, checkable offline.

A token is a 19-byte body and a 64-byte Ed25519 signature:

| offset | length | field, big endian                                             |
|--------|--------|---------------------------------------------------------------|
| 0      | 1      | 0x11: layout version 1, type 1 (voucher)                      |
| 1      | 2      | issuing organisation                                          |
| 3      | 1      | key id within the organisation                                |
| 4      | 4      | serial within (organisation, key id): index into the status   |
| 8      | 4      | nonce: random, so that two tokens never differ by serial only |
| 12     | 2      | offer code; the catalogue gives the unit                      |
| 14     | 3      | value in the unit's smallest piece                            |
| 17     | 2      | last valid day, days since 2020-01-01                         |
| 19     | 64     | Ed25519 signature                                             |

The signature covers an RFC 9052 `Sig_structure`, so a token expands to a COSE_Sign1 that any library checks.
Nothing personal stands in a token. Nothing here decides whether a voucher is expired, spent or cancelled.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from voucher_service.vouchers.keys import KeyAlgorithm, KeyStatus, PublicKeyRecord

BODY_SIZE: Final = 19
TOKEN_SIZE: Final = 83
DIGITS: Final = 200  # enough for 83 bytes: 2**664 has 200 decimal digits
FIRST_DAY: Final = date(2020, 1, 1)
LAST_DAY: Final = FIRST_DAY + timedelta(days=2**16 - 1)

_LAYOUT: Final = 0x11
_DIGITS_PREFIX: Final = "10"
_LONGEST_TEXT: Final = 1000
# Sig_structure ["Signature1", {1 alg: -8 EdDSA}, external_aad "voucher-v1", body], up to the body's bytes.
_SIGNED_PREFIX: Final = bytes.fromhex("846a5369676e61747572653143a101274a766f75636865722d763153")

# What a keyboard-wedge scanner set to QWERTY types on a French AZERTY keyboard (PC and Mac) for each digit.
_AZERTY: Final = str.maketrans("à&é\"'(-è_ç§!", "012345678968")
_AZERTY_TEXT: Final = re.compile("[à&é\"'(\\-è_ç§!]{200,}")
_HOST: Final = re.compile(r"[A-Z0-9](?:[A-Z0-9.-]*[A-Z0-9])?(?::[0-9]{1,5})?")
_URL_TEXT: Final = re.compile(r"https?://.+/v/([0-9]*)/?(?:[?#].*)?", re.IGNORECASE)
_SCANNER_MARK: Final = re.compile(r"^\][A-Za-z][0-9]")  # AIM symbology identifier, e.g. "]Q1"


class Reason(StrEnum):
    """Why a text is not accepted as a voucher of ours: a closed set of stable codes."""

    NOT_A_VOUCHER = "not_a_voucher"  # some other text or barcode
    DAMAGED = "damaged"  # a voucher's digits, with some missing, doubled or misread
    FOREIGN = "foreign"  # an organisation we hold no key of
    UNKNOWN_KEY = "unknown_key"  # a known organisation, a key we have not got (yet)
    FORGED = "forged"  # the signature is not that of the named key
    REVOKED_KEY = "revoked_key"  # well signed, by a key no longer believed: ask the server


class VoucherCodeError(ValueError):
    """A text or token that proves no voucher; `reason` is the stable code.

    `body` is what the token claims, when it could be unpacked. It is proved for REVOKED_KEY only.
    """

    def __init__(self, reason: Reason, detail: str, body: VoucherBody | None = None) -> None:
        """Keep the code for machines and the detail for logs."""
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.body = body


@dataclass(frozen=True, slots=True)
class VoucherBody:
    """What a voucher says of itself. `value` counts the smallest piece of the offer's unit.

    Raises: ValueError naming the field that does not fit its bytes.
    """

    organisation: int
    key_id: int
    serial: int
    nonce: int
    offer_code: int
    value: int
    last_day: date

    def __post_init__(self) -> None:
        """Refuse what could not be packed without loss."""
        for field, width in _WIDTHS.items():
            number = getattr(self, field)
            if not 0 <= number < 1 << 8 * width:
                raise ValueError(f"{field} must be 0 to {(1 << 8 * width) - 1}, not {number}")
        if not FIRST_DAY <= self.last_day <= LAST_DAY:
            raise ValueError(f"last_day must be {FIRST_DAY} to {LAST_DAY}, not {self.last_day}")

    @property
    def spending_key(self) -> tuple[int, int, int]:
        """(organisation, key_id, serial): what a redemption is keyed on, never the token's text."""
        return (self.organisation, self.key_id, self.serial)

    def pack(self) -> bytes:
        """The 19 bytes that are signed."""
        head = (_LAYOUT, self.organisation, self.key_id, self.serial, self.nonce, self.offer_code)
        day = (self.last_day - FIRST_DAY).days
        return struct.pack(">BHBIIH", *head) + self.value.to_bytes(3, "big") + day.to_bytes(2, "big")

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The body in 19 bytes.

        Raises: VoucherCodeError DAMAGED for another length, NOT_A_VOUCHER for another layout or type.
        """
        if len(packed) != BODY_SIZE:
            raise VoucherCodeError(Reason.DAMAGED, f"the body has {len(packed)} bytes, not {BODY_SIZE}")
        layout, organisation, key_id, serial, nonce, offer_code = struct.unpack(">BHBIIH", packed[:14])
        if layout != _LAYOUT:
            raise VoucherCodeError(Reason.NOT_A_VOUCHER, f"layout and type are 0x{layout:02x}")
        return cls(
            organisation=organisation,
            key_id=key_id,
            serial=serial,
            nonce=nonce,
            offer_code=offer_code,
            value=int.from_bytes(packed[14:17], "big"),
            last_day=FIRST_DAY + timedelta(days=int.from_bytes(packed[17:19], "big")),
        )


_WIDTHS: Final = {"organisation": 2, "key_id": 1, "serial": 4, "nonce": 4, "offer_code": 2, "value": 3}


def is_past(body: VoucherBody, today: date) -> bool:
    """Whether the last valid day is over; the last day itself is still good."""
    return today > body.last_day


def sign(body: VoucherBody, private_key: Ed25519PrivateKey) -> bytes:
    """The 83-byte token. The same body and key always give the same token (RFC 8032)."""
    packed = body.pack()
    return packed + private_key.sign(_SIGNED_PREFIX + packed)


def to_digits(token: bytes) -> str:
    """The bare text of a token: "10" and its number in 200 digits, for a QR code in numeric mode."""
    return _DIGITS_PREFIX + _number(token)


def to_url(token: bytes, host: str) -> str:
    """The text of a token as an address, for places where a personal phone may scan it.

    `https://` stays small (several camera apps refuse capitals there); the host and path are capitals, which
    a QR code packs tighter. The web server's route is /V/.
    Raises: ValueError when `host` is not a plain host name, with a port or without.
    """
    capitals = host.upper()
    if not _HOST.fullmatch(capitals):
        raise ValueError(f"host must be a bare host name such as aide.example.org, not {host!r}")
    return f"https://{capitals}/V/{_number(token)}"


def read(text: str) -> bytes:
    """The 83-byte token in a scanned, pasted or typed text; proves nothing about it yet.

    Accepts the bare form, the address form, spaces, line ends and dashes anywhere between, and what a scanner
    makes of digits on a French keyboard. More digits than one code holds are refused rather than cut: two
    codes scanned into one field must not quietly become the second.
    Raises: VoucherCodeError NOT_A_VOUCHER or DAMAGED.
    """
    if len(text) > _LONGEST_TEXT:
        raise VoucherCodeError(Reason.NOT_A_VOUCHER, f"the text has {len(text)} characters")
    digits = _digits_of(_SCANNER_MARK.sub("", text.strip()))
    number = int(digits)
    if number >> 8 * TOKEN_SIZE:
        raise VoucherCodeError(Reason.DAMAGED, "the digits stand for more than 83 bytes")
    return number.to_bytes(TOKEN_SIZE, "big")


def verify(code: str | bytes, keys: Mapping[tuple[int, int], PublicKeyRecord]) -> VoucherBody:
    """The body of a text or token whose signature its key confirms.

    `keys` is named by (organisation, key_id), see `keys.by_pair`. The algorithm is the key record's; a token
    has no say in it. Ed25519 is checked strictly: a signature has exactly one accepted form.
    Raises: VoucherCodeError with any Reason.
    """
    token = read(code) if isinstance(code, str) else code
    if len(token) != TOKEN_SIZE:
        raise VoucherCodeError(Reason.DAMAGED, f"the token has {len(token)} bytes, not {TOKEN_SIZE}")
    body = VoucherBody.unpack(token[:BODY_SIZE])
    record = keys.get((body.organisation, body.key_id))
    if record is None:
        if any(organisation == body.organisation for organisation, _ in keys):
            raise VoucherCodeError(Reason.UNKNOWN_KEY, f"no key {body.key_id} of {body.organisation}", body)
        raise VoucherCodeError(Reason.FOREIGN, f"no key of organisation {body.organisation}", body)
    if not _signed_by(record, token):
        raise VoucherCodeError(Reason.FORGED, f"not signed by key {body.key_id} of {body.organisation}", body)
    if record.status is KeyStatus.REVOKED:
        raise VoucherCodeError(Reason.REVOKED_KEY, f"key {body.key_id} of {body.organisation}", body)
    return body


def to_cose(token: bytes) -> bytes:
    """The token as a 96-byte tagged COSE_Sign1 (RFC 9052), for libraries that know nothing of us.

    18([{1 alg: -8 EdDSA}, {4 kid: key id}, body, signature]); verify with external_aad "voucher-v1".
    """
    _check_size(token)
    kid, body, signature = token[3:4], token[:BODY_SIZE], token[BODY_SIZE:]
    return b"\xd2\x84\x43\xa1\x01\x27\xa1\x04\x41" + kid + b"\x53" + body + b"\x58\x40" + signature


@lru_cache(maxsize=64)
def _opened(public_key: bytes) -> Ed25519PublicKey:
    """Opening a key costs half as much as checking a signature; there are few keys."""
    return Ed25519PublicKey.from_public_bytes(public_key)


def _signed_by(record: PublicKeyRecord, token: bytes) -> bool:
    match record.algorithm:
        case KeyAlgorithm.ED25519:
            key = _opened(record.public_key)
            try:
                key.verify(token[BODY_SIZE:], _SIGNED_PREFIX + token[:BODY_SIZE])
            except InvalidSignature:
                return False
            return True


def _digits_of(text: str) -> str:
    """The 200 digits of a token's number, out of any accepted text."""
    if len(text) == DIGITS + 2 and text.isascii() and text.isdigit() and text.startswith(_DIGITS_PREFIX):
        return text[2:]  # what every camera gives: nothing to look for
    if _AZERTY_TEXT.fullmatch(text):
        text = text.translate(_AZERTY)
    bare = "".join(character for character in text if not _is_gap(character))
    address = _URL_TEXT.fullmatch(bare)
    digits = address[1] if address else bare
    if not (digits.isascii() and digits.isdigit()):
        raise VoucherCodeError(Reason.NOT_A_VOUCHER, "neither digits nor the address of a voucher")
    if not address and len(digits) == DIGITS + 2 and digits.startswith(_DIGITS_PREFIX):
        return digits[2:]
    if len(digits) == DIGITS:
        return digits
    # A product barcode or a telephone number is another thing than a voucher read in part.
    reason = Reason.DAMAGED if len(digits) >= DIGITS // 2 or address else Reason.NOT_A_VOUCHER
    raise VoucherCodeError(reason, f"{len(digits)} digits do not make one voucher")


def _is_gap(character: str) -> bool:
    """Spaces, line ends, dashes and invisible marks that copying and reading aloud leave between digits."""
    return unicodedata.category(character) in {"Zs", "Zl", "Zp", "Pd", "Cf", "Cc"}


def _number(token: bytes) -> str:
    _check_size(token)
    return f"{int.from_bytes(token, 'big'):0{DIGITS}d}"


def _check_size(token: bytes) -> None:
    if len(token) != TOKEN_SIZE:
        raise ValueError(f"a token has {TOKEN_SIZE} bytes, not {len(token)}")
