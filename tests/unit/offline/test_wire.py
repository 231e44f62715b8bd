"""The bytes of docs/offline.md: the golden vector, and that a change of any field is another entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from voucher_service.visits.offline import wire

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "offline-vector.json").read_text(encoding="utf-8")
)
SEALED = bytes.fromhex(VECTOR["sealed"]["bytes"])


def _box(name: str) -> Any:
    return wire.box_key(hashlib.sha256(VECTOR[name]["private_from"].encode()).digest())


def _entry() -> wire.Entry:
    given = VECTOR["entry"]
    ids: dict[str, Any] = {name: UUID(given[name]) for name in ("device_id", "scan_id", "lease_id", "shift_id")}
    rest: dict[str, Any] = {
        name: given[name] for name in ("seq", "organisation", "key_id", "serial", "unit", "value", "total")
    }
    return wire.Entry(
        **ids,
        **rest,
        age_ms=given["age_ms"],
        prev=bytes.fromhex(given["prev"]),
        accepted_at=datetime.fromisoformat(given["accepted_at"]),
        sealed_hash=hashlib.sha256(SEALED).digest(),
    )


def test_the_entry_of_the_vector_is_signed_and_hashed_as_documented() -> None:
    entry = _entry()
    assert entry.signed_bytes().decode() == VECTOR["entry_signed_text"]
    assert entry.hash().hex() == VECTOR["entry_hash"]
    point, signature = bytes.fromhex(VECTOR["device"]["point"]), wire.unbase64(VECTOR["entry_signature"])
    assert wire.verify(point, signature, entry.signed_bytes())
    assert not wire.verify(point, signature[:-1] + bytes([signature[-1] ^ 1]), entry.signed_bytes())
    assert not wire.verify(point, signature[:-1], entry.signed_bytes())
    assert not wire.verify(point, bytes(64), entry.signed_bytes())


@pytest.mark.parametrize("name", [field.name for field in fields(wire.Entry)])
def test_every_field_is_signed(name: str) -> None:
    entry = _entry()
    value = getattr(entry, name)
    others: dict[type, Callable[[], Any]] = {
        UUID: uuid4,
        int: lambda: value + 1,
        str: lambda: "megabyte",
        bytes: lambda: hashlib.sha256(value).digest(),
        datetime: lambda: value + timedelta(milliseconds=1),
    }
    assert replace(entry, **{name: others[type(value)]()}).hash() != entry.hash()


def test_requests_and_enrolments_are_signed_as_documented() -> None:
    point = bytes.fromhex(VECTOR["device"]["point"])
    asked = VECTOR["request"]
    signed = wire.request_bytes(asked["method"], asked["path"], asked["body"].encode())
    assert signed.decode() == asked["signed_text"]
    assert wire.verify(point, wire.unbase64(asked["signature"]), signed)
    enrolled = wire.enrolment_bytes(VECTOR["enrolment"]["code"], wire.public_point(_spki()))
    assert enrolled.decode() == VECTOR["enrolment"]["signed_text"]
    assert wire.verify(point, wire.unbase64(VECTOR["enrolment"]["signature"]), enrolled)


def _spki() -> bytes:
    return bytes.fromhex(VECTOR["device"]["spki"])


def test_the_sealed_part_opens_for_its_box_device_and_scan_only() -> None:
    entry, box = _entry(), _box("box")
    assert wire.box_point(box).hex() == VECTOR["box"]["point"]
    assert wire.open_sealed(box, entry.device_id, entry.scan_id, SEALED) == json.loads(VECTOR["sealed"]["plain"])
    wrong: list[tuple[Any, UUID, UUID, bytes]] = [
        (_box("device"), entry.device_id, entry.scan_id, SEALED),
        (box, uuid4(), entry.scan_id, SEALED),
        (box, entry.device_id, uuid4(), SEALED),
        (box, entry.device_id, entry.scan_id, SEALED[:-1]),
        (box, entry.device_id, entry.scan_id, SEALED[:60]),
        (box, entry.device_id, entry.scan_id, b"\x04" + bytes(64) + SEALED[65:]),
    ]
    for key, device, scan, sealed in wrong:
        with pytest.raises(wire.BadWire):
            wire.open_sealed(key, device, scan, sealed)


def test_what_is_sealed_must_be_a_json_object() -> None:
    box, device, scan = _box("box"), uuid4(), uuid4()
    sealed = wire.seal_for(wire.box_point(box), device, scan, b"[1]", ephemeral=_box("ephemeral"), nonce=bytes(12))
    with pytest.raises(wire.BadWire, match="no JSON object"):
        wire.open_sealed(box, device, scan, sealed)


@pytest.mark.parametrize("text", ["a", "ab+c", "é", "a b="])
def test_base64_is_url_safe_and_whole(text: str) -> None:
    with pytest.raises(wire.BadWire):
        wire.unbase64(text)


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(wire.BadWire):
        wire.public_point(b"\x30\x00")
    with pytest.raises(wire.BadWire, match="P-256"):
        # Ed25519, from RFC 8410
        wire.public_point(
            bytes.fromhex("302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1")
        )


def test_instants_are_written_as_javascript_does() -> None:
    assert wire.instant(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000Z"
