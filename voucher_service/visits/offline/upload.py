"""Receiving entries: each gets one answer, in a transaction of its own, and the same answer for ever after."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal, unseal
from voucher_service.errors import NotFound, TooManyTries
from voucher_service.ids import new_id
from voucher_service.staff.device_models import Device
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.offline import wire
from voucher_service.visits.offline.books import DatabaseBooks
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Reason, Status, decide
from voucher_service.visits.questions import Forms
from voucher_service.vouchers.key_ring import KeyRing

MOST_UNPLACED = 500
"""Entries of one device kept beside its chain: a stolen key must not fill the list of what people look at."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An entry as it came: its fields, the signature over them, and what was sealed."""

    entry: wire.Entry
    signature: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an entry. For a conflict `detail` holds the winner's `at` and `branch`; `known`: told before."""

    seq: int
    scan_id: UUID
    status: Status
    reason: Reason | None
    known: bool
    detail: dict[str, Any] = field(default_factory=dict)
    visit_id: UUID | None = None
    order_id: UUID | None = None


def receive(
    session: Session, vault: Vault, ring: KeyRing, forms: Forms, device_id: UUID, sent: Signed, *, now: datetime
) -> Answer:
    """Answer one entry; the signature was checked. The same entry again changes nothing and gets its first answer.

    Raises:
        TooManyTries: too many entries of this device have no place in its chain.
        Conflict: `voucher_changed`: try again.
    """
    # One after the other for each device: the chain is looked at and then written.
    device = session.scalar(select(Device).where(Device.id == device_id).with_for_update())
    if device is None:
        raise NotFound("Cet appareil n’existe pas.")
    digest = sent.entry.hash()
    known = session.scalar(
        select(OfflineEntry).where(OfflineEntry.device_id == device_id, OfflineEntry.entry_hash == digest)
    )
    if known is not None:
        return answer_of(session, known, known=True)
    _refuse_floods(session, device_id)
    books = DatabaseBooks(session, vault, ring, forms, device, sent.sealed, now)
    decision = decide(books, sent.entry)
    row = _row(sent, digest, books, now)
    row.status, row.placed = decision.status.value, int(decision.placed)
    row.reason = None if decision.reason is None else decision.reason.value
    if decision.status is not Status.CONFIRMED or books.keep:
        row.wrapped_key, row.content_sealed = _sealed_again(vault, row.id, books, sent.entry)
    session.add(row)
    if decision.reason is Reason.FORK and device.forked_at is None:
        session.execute(update(Device).where(Device.id == device_id).values(forked_at=now))
    session.flush()
    return answer_of(session, row, known=False)


def _refuse_floods(session: Session, device_id: UUID) -> None:
    unplaced = session.scalar(
        select(func.count())
        .select_from(OfflineEntry)
        .where(OfflineEntry.device_id == device_id, OfflineEntry.placed == 0)
    )
    if (unplaced or 0) >= MOST_UNPLACED:
        raise TooManyTries(
            "Cet appareil a envoyé trop de passages en double : appelez la coordination.", retry_after=3600
        )


def _row(sent: Signed, digest: bytes, books: DatabaseBooks, now: datetime) -> OfflineEntry:
    entry = sent.entry
    return OfflineEntry(
        id=new_id(),
        device_id=entry.device_id,
        seq=entry.seq,
        scan_id=entry.scan_id,
        entry_hash=digest,
        prev_hash=entry.prev,
        signature=sent.signature,
        organisation=entry.organisation,
        key_id=entry.key_id,
        serial=entry.serial,
        unit=entry.unit,
        value=entry.value,
        total=entry.total,
        accepted_at=entry.accepted_at,
        age_ms=entry.age_ms,
        lease_id=entry.lease_id,
        shift_id=entry.shift_id,
        received_at=now,
        voucher_id=None if books.voucher is None else books.voucher.id,
        detail=books.detail,
    )


def _sealed_again(vault: Vault, entry_id: UUID, books: DatabaseBooks, entry: wire.Entry) -> tuple[bytes, bytes]:
    try:
        kept: dict[str, Any] = {"content": books.open(entry)}
    except wire.BadWire:
        kept = {"sealed": wire.base64url(books.sealed)}
    key, wrapped = vault.new_key(Place("offline_entry", "wrapped_key", str(entry_id)))
    place = Place("offline_entry", "content_sealed", str(entry_id))
    return wrapped, seal(key, place, json.dumps(kept, ensure_ascii=False).encode())


def read_kept(vault: Vault, row: OfflineEntry) -> dict[str, Any]:
    """Return what the device sealed, as kept: its fields; `{}` when it was closed, erased or never opened."""
    if row.wrapped_key is None or row.content_sealed is None:
        return {}
    key = vault.open_key(Place("offline_entry", "wrapped_key", str(row.id)), row.wrapped_key)
    kept = json.loads(unseal(key, Place("offline_entry", "content_sealed", str(row.id)), row.content_sealed))
    content: dict[str, Any] = kept.get("content", {})
    return content


def answer_of(session: Session, row: OfflineEntry, *, known: bool) -> Answer:
    """Return the answer that was given to an entry."""
    order_id = visit_id = None
    if row.status == Status.CONFIRMED.value:
        order_id = session.scalar(select(Scan.order_id).where(Scan.id == row.scan_id))
        visit_id = session.scalar(select(Visit.id).where(Visit.scan_id == row.scan_id))
    reason = None if row.reason is None else Reason(row.reason)
    return Answer(row.seq, row.scan_id, Status(row.status), reason, known, dict(row.detail), visit_id, order_id)
