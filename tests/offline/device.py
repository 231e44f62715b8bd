"""A counter's device as the page is one: its key, its chain, its queue; it speaks to the real door."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from werkzeug.test import TestResponse

from tests.desk import Desk
from voucher_service.ids import new_id
from voucher_service.staff import devices
from voucher_service.staff.device_models import Device as DeviceRow
from voucher_service.staff.models import Role
from voucher_service.staff.shifts import open_shift
from voucher_service.visits.offline import wire
from voucher_service.vouchers.issue import Wanted, issue_one
from voucher_service.vouchers.models import Voucher

NUMBER = "06 39 98 12 34"


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r‖s, as WebCrypto gives it."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def issue_at(desk: Desk, branch_id: int | None = 1, *, offer_id: UUID | None = None) -> Voucher:
    """Issue a voucher whose home is the branch."""
    programme = desk.programme
    wanted = Wanted(
        campaign_id=programme.campaign_id,
        offer_id=offer_id or programme.top_up_id,
        actor="staff:test",
        branch_id=branch_id,
    )
    return programme.database.run(issue_one, programme.ring, new_id(), wanted, now=programme.now)


@dataclass(slots=True)
class Device:
    """One device. `queue` holds entries as JSON; `copy` makes what a thief of its storage would have."""

    desk: Desk
    key: ec.EllipticCurvePrivateKey
    id: UUID
    box: bytes
    shift_id: UUID
    lease: dict[str, Any] | None = None
    seq: int = 0
    prev: bytes = wire.NO_ENTRY
    totals: Counter[str] = field(default_factory=Counter)
    queue: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def enrolled(cls, desk: Desk, *, name: str = "Tablette", branch_id: int = 1) -> Device:
        """Invite, enrol over the door, open a shift and take a lease."""
        key = ec.generate_private_key(ec.SECP256R1())
        body = enrol(desk, key, invite(desk, name=name, branch_id=branch_id)).get_json()
        device_id = UUID(body["device"]["id"])
        found = cls(desk, key, device_id, wire.unbase64(body["box"]), new_id())
        found.open_shift()
        found.state()
        return found

    def open_shift(self) -> None:
        """Let the counter's own person stand here."""
        programme = self.desk.programme
        with programme.database.begin() as session:
            row = session.get_one(DeviceRow, self.id)
            self.shift_id = open_shift(session, row, programme.member(Role.COUNTER).id, now=programme.now).id

    def post(self, path: str, body: dict[str, Any], *, client: Any = None) -> TestResponse:
        """Send a signed request."""
        data = json.dumps(body).encode()
        signature = sign(self.key, wire.request_bytes("POST", f"/counter/offline/{path}", data))
        answer: TestResponse = (client or self.desk.app.test_client()).post(
            f"/counter/offline/{path}",
            data=data,
            content_type="application/json",
            headers={"Device-Id": str(self.id), "Device-Signature": wire.base64url(signature)},
        )
        return answer

    def state(self, **have: str) -> dict[str, Any]:
        """Take the state, and its lease."""
        head = {"seq": self.seq, "hash": self.prev.hex() if self.seq else ""}
        answer = self.post("state", {"head": head, "have": have})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        self.lease = body["lease"]
        return body

    def accept(
        self, voucher: Voucher, at: datetime | None = None, *, scan_id: UUID | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Accept without a network: seal, chain, sign, queue. `changes` replace fields of the sealed part."""
        assert self.lease is not None, "a device without a lease accepts nothing"
        scan_id = scan_id or new_id()
        content = {"code": self.desk.programme.digits(voucher), "number": NUMBER, "paid_cents": 0, "answers": {}}
        plain = json.dumps(content | changes).encode()
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        sealed = wire.seal_for(self.box, self.id, scan_id, plain, ephemeral=ephemeral, nonce=os.urandom(12))
        self.totals[voucher.unit] += voucher.quantity
        self.seq += 1
        entry = wire.Entry(
            device_id=self.id,
            seq=self.seq,
            scan_id=scan_id,
            prev=self.prev,
            organisation=voucher.organisation,
            key_id=voucher.key_id,
            serial=voucher.serial,
            unit=voucher.unit,
            value=voucher.quantity,
            total=self.totals[voucher.unit],
            accepted_at=(at or self.desk.programme.now).replace(microsecond=0),
            age_ms=1000,
            lease_id=UUID(self.lease["id"]),
            shift_id=self.shift_id,
            sealed_hash=hashlib.sha256(sealed).digest(),
        )
        self.prev = entry.hash()
        self.queue.append(as_json(entry, sealed, sign(self.key, entry.signed_bytes())))
        return self.queue[-1]

    def upload(self, *entries: dict[str, Any]) -> list[dict[str, Any]]:
        """Send entries (all that are queued, by default); return the answers."""
        answer = self.post("entries", {"entries": list(entries) or self.queue})
        assert answer.status_code == 200, answer.text
        answers: list[dict[str, Any]] = answer.get_json()["answers"]
        return answers

    def copy(self) -> Device:
        """The same device once more, as its storage is now."""
        return Device(
            self.desk,
            self.key,
            self.id,
            self.box,
            self.shift_id,
            self.lease,
            self.seq,
            self.prev,
            Counter(self.totals),
            list(self.queue),
        )


def as_json(entry: wire.Entry, sealed: bytes, signature: bytes) -> dict[str, Any]:
    """The entry as it travels."""
    plain = {name: getattr(entry, name) for name in ("seq", "organisation", "key_id", "serial", "unit", "value")}
    return plain | {
        "total": entry.total,
        "age_ms": entry.age_ms,
        "scan_id": str(entry.scan_id),
        "prev": entry.prev.hex(),
        "accepted_at": wire.instant(entry.accepted_at),
        "lease_id": str(entry.lease_id),
        "shift_id": str(entry.shift_id),
        "sealed": wire.base64url(sealed),
        "signature": wire.base64url(signature),
    }


def invite(desk: Desk, *, name: str = "Tablette", branch_id: int = 1) -> str:
    """A coordinator's code."""
    programme = desk.programme
    return programme.database.run(
        devices.invite, programme.vault, name=name, branch_id=branch_id, actor="staff:test", now=programme.now
    ).code


def enrol(
    desk: Desk, key: ec.EllipticCurvePrivateKey, code: str, *, signer: ec.EllipticCurvePrivateKey | None = None
) -> TestResponse:
    """Show the code with the key; `signer` is another key's holder."""
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signature = sign(signer or key, wire.enrolment_bytes(devices.clean_code(code), wire.public_point(spki)))
    body = {"code": code, "public_key": wire.base64url(spki), "signature": wire.base64url(signature)}
    return desk.app.test_client().post("/counter/offline/enrol", json=body)
