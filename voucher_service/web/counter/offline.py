"""What a device of the counter asks for and sends (docs/offline.md). Every request is signed by the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from pydantic import BaseModel
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, NotAllowed, NotSignedIn
from voucher_service.staff import devices, shifts
from voucher_service.staff.device_models import Device, Shift
from voucher_service.staff.models import Branch, Staff
from voucher_service.visits.offline import bits, leases, state, upload, wire
from voucher_service.web import doors
from voucher_service.web.access import close_session, open_session
from voucher_service.web.counter import offline_bodies as bodies
from voucher_service.web.counter.desk_state import choose_branch, desk_state
from voucher_service.web.counter.offline_words import answer_words

blueprint = Blueprint("counter_offline", __name__, url_prefix="/counter/offline")

PER_ADDRESS = doors.Rule("enrol-address", tries=10, seconds=900)

M = TypeVar("M", bound=BaseModel)


def _unsigned() -> NotSignedIn:
    return NotSignedIn("Cette demande n’est pas signée par un appareil que nous connaissons.", code="bad_signature")


def _device(*, revoked_too: bool = False) -> Device:
    """Return the device that signed this request.

    Raises:
        NotSignedIn: `bad_signature`, `device_unknown`. NotAllowed: `device_revoked`.
    """
    try:
        device_id = UUID(request.headers.get("Device-Id", ""))
        signature = wire.unbase64(request.headers.get("Device-Signature", ""))
    except (ValueError, wire.BadWire):
        raise _unsigned() from None
    with doors.services().database.read() as session:
        device = session.get(Device, device_id)
    if device is None:
        raise NotSignedIn("Cet appareil n’est pas enregistré : enregistrez-le d’abord.", code="device_unknown")
    signed = wire.request_bytes(request.method, request.path, request.get_data())
    if not wire.verify(device.public_key, signature, signed):
        raise _unsigned()
    if device.revoked_at is not None and not revoked_too:
        raise NotAllowed("Cet appareil a été retiré : adressez-vous à la coordination.", code="device_revoked")
    doors.services().database.run(devices.mark_seen, device_id, doors.now())
    return device


def _body(model: type[M]) -> M:
    if not request.is_json:
        raise BadInput("Envoyez un objet JSON.", field="body")
    return doors.read_form(model)


def _about(session: Session, device: Device) -> dict[str, Any]:
    branch = session.get_one(Branch, device.branch_id)
    return {"id": str(device.id), "name": device.name, "branch_id": branch.id, "branch": branch.name}


@blueprint.post("/enrol")
@doors.signed
def enrol() -> ResponseReturnValue:
    """Enrol the device that holds the key, against a coordinator's code."""
    if not request.is_json:
        raise _unsigned()
    sent = doors.read_form(bodies.EnrolIn)
    doors.throttle().spend(PER_ADDRESS, doors.address())
    code = devices.clean_code(sent.code)
    try:
        point = wire.public_point(wire.unbase64(sent.public_key))
        signature = wire.unbase64(sent.signature)
    except wire.BadWire:
        raise _unsigned() from None
    if not code.isascii() or not wire.verify(point, signature, wire.enrolment_bytes(code, point)):
        raise _unsigned()
    services = doors.services()
    device = services.database.run(devices.enrol, services.vault, code=code, public_key=point, now=doors.now())
    doors.log().info("device_enrolled", device=str(device.id))
    with services.database.read() as session:
        about = _about(session, device)
    box = wire.box_point(wire.box_key(devices.box_secret(services.vault, device.id)))
    root = state.root_key(services.vault).public_key().public_bytes_raw()
    answer = {"device": about, "box": wire.base64url(box), "root": wire.base64url(root)}
    return jsonify(answer | {"now": wire.instant(doors.now())}), 201


@blueprint.post("/state")
@doors.signed
def give_state() -> ResponseReturnValue:
    """Give the device what it needs to decide alone, and a lease as far as may be."""
    device, sent, services = _device(), _body(bodies.StateIn), doors.services()
    head = leases.Head(sent.head.seq, bytes.fromhex(sent.head.hash) if sent.head.hash else b"")
    window = services.settings.offline_vouchers
    leased = services.database.run(leases.renew, device.id, head, window=window, now=doors.now())
    with services.database.read() as session:
        fresh = session.get_one(Device, device.id)
        known = leases.progress(session, fresh, head)
        keys = _lists().keys(session, doors.now())
        offers, forms = state.offers_and_forms(session, desk_state().forms, device.branch_id, doors.now())
        answer = {
            "now": wire.instant(doors.now()),
            "device": _about(session, device),
            "keys": state.signed_keys(session, services.vault, services.ring, doors.now()),
            "lists": {
                name: bits.changed(key.blocks(device.branch_id), sent.have.get(name, "")) for name, key in keys.items()
            },
            "offers": offers,
            "forms": forms,
            "lease": None if leased is None else _lease(leased, window),
            "shift": _shift(session, shifts.open_on(session, device.id, doors.now())),
            **_progress(known),
            "restored": known.restored,
            "forked": known.forked,
        }
    return jsonify(answer)


def _lists() -> state.Lists:
    held: state.Lists = current_app.extensions.setdefault("offline_lists", state.Lists())
    return held


def _lease(leased: leases.Leased, window: int) -> dict[str, Any]:
    return {
        "id": str(leased.lease.id),
        "granted_at": wire.instant(leased.lease.granted_at),
        "valid_until": wire.instant(leased.lease.valid_until),
        "up_to_seq": leased.lease.up_to_seq,
        "up_to_value": leased.up_to_value,
        "window": window,
    }


def _shift(session: Session, shift: Shift | None) -> dict[str, Any] | None:
    if shift is None:
        return None
    staff = session.get_one(Staff, shift.staff_id)
    return {
        "id": str(shift.id),
        "staff": staff.name,
        "role": staff.role,
        "branch_id": shift.branch_id,
        "opened_at": wire.instant(shift.opened_at),
        "ends_at": wire.instant(shift.ends_at),
    }


def _progress(known: leases.Progress) -> dict[str, Any]:
    return {"received_to": known.received_to, "missing": [list(gap) for gap in known.missing]}


@blueprint.post("/shift")
@doors.signed
def open_shift() -> ResponseReturnValue:
    """Open a shift: by PIN, which opens a session as well, or for whoever is signed in by password."""
    device, sent = _device(), _body(bodies.ShiftIn)
    database = doors.services().database
    staff_id = _who(sent)
    shift = database.run(shifts.open_shift, device, staff_id, now=doors.now())
    with database.read() as session:
        if sent.login:
            open_session(staff_id, session.get_one(Staff, staff_id).session_version)
        opened = _shift(session, shift)
    choose_branch(device.branch_id)  # with the network as without it: what is done here is done at the device's branch
    doors.log().info("shift_opened", device=str(device.id), staff=str(staff_id))
    return jsonify(shift=opened, csrf_token=generate_csrf(), now=wire.instant(doors.now())), 201


def _who(sent: bodies.ShiftIn) -> UUID:
    """Return who opens the shift. Raises NotSignedIn, TooManyTries, BadInput."""
    if not sent.login:
        return doors.current_staff().id
    login = sent.login.strip().lower()
    for rule in doors.PIN_RULES:
        doors.throttle().spend(rule, login)  # counted before the check: many at once gain nothing
    with doors.services().database.read() as session:
        staff = shifts.by_pin(session, login, sent.pin)
    if staff is None:
        raise BadInput("Identifiant ou code PIN inconnu : vérifiez les deux, puis recommencez.", field="pin")
    for rule in doors.PIN_RULES:
        doors.throttle().forgive(rule, login)
    return staff.id


@blueprint.post("/shift/close")
@doors.signed
def close_shift() -> ResponseReturnValue:
    """End a shift of this device, and the session of who stood there; what is queued is still taken."""
    device, sent = _device(), _body(bodies.CloseIn)
    closed = doors.services().database.run(shifts.close_shift, device.id, sent.shift_id, now=doors.now())
    _leave(device.id, sent.shift_id)
    return jsonify(closed_at=wire.instant(closed))


def _leave(device_id: UUID, shift_id: UUID) -> None:
    """Sign out whose shift it was, in this browser: or whoever comes next would scan in their name.

    A coordinator's session is for other doors as well, and stays. So does one of a shift that was opened meanwhile:
    a device may tell late of one that it closed without a network.
    """
    staff = doors.signed_in()
    if staff is None or staff.role is doors.Role.COORDINATOR:
        return
    with doors.services().database.read() as session:
        theirs = session.get_one(Shift, shift_id).staff_id == staff.id
        goes_on = shifts.open_on(session, device_id, doors.now()) is not None
    if theirs and not goes_on:
        close_session()


@blueprint.post("/entries")
@doors.signed
def entries() -> ResponseReturnValue:
    """Answer each entry; a revoked device's too, so that nothing is dropped."""
    device, sent, services = _device(revoked_too=True), _body(bodies.EntriesIn), doors.services()
    answers = [_answer(device, one) for one in sent.entries]
    with services.database.read() as session:
        known = leases.progress(session, session.get_one(Device, device.id))
    return jsonify(now=wire.instant(doors.now()), answers=answers, **_progress(known))


def _answer(device: Device, sent: bodies.EntryIn) -> dict[str, Any]:
    try:
        signed = bodies.signed_entry(device.id, sent)
    except (wire.BadWire, ValueError, OverflowError):
        return answer_words(sent.seq, sent.scan_id, "invalid", "malformed")
    if not wire.verify(device.public_key, signed.signature, signed.entry.signed_bytes()):
        return answer_words(sent.seq, sent.scan_id, "invalid", "bad_signature")
    services = doors.services()
    run: Callable[..., upload.Answer] = services.database.run
    answer = run(upload.receive, services.vault, services.ring, desk_state().forms, device.id, signed, now=doors.now())
    if answer.order_id is not None and not answer.known:
        doors.nudge(answer.order_id)
    return answer_words(
        answer.seq,
        answer.scan_id,
        answer.status.value,
        None if answer.reason is None else answer.reason.value,
        known=answer.known,
        detail=answer.detail,
        visit_id=answer.visit_id,
        order_id=answer.order_id,
    )
