"""The books the rules ask, over the database: one device's chain, leases and shifts, and the redemption itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, KeyReused
from voucher_service.ids import local_day
from voucher_service.staff.device_models import Device, Lease, LeaseValue, Shift
from voucher_service.staff.devices import box_secret
from voucher_service.staff.models import Branch
from voucher_service.visits import present
from voucher_service.visits.offline import content as contents
from voucher_service.visits.offline import wire
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Granted, Neighbours, Reason, Status, Stood
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.questions import Forms
from voucher_service.visits.redeem import Recorded, ScanRequest, redeem, stored, when_and_where
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher

REASON_OF = {
    Outcome.USED: Reason.USED,
    Outcome.CANCELLED: Reason.CANCELLED,
    Outcome.REPLACED: Reason.REPLACED,
    Outcome.EXPIRED: Reason.EXPIRED,
    Outcome.FORGED: Reason.FORGED,
}


@dataclass(slots=True)
class DatabaseBooks:
    """The books of one device, in one transaction, for one entry. What is learnt on the way stays here.

    `opened` is the sealed object, if it opened; `keep` says that it holds something the visit does not.
    """

    session: Session
    vault: Vault
    ring: KeyRing
    forms: Forms
    device: Device
    sealed: bytes
    now: datetime
    opened: dict[str, Any] | None = None
    keep: bool = False
    voucher: Voucher | None = None
    recorded: Recorded | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def revoked(self) -> bool:
        """Say whether the device was revoked."""
        return self.device.revoked_at is not None

    def neighbours(self, entry: wire.Entry) -> Neighbours:
        """Return what stands around the entry in the device's chain."""
        seq = entry.seq
        rows = self.session.execute(
            select(OfflineEntry.seq, OfflineEntry.entry_hash, OfflineEntry.prev_hash).where(
                OfflineEntry.device_id == self.device.id,
                OfflineEntry.placed == 1,
                OfflineEntry.seq.between(seq - 1, seq + 1),
            )
        )
        taken_scan = select(OfflineEntry.id).where(OfflineEntry.scan_id == entry.scan_id, OfflineEntry.placed == 1)
        around = {at: (digest, before) for at, digest, before in rows}
        return Neighbours(
            taken=seq in around or self.session.scalar(taken_scan.limit(1)) is not None,
            before=around[seq - 1][0] if seq - 1 in around else None,
            named_by_next=around[seq + 1][1] if seq + 1 in around else None,
        )

    def lease(self, lease_id: UUID) -> Granted | None:
        """Return the lease of that id."""
        found = self.session.get(Lease, lease_id)
        if found is None:
            return None
        values = self.session.execute(select(LeaseValue.unit, LeaseValue.up_to).where(LeaseValue.lease_id == lease_id))
        return Granted(found.device_id, found.granted_at, found.valid_until, found.up_to_seq, dict(values.all()))

    def shift(self, shift_id: UUID) -> Stood | None:
        """Return the shift of that id."""
        found = self.session.get(Shift, shift_id)
        return None if found is None else Stood(found.device_id, found.opened_at, found.ends_at)

    def charged(self, unit: str) -> tuple[int, int]:
        """Return what was confirmed or in conflict of this unit, and how far the leases of the device reach."""
        charged = self.session.scalar(
            select(func.sum(OfflineEntry.value)).where(
                OfflineEntry.device_id == self.device.id,
                OfflineEntry.unit == unit,
                OfflineEntry.status.in_([Status.CONFIRMED.value, Status.CONFLICT.value]),
            )
        )
        farthest = self.session.scalar(
            select(func.max(LeaseValue.up_to))
            .join(Lease, Lease.id == LeaseValue.lease_id)
            .where(Lease.device_id == self.device.id, LeaseValue.unit == unit)
        )
        return int(charged or 0), int(farthest or 0)

    def redeem(self, entry: wire.Entry) -> Reason | None:
        """Redeem through the very function that online scans use; return None when that is done, else why not."""
        try:
            content = contents.read_content(self.open(entry))
        except wire.BadWire:
            return Reason.UNREADABLE
        reason = self._find(entry, content)
        if reason is not None:
            return reason
        try:
            request = self._request(entry, content)
            self.recorded = self._redeem(request, entry)
        except BadInput as error:
            self.detail["field"] = error.field
            return Reason.INCOMPLETE
        if self.recorded is None:
            return Reason.UNREADABLE  # the id of a scan of another voucher
        if self.recorded.outcome is Outcome.ACCEPTED:
            return None
        self.detail |= self.recorded.detail
        return REASON_OF.get(self.recorded.outcome, Reason.UNREADABLE)

    def open(self, entry: wire.Entry) -> dict[str, Any]:
        """Return the object the device sealed. Raises BadWire."""
        if self.opened is None:
            box = wire.box_key(box_secret(self.vault, self.device.id))
            self.opened = wire.open_sealed(box, self.device.id, entry.scan_id, self.sealed)
        return self.opened

    def _find(self, entry: wire.Entry, content: contents.Content) -> Reason | None:
        """Find the voucher that code and entry both name, of this device's branch."""
        if present.is_typed(content.code):
            return Reason.UNREADABLE  # the sixteen digits need the server
        presented = present.read_code(self.session, self.ring, content.code, self.now)
        given = presented.parameters
        if presented.how is None:
            return REASON_OF.get(presented.refusal, Reason.UNREADABLE)
        if (given["organisation"], given["key_id"], given["serial"], given["value"]) != (
            entry.organisation,
            entry.key_id,
            entry.serial,
            entry.value,
        ):
            return Reason.UNREADABLE
        self.voucher = present.find_voucher(self.session, presented)
        if self.voucher is None:
            return REASON_OF.get(presented.absent, Reason.UNREADABLE)
        if self.voucher.unit != entry.unit:
            return Reason.UNREADABLE
        return None if self.voucher.branch_id == self.device.branch_id else Reason.NOT_HOME

    def _request(self, entry: wire.Entry, content: contents.Content) -> ScanRequest:
        assert self.voucher is not None, "found before"
        at = min(entry.accepted_at, self.now)
        questions = self.forms.of(self.session, self.voucher.campaign_id, self.now, at=at)
        answers, left_out = contents.answers_of(questions, content)
        note = contents.note_of(content)
        if left_out or (content.note.strip() and not note):
            self.keep, self.detail["left_out"] = True, left_out or ["note"]
        shift = self.session.get_one(Shift, entry.shift_id)
        return ScanRequest(
            scan_id=entry.scan_id,
            code=content.code,
            branch_id=self.device.branch_id,
            till_book_id=self.session.get_one(Branch, self.device.branch_id).till_book_id,
            staff_id=shift.staff_id,
            scanned_at=at,
            number=contents.number_of(content),
            paid_cents=content.paid_cents,
            answers=answers,
            note=note,
            next_visit_on=contents.next_visit_of(content, entry.accepted_at),
        )

    def _redeem(self, request: ScanRequest, entry: wire.Entry) -> Recorded | None:
        day = local_day(entry.accepted_at)
        try:
            return redeem(self.session, self.vault, self.ring, request, now=self.now, valid_on=day)
        except KeyReused:
            # Tried online first and then changed by hand: one gesture, one redemption. What differs is kept.
            first = stored(self.session, request.scan_id)
            assert first is not None, "an id that was used has its scan"
            assert self.voucher is not None, "found before"
            self.keep, self.detail["differs"] = True, True
            if first.voucher_id != self.voucher.id:
                return None
            return replace(first, detail=first.detail or when_and_where(self.session, self.voucher))
