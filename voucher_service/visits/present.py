"""What was presented: read the code, find the voucher, say what it is. Decides nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.ids import local_day
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers import typed_code
from voucher_service.vouchers.code import Reason, VoucherBody, VoucherCodeError, verify
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher, VoucherState

_SHORT_CODE = 40  # characters: typed codes are far shorter than a token's 202 digits


@dataclass(frozen=True, slots=True)
class Presented:
    """A readable code: `how` it names the voucher, with which parameters; `absent` when the books lack it.

    `how` is None when the code itself is refused, with the outcome in `refusal`.
    """

    how: str | None
    refusal: Outcome
    absent: Outcome = Outcome.UNKNOWN_VOUCHER
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sight:
    """A look at a code without redeeming: the voucher, if there is one, and why it would be refused."""

    voucher: Voucher | None
    refusal: Outcome | None


def is_typed(text: str) -> bool:
    """Say whether this is an attempt at the 16 digits, which can be guessed, rather than a signed code."""
    return len(text.strip()) <= _SHORT_CODE and sum(character.isdecimal() for character in text) >= 8


def read_code(session: Session, ring: KeyRing, text: str, now: datetime) -> Presented:
    """Read what a camera, a scanner or a keyboard gave: the signed digits or the 16 typed digits."""
    if is_typed(text):
        code = typed_code.check(text)
        if code is None:
            return Presented(None, Outcome.MISTYPED)
        lookup = {"typed_lookup": ring.typed_lookup_of(code)}
        return Presented("typed", Outcome.UNKNOWN_TYPED, Outcome.UNKNOWN_TYPED, lookup)
    try:
        body = verify(text, ring.public_keys(session, now))
    except VoucherCodeError as error:
        if error.reason is not Reason.REVOKED_KEY or error.body is None:
            return Presented(None, Outcome(error.reason.value))
        # The key may be in other hands: every field must then be what the books say, the random part included.
        return Presented("signed", Outcome.FORGED, Outcome.FORGED, _signed(error.body))
    return Presented("signed", Outcome.UNKNOWN_VOUCHER, Outcome.UNKNOWN_VOUCHER, _signed(body))


def find_voucher(session: Session, presented: Presented) -> Voucher | None:
    """Return the voucher that the code names, whatever its state."""
    given = presented.parameters
    if presented.how == "typed":
        return session.scalar(select(Voucher).where(Voucher.typed_lookup == given["typed_lookup"]))
    if presented.how is None:
        return None
    voucher = session.scalar(
        select(Voucher).where(
            Voucher.organisation == given["organisation"],
            Voucher.key_id == given["key_id"],
            Voucher.serial == given["serial"],
        )
    )
    if voucher is None or _facts(voucher) != {name: given[name] for name in _facts(voucher)}:
        return None
    return voucher


def refusal_of(voucher: Voucher, today: date) -> Outcome | None:
    """Return why the voucher cannot be redeemed today, or None when it can."""
    if voucher.state == VoucherState.ISSUED.value:
        return Outcome.EXPIRED if voucher.last_day < today else None
    return {
        VoucherState.REDEEMED: Outcome.USED,
        VoucherState.CANCELLED: Outcome.CANCELLED,
        VoucherState.REPLACED: Outcome.REPLACED,
        VoucherState.EXPIRED: Outcome.EXPIRED,
    }[VoucherState(voucher.state)]


def look(session: Session, ring: KeyRing, text: str, now: datetime) -> Sight:
    """Look at a code without redeeming it; nothing is recorded."""
    presented = read_code(session, ring, text, now)
    if presented.how is None:
        return Sight(None, presented.refusal)
    voucher = find_voucher(session, presented)
    if voucher is None:
        return Sight(None, presented.absent)
    return Sight(voucher, refusal_of(voucher, local_day(now)))


def _signed(body: VoucherBody) -> dict[str, Any]:
    return {
        "organisation": body.organisation,
        "key_id": body.key_id,
        "serial": body.serial,
        "nonce": body.nonce,
        "offer_code": body.offer_code,
        "value": body.value,
        "last_day": body.last_day,
    }


def _facts(voucher: Voucher) -> dict[str, Any]:
    return {
        "nonce": voucher.nonce,
        "offer_code": voucher.offer_code,
        "value": voucher.quantity,
        "last_day": voucher.last_day,
    }
