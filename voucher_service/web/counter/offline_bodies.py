"""What a device sends, as pydantic models."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from voucher_service.units import MAX_QUANTITY, Unit
from voucher_service.visits.offline.upload import Signed
from voucher_service.visits.offline.wire import BadWire, Entry, unbase64

MOST_ENTRIES = 50
MOST_SEALED = 8 * 1024

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Seq = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EnrolIn(_Body):
    """A coordinator's code and the key to enrol (SPKI), with a signature by it."""

    code: str = Field(min_length=10, max_length=40)
    public_key: str = Field(min_length=1, max_length=400)
    signature: str = Field(min_length=1, max_length=200)


class HeadIn(_Body):
    """The last entry a device made; 0 and an empty hash before the first."""

    seq: int = Field(ge=0, le=2**31 - 1)
    hash: str = Field(default="", pattern="^([0-9a-f]{64})?$")


class StateIn(_Body):
    """What the device has: its head, and for each key the digests of its blocks, joined."""

    head: HeadIn
    have: dict[str, Annotated[str, Field(max_length=500_000)]] = Field(default_factory=dict, max_length=300)


class ShiftIn(_Body):
    """Who opens the shift: login and PIN, or nothing for whoever is signed in."""

    login: str = Field(default="", max_length=80)
    pin: str = Field(default="", max_length=20)


class CloseIn(_Body):
    """The shift to end."""

    shift_id: UUID


class EntryIn(_Body):
    """One entry as docs/offline.md writes it."""

    seq: Seq
    scan_id: UUID
    prev: Hash
    organisation: int = Field(ge=0, lt=2**16)
    key_id: int = Field(ge=0, lt=2**8)
    serial: int = Field(ge=0, lt=2**32)
    unit: Unit
    value: int = Field(ge=1, lt=2**24)
    total: int = Field(ge=1, le=MAX_QUANTITY)
    accepted_at: AwareDatetime
    age_ms: int = Field(ge=-1, le=MAX_QUANTITY)
    lease_id: UUID
    shift_id: UUID
    sealed: str = Field(max_length=MOST_SEALED * 4 // 3 + 4)
    signature: str = Field(max_length=100)


class EntriesIn(_Body):
    """Some of a device's queue."""

    entries: list[EntryIn] = Field(min_length=1, max_length=MOST_ENTRIES)


def signed_entry(device_id: UUID, sent: EntryIn) -> Signed:
    """Return the entry as the feature takes it. Raises BadWire."""
    sealed, signature = unbase64(sent.sealed), unbase64(sent.signature)
    if sent.total < sent.value or len(sealed) > MOST_SEALED:
        raise BadWire("the total is less than the value, or the sealed part too long")
    entry = Entry(
        device_id=device_id,
        seq=sent.seq,
        scan_id=sent.scan_id,
        prev=bytes.fromhex(sent.prev),
        organisation=sent.organisation,
        key_id=sent.key_id,
        serial=sent.serial,
        unit=sent.unit.value,
        value=sent.value,
        total=sent.total,
        accepted_at=sent.accepted_at,
        age_ms=sent.age_ms,
        lease_id=sent.lease_id,
        shift_id=sent.shift_id,
        sealed_hash=hashlib.sha256(sealed).digest(),
    )
    return Signed(entry, signature, sealed)
