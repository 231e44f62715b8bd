"""Enrolment, shifts and the state: what a device is told, and who is told nothing."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from tests.desk import Desk
from tests.offline.device import Device, enrol, invite, issue_at
from voucher_service.errors import BadInput, NotAllowed
from voucher_service.staff import devices, shifts
from voucher_service.staff.device_models import Device as DeviceRow
from voucher_service.staff.models import Role
from voucher_service.visits.offline import bits, wire


def test_a_code_enrols_one_device_once(desk: Desk) -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    code = invite(desk)
    first = enrol(desk, key, f"{code[:5].lower()}-{code[5:]}")
    assert (first.status_code, first.get_json()["device"]["branch"]) == (201, "Antenne Nord")
    assert enrol(desk, key, code).get_json()["device"] == first.get_json()["device"], "the answer may have been lost"
    assert enrol(desk, other, code).get_json()["code"] == "invitation_unknown"
    assert enrol(desk, key, invite(desk)).get_json()["code"] == "device_known"
    late = invite(desk)
    desk.programme.later(minutes=16)
    assert enrol(desk, other, late).status_code == 404
    with desk.programme.database.read() as session:
        assert len(session.scalars(select(DeviceRow)).all()) == 1


def test_a_key_that_one_does_not_hold_is_not_enrolled(desk: Desk) -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    answer = enrol(desk, key, invite(desk), signer=other)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "bad_signature")


def test_codes_cannot_be_tried_at_will(desk: Desk) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    answers = [enrol(desk, key, "22222-22222").status_code for _ in range(11)]
    assert answers == [404] * 10 + [429]


def test_who_signs_nothing_or_is_unknown_is_told_nothing(desk: Desk) -> None:
    device, stranger = Device.enrolled(desk), Device.enrolled(desk)
    stranger.id = device.id
    body = {"head": {"seq": 0, "hash": ""}, "have": {}}
    assert stranger.post("state", body).get_json()["code"] == "bad_signature"
    stranger.id = UUID(int=1)
    assert stranger.post("state", body).get_json()["code"] == "device_unknown"
    answer = desk.client().http.post("/counter/offline/state", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "bad_signature")


def _bits(part: dict[str, Any], name: str) -> set[int]:
    """The serials whose bit is set."""
    found = set()
    for number, block in part["changed"].items():
        raw = wire.unbase64(block[name])
        found |= {int(number) * 1024 + bit for bit in range(1024) if raw[bit >> 3] & (0x80 >> (bit & 7))}
    return found


def test_the_lists_say_what_is_gone_and_what_is_at_home(desk: Desk) -> None:
    here, away, used, nowhere = issue_at(desk), issue_at(desk, 2), issue_at(desk), issue_at(desk, None)
    desk.programme.scan(desk.programme.digits(used))
    device = Device.enrolled(desk)
    part = device.state()["lists"]["1-1"]
    assert _bits(part, "home") == {here.serial, used.serial}
    assert _bits(part, "gone") == {used.serial}
    assert nowhere.serial not in _bits(part, "home") | _bits(part, "gone")
    digests = [
        bits.digest(wire.unbase64(block["gone"]), wire.unbase64(block["home"]))
        for _, block in sorted(part["changed"].items(), key=lambda pair: int(pair[0]))
    ]
    assert (part["blocks"], part["sum"]) == (len(digests), hashlib.sha256("".join(digests).encode()).hexdigest())
    have = {"1-1": "".join(digests)}
    assert device.state(**have)["lists"]["1-1"] == {**part, "changed": {}}
    desk.programme.scan(desk.programme.digits(here))
    assert device.state(**have)["lists"]["1-1"]["changed"] == {}, "believed for twenty seconds"
    desk.programme.later(seconds=21)
    part = device.state(**have)["lists"]["1-1"]
    assert list(part["changed"]) == [str(here.serial // 1024)]
    assert _bits(part, "gone") >= {here.serial}
    assert away.serial not in _bits(part, "home")


def test_keys_come_under_the_root_and_a_rotation_is_noticed(desk: Desk) -> None:
    issue_at(desk)
    key = ec.generate_private_key(ec.SECP256R1())
    root = Ed25519PublicKey.from_public_bytes(wire.unbase64(enrol(desk, key, invite(desk)).get_json()["root"]))
    device = Device.enrolled(desk)
    keys = device.state()["keys"]
    root.verify(wire.unbase64(keys["signature"]), b"cdp-keys-v1\n" + keys["signed"].encode())
    assert [one["status"] for one in json.loads(keys["signed"])] == ["active"]
    with desk.programme.database.begin() as session:
        desk.programme.ring.add_key(session, desk.programme.now)
        desk.programme.ring.revoke(session, 1, desk.programme.now)
    keys = device.state()["keys"]
    root.verify(wire.unbase64(keys["signature"]), b"cdp-keys-v1\n" + keys["signed"].encode())
    assert [(one["key_id"], one["status"]) for one in json.loads(keys["signed"])] == [(1, "revoked"), (2, "active")]


def test_the_state_names_offers_and_forms_by_version(desk: Desk) -> None:
    desk.ask_questions()
    issue_at(desk)
    issue_at(desk, offer_id=desk.programme.code_id)
    issue_at(desk, 2)
    body = Device.enrolled(desk).state()
    assert set(body["offers"]) == {"10", "11"}
    offer = body["offers"]["10"]
    assert (offer["unit"], offer["price_cents"], offer["needs_number"]) == ("eur_cent", 200, True)
    assert body["offers"]["11"]["needs_number"] is False
    assert next(question["id"] for question in body["forms"][offer["form"]]) == "type_lieu"
    assert (body["shift"]["staff"], body["device"]["name"]) == ("Camille counter", "Tablette")


def _give_pin(desk: Desk, role: Role, pin: str = "4071") -> None:
    member = desk.programme.member(role)
    desk.programme.database.run(shifts.set_pin, member.id, pin, now=desk.programme.now)


def test_a_pin_opens_a_shift_and_a_session_for_the_counter(desk: Desk) -> None:
    device, browser = Device.enrolled(desk), desk.app.test_client()
    _give_pin(desk, Role.COUNTER)
    answer = device.post("shift", {"login": desk.login(Role.COUNTER), "pin": "4071"}, client=browser)
    assert answer.status_code == 201, answer.text
    shift = answer.get_json()["shift"]
    assert (shift["staff"], shift["role"]) == ("Camille counter", "counter")
    assert browser.get("/counter/token").status_code == 200
    again = device.post("shift", {}, client=browser).get_json()["shift"]
    assert again["id"] != shift["id"]
    assert device.state()["shift"]["id"] == again["id"]
    device.post("shift/close", {"shift_id": shift["id"]}, client=browser)
    assert browser.get("/counter/token").status_code == 200, "told late of one that had ended: the other goes on"
    closed = device.post("shift/close", {"shift_id": again["id"]}, client=browser)
    assert browser.get("/counter/token").status_code == 302, "or the next at the desk would scan in this one's name"
    assert closed.get_json() == device.post("shift/close", {"shift_id": again["id"]}).get_json()
    assert device.state()["shift"] is None
    assert Device.enrolled(desk).post("shift/close", {"shift_id": again["id"]}).status_code == 404


def test_a_pin_opens_nothing_elsewhere_and_not_for_everybody(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        _give_pin(desk, Role.COORDINATOR)
    for pin in ("123", "123456789", "12a4", "1111", "1212", "1234", "9876", "2580", "1987", "2011", "384384"):
        with pytest.raises(BadInput):
            _give_pin(desk, Role.COUNTER, pin)
    _give_pin(desk, Role.COUNTER)
    key = ec.generate_private_key(ec.SECP256R1())
    body = enrol(desk, key, invite(desk, branch_id=2)).get_json()
    device = Device(desk, key, UUID(body["device"]["id"]), wire.unbase64(body["box"]), UUID(int=0))
    answer = device.post("shift", {"login": desk.login(Role.COUNTER), "pin": "4071"})
    assert answer.status_code == 403
    assert device.post("shift", {}).status_code == 401


def test_pins_cannot_be_guessed(desk: Desk) -> None:
    device = Device.enrolled(desk)
    _give_pin(desk, Role.COUNTER)
    wrong = {"login": desk.login(Role.COUNTER), "pin": "9999"}
    assert [device.post("shift", wrong).status_code for _ in range(6)] == [422] * 5 + [429]
    right = device.post("shift", {**wrong, "pin": "4071"})
    assert right.status_code == 429
    unknown = device.post("shift", {"login": "personne@example.org", "pin": "4071"})
    assert unknown.status_code == 422
    assert unknown.get_json()["detail"].startswith("Identifiant ou code PIN inconnu")


def test_fifteen_wrong_pins_a_day_stop_even_the_right_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five in each quarter of an hour would be 480 a day."""
    device, begun, later = Device.enrolled(desk), time.time(), [0.0]
    monkeypatch.setattr(time, "time", lambda: begun + later[0])
    _give_pin(desk, Role.COUNTER)
    right = {"login": desk.login(Role.COUNTER), "pin": "4071"}
    for quarter in range(3):
        later[0] = quarter * 901
        assert [device.post("shift", {**right, "pin": "9999"}).status_code for _ in range(5)] == [422] * 5
    later[0] = 3 * 901
    assert device.post("shift", right).status_code == 429
    later[0] = 86_400 - 2
    assert device.post("shift", right).status_code == 429
    later[0] = 86_400 + 2 * 901 + 2
    assert device.post("shift", right).status_code == 201


def test_someone_signed_in_by_password_opens_a_shift_without_a_pin(desk: Desk) -> None:
    key, client = ec.generate_private_key(ec.SECP256R1()), desk.client(Role.COORDINATOR)
    body = enrol(desk, key, invite(desk, branch_id=2)).get_json()
    device = Device(desk, key, UUID(body["device"]["id"]), wire.unbase64(body["box"]), UUID(int=0))
    assert 'data-branch="1"' in client.http.get("/counter/").text
    answer = device.post("shift", {}, client=client.http)
    assert 'data-branch="2"' in client.http.get("/counter/").text, "a receipt names the branch where one stands"
    shift = answer.get_json()["shift"]
    assert shift["role"] == "coordinator"
    assert device.post("shift/close", {"shift_id": shift["id"]}, client=client.http).status_code == 200
    assert client.http.get("/counter/token").status_code == 200, "the session is for the back office as well"


def test_a_revocation_is_final_and_has_a_reason(desk: Desk) -> None:
    device = Device.enrolled(desk)
    run, now = desk.programme.database.run, desk.programme.now
    with pytest.raises(BadInput):
        run(devices.revoke, device.id, actor="staff:test", reason=" ", now=now)
    run(devices.revoke, device.id, actor="staff:one", reason="perdu", now=now)
    run(devices.revoke, device.id, actor="staff:two", reason="volé", now=now)
    with desk.programme.database.read() as session:
        row = session.get_one(DeviceRow, device.id)
    assert (row.revoked_by, row.revoked_reason) == ("staff:one", "perdu")
