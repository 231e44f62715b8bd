"""A tablet of the demonstration that was without a network for a while: it signs and seals as the page does."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.ids import new_id
from voucher_service.staff import devices, shifts
from voucher_service.staff.device_models import Device
from voucher_service.visits.offline import leases, wire
from voucher_service.visits.offline.upload import Answer, Signed, receive
from voucher_service.visits.questions import Forms
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher

WINDOW = 100
"""Vouchers it may have accepted and not yet told."""


@dataclass(slots=True)
class Tablet:
    """An enrolled device with a shift and a lease; `queue` holds what it accepted and has not sent."""

    key: ec.EllipticCurvePrivateKey
    id: UUID
    shift_id: UUID
    lease_id: UUID
    box: bytes
    queue: list[Signed]
    total: int = 0

    @classmethod
    def enrolled(
        cls, database: Database, vault: Vault, *, name: str, branch_id: int, staff_id: UUID, actor: str, now: datetime
    ) -> Tablet:
        """Enrol a device by invitation of `actor` and let `staff_id` stand at it."""
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

        def enrol(session: Session) -> Tablet:
            made = devices.invite(session, vault, name=name, branch_id=branch_id, actor=actor, now=now)
            device = devices.enrol(session, vault, code=made.code, public_key=wire.public_point(spki), now=now)
            shift = shifts.open_shift(session, device, staff_id, now=now)
            leased = leases.renew(session, device.id, leases.Head(0, b""), window=WINDOW, now=now)
            assert leased is not None, "a fresh device gets its lease"
            box = wire.box_point(wire.box_key(devices.box_secret(vault, device.id)))
            return cls(key, device.id, shift.id, leased.lease.id, box, [])

        return database.run(enrol)

    def accept(self, voucher: Voucher, code: str, *, number: str, at: datetime, **more: Any) -> None:
        """Accept a voucher of one unit without a network: seal, chain, sign, queue."""
        scan_id = new_id(int(at.timestamp() * 1000))
        plain = json.dumps({"code": code, "number": number, "paid_cents": 0, "answers": {}} | more).encode()
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        sealed = wire.seal_for(self.box, self.id, scan_id, plain, ephemeral=ephemeral, nonce=os.urandom(12))
        self.total += voucher.quantity
        entry = wire.Entry(
            device_id=self.id,
            seq=len(self.queue) + 1,
            scan_id=scan_id,
            prev=self.queue[-1].entry.hash() if self.queue else wire.NO_ENTRY,
            organisation=voucher.organisation,
            key_id=voucher.key_id,
            serial=voucher.serial,
            unit=voucher.unit,
            value=voucher.quantity,
            total=self.total,
            accepted_at=at.replace(microsecond=0),
            age_ms=int(timedelta(minutes=4).total_seconds() * 1000),
            lease_id=self.lease_id,
            shift_id=self.shift_id,
            sealed_hash=hashlib.sha256(sealed).digest(),
        )
        r, s = decode_dss_signature(self.key.sign(entry.signed_bytes(), ec.ECDSA(hashes.SHA256())))
        self.queue.append(Signed(entry, r.to_bytes(32) + s.to_bytes(32), sealed))

    def upload(self, database: Database, vault: Vault, ring: KeyRing, forms: Forms, *, now: datetime) -> list[Answer]:
        """Send everything queued, and say that it was everything."""
        answers = [database.run(receive, vault, ring, forms, self.id, sent, now=now) for sent in self.queue]
        last = self.queue[-1].entry
        database.run(leases.renew, self.id, leases.Head(last.seq, last.hash()), window=WINDOW, now=now)
        with database.begin() as session:
            session.get_one(Device, self.id).seen_at = now
        return answers
