"""Redeeming is visiting: voucher, ledger, order, scan and visit are written together or not at all.

A refusal is a recorded, returned outcome; only a request that cannot be served raises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal
from voucher_service.errors import BadInput, Conflict, KeyReused, ServiceError
from voucher_service.ids import local_day, new_id
from voucher_service.staff.models import Branch
from voucher_service.units import Unit, display
from voucher_service.visits import hot_path, present
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """One presentation of a code. The phone makes `scan_id`; `number` is E.164; money in cents.

    `scanned_at` is the phone's clock and only kept; whether a voucher is still good is judged by ours.
    `number_on_file` says that the number was taken from the person's file and not typed: the replay is the
    same request even when the file has changed since.
    """

    scan_id: UUID
    code: str
    branch_id: int
    till_book_id: int
    staff_id: UUID
    scanned_at: datetime
    number: str | None = None
    number_on_file: bool = False
    paid_cents: int = 0
    answers: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    next_visit_on: date | None = None

    def request_hash(self) -> bytes:
        """Return SHA-256 over what was asked, to tell a replay from another request under the same id."""
        parts = [
            self.code,
            self.branch_id,
            str(self.staff_id),
            "on file" if self.number_on_file else self.number,
            self.paid_cents,
            dict(sorted(self.answers.items())),
            self.note,
            str(self.next_visit_on),
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a scan came to, as stored. `detail` says when and where for refusals.

    `campaign_id` is that of an accepted voucher; `replayed` says that this was known before.
    """

    scan_id: UUID
    outcome: Outcome
    voucher_id: UUID | None
    order_id: UUID | None
    visit_id: UUID | None
    detail: Mapping[str, Any]
    campaign_id: UUID | None = None
    replayed: bool = field(default=False, compare=False)


def redeem(
    session: Session,
    vault: Vault,
    ring: KeyRing,
    request: ScanRequest,
    *,
    now: datetime,
    valid_on: date | None = None,
) -> Recorded:
    """Redeem the presented code and record the visit; the same scan again gets its first outcome.

    `valid_on` is the day on which the voucher must be good: today, unless it was accepted without a network before.

    Raises:
        BadInput: the voucher is good, but a field is missing or wrong (number, price): nothing is recorded.
        KeyReused: the scan id was used for another request.
        Conflict: `voucher_changed`: its state changed under our eyes; the next try tells which way.
    """
    presented = present.read_code(session, ring, request.code, now)
    if presented.how is None:
        known = stored(session, request.scan_id, request.request_hash())
        return known or _refused(session, request, presented.refusal, None, now)
    day = valid_on or local_day(now)
    parameters = _parameters(vault, request, now, day)
    won = hot_path.redeem_row(session, presented.how, {**parameters, **presented.parameters})
    if won is None:
        return _why_not(session, request, presented, now, day)
    order_id, visit_id = parameters["order_id"], parameters["visit_id"]
    return Recorded(request.scan_id, Outcome.ACCEPTED, won.voucher_id, order_id, visit_id, {}, won.campaign_id)


def _parameters(vault: Vault, request: ScanRequest, now: datetime, day: date) -> dict[str, Any]:
    order_id, visit_id = new_id(), new_id()
    return {
        "scan_id": request.scan_id,
        "order_id": order_id,
        "order_text": str(order_id),
        "visit_id": visit_id,
        "hold_id": new_id(),
        "hold_key": f"redeem:{request.scan_id}",
        "cash_id": new_id(),
        "cash_key": f"price:{request.scan_id}",
        "request_hash": request.request_hash(),
        "branch_id": request.branch_id,
        "till_book_id": request.till_book_id,
        "staff_id": request.staff_id,
        "actor": f"staff:{request.staff_id}",
        "has_number": request.number is not None,
        "scanned_at": request.scanned_at,
        "now": now,
        "today": day,
        "paid_cents": request.paid_cents,
        "answers": dict(request.answers),
        "next_visit_on": request.next_visit_on,
        "detail": {},
        **_sealed_number(vault, order_id, request.number),
        **_sealed_note(vault, visit_id, request.note),
    }


def _sealed_number(vault: Vault, order_id: UUID, number: str | None) -> dict[str, Any]:
    if number is None:
        return {"order_key": None, "number_sealed": None, "number_lookup": None, "number_tail": None}
    key, wrapped = vault.new_key(Place("top_up_order", "wrapped_key", str(order_id)))
    return {
        "order_key": wrapped,
        "number_sealed": seal(key, Place("top_up_order", "number", str(order_id)), number.encode()),
        "number_lookup": vault.lookup("phone", number),
        "number_tail": number[-2:],
    }


def _sealed_note(vault: Vault, visit_id: UUID, note: str) -> dict[str, Any]:
    if not note:
        return {"visit_key": None, "note_sealed": None}
    key, wrapped = vault.new_key(Place("visit", "wrapped_key", str(visit_id)))
    return {
        "visit_key": wrapped,
        "note_sealed": seal(key, Place("visit", "note", str(visit_id)), note.encode()),
    }


def stored(session: Session, scan_id: UUID, request_hash: bytes | None = None) -> Recorded | None:
    """Return what the scan came to, if it is known.

    Raises:
        KeyReused: it is known with another `request_hash`.
    """
    scan = session.get(Scan, scan_id)
    if scan is None:
        return None
    if request_hash is not None and scan.request_hash != request_hash:
        raise KeyReused("Ce passage a déjà été enregistré avec d’autres réponses : il n’est pas modifié.")
    visit = session.execute(select(Visit.id, Visit.campaign_id).where(Visit.scan_id == scan_id)).one_or_none()
    visit_id, campaign_id = (None, None) if visit is None else visit
    outcome = Outcome(scan.outcome)
    return Recorded(scan.id, outcome, scan.voucher_id, scan.order_id, visit_id, scan.detail, campaign_id, replayed=True)


def _why_not(
    session: Session, request: ScanRequest, presented: present.Presented, now: datetime, day: date
) -> Recorded:
    known = stored(session, request.scan_id, request.request_hash())
    if known is not None:
        return known
    voucher = present.find_voucher(session, presented)
    outcome = presented.absent if voucher is None else present.refusal_of(voucher, day)
    if outcome is None:
        assert voucher is not None, "what is absent is refused"
        raise _complaint(voucher, request)
    return _refused(session, request, outcome, voucher, now)


def _complaint(voucher: Voucher, request: ScanRequest) -> ServiceError:
    """Return what keeps a live voucher from being redeemed."""
    if request.paid_cents > voucher.price_cents:
        price = display(voucher.price_cents, Unit.EUR_CENT)
        return BadInput("Le prix solidaire de ce bon est de {price} au plus.", field="paid_cents", price=price)
    if request.number is None:
        return BadInput("Indiquez le numéro à recharger, puis validez.", field="number")
    # Given back by the operator between our two looks: the next try finds it live.
    return Conflict("Ce bon vient de changer d’état : recommencez.", code="voucher_changed")


def _refused(
    session: Session, request: ScanRequest, outcome: Outcome, voucher: Voucher | None, now: datetime
) -> Recorded:
    detail = {} if voucher is None else when_and_where(session, voucher)
    session.add(
        Scan(
            id=request.scan_id,
            request_hash=request.request_hash(),
            voucher_id=None if voucher is None else voucher.id,
            order_id=None,
            branch_id=request.branch_id,
            staff_id=request.staff_id,
            scanned_at=request.scanned_at,
            received_at=now,
            outcome=outcome.value,
            detail=detail,
        )
    )
    session.flush()
    return Recorded(request.scan_id, outcome, None if voucher is None else voucher.id, None, None, detail)


def when_and_where(session: Session, voucher: Voucher) -> dict[str, Any]:
    """Return the facts that a refusal names: `at` (ISO, UTC), `branch`, `last_day` (ISO)."""
    at = voucher.redeemed_at or voucher.ended_at
    facts = {"last_day": voucher.last_day.isoformat()}
    if at is not None:
        facts["at"] = at.isoformat()
    if voucher.redeemed_branch_id is not None:
        facts["branch"] = session.get_one(Branch, voucher.redeemed_branch_id).name
    return facts
