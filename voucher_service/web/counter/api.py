"""The JSON that the counter's page speaks. 201 means recorded; `outcome` says whether the person gets it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment import reveal as showing
from voucher_service.fulfilment import stock
from voucher_service.fulfilment.models import Order
from voucher_service.visits.desk import at_desk, redeem_at_desk
from voucher_service.visits.models import VisitUndo
from voucher_service.visits.present import look
from voucher_service.visits.redeem import Recorded, when_and_where
from voucher_service.visits.undo import undo
from voucher_service.web import doors
from voucher_service.web.counter import bodies, guessing
from voucher_service.web.counter.desk_state import STAFF, desk_state, sees_people
from voucher_service.web.counter.words import desk_words, order_words, outcome_words, receipt_href, recorded_words

blueprint = Blueprint("counter_api", __name__, url_prefix="/counter")


@blueprint.get("/token")
@doors.requires(*STAFF)
def token() -> ResponseReturnValue:
    """Give the page a fresh token and our time, after a new sign-in or a long sleep."""
    return jsonify(csrf_token=generate_csrf(), now=doors.now().isoformat())


@blueprint.post("/look")
@doors.requires(*STAFF)
def look_at() -> ResponseReturnValue:
    """Say what a code is; nothing is recorded."""
    return jsonify(look_words(doors.read_form(bodies.LookIn).code))


def look_words(code: str) -> dict[str, Any]:
    """Return what the page or program is told of a code."""
    services = doors.services()
    guessing.check_guessing(code)
    with services.database.read() as session:
        seen = look(session, services.ring, code, doors.now())
        guessing.count_guess(code, seen.refusal)
        if seen.refusal is not None:
            return outcome_words(seen.refusal, when_and_where(session, seen.voucher) if seen.voucher else {})
        assert seen.voucher is not None, "a code without a voucher is refused"
        desk = at_desk(
            session,
            services.vault,
            desk_state().forms,
            seen.voucher,
            with_person=sees_people(),
            now=doors.now(),
        )
        return desk_words(desk)


@blueprint.post("/scans")
@doors.requires(*STAFF)
def scan() -> ResponseReturnValue:
    """Record a scan: redeem, or say why not."""
    sent = doors.read_form(bodies.ScanIn)
    recorded = record(sent)
    paid = recorded.visit_id if sent.paid_cents else None
    return jsonify(recorded_words(recorded) | {"receipt_href": receipt_href(paid)}), 201


def record(sent: bodies.ScanIn) -> Recorded:
    """Redeem, all or nothing, and wake the deliverer after it."""
    services, request = doors.services(), bodies.scan_request(sent, doors.now())
    guessing.check_guessing(sent.code)
    run = services.database.run if request.number_on_file else services.database.run_autocommit
    recorded = run(redeem_at_desk, services.vault, services.ring, desk_state().forms, request, now=doors.now())
    if recorded.order_id is not None and not recorded.replayed:
        doors.nudge(recorded.order_id)
    guessing.count_guess(sent.code, recorded.outcome)
    return recorded


@blueprint.post("/scans/<uuid:scan_id>/undo")
@doors.requires(*STAFF)
def undo_scan(scan_id: UUID) -> ResponseReturnValue:
    """Take one's own redemption back, minutes after, while nothing has left; again: the same answer."""
    done = take_back(scan_id, doors.read_form(bodies.UndoIn).reason)
    return jsonify(scan_id=str(scan_id), visit_id=str(done.visit_id), undone_at=done.undone_at.isoformat())


def take_back(scan_id: UUID, reason: str) -> VisitUndo:
    """Undo a scan of the person signed in."""
    staff_id = doors.current_staff().id
    return doors.services().database.run(undo, scan_id=scan_id, staff_id=staff_id, reason=reason, now=doors.now())


@blueprint.get("/orders/<uuid:order_id>")
@doors.requires(*STAFF)
def order(order_id: UUID) -> ResponseReturnValue:
    """Say how the top-up is getting on."""
    with doors.services().database.read() as session:
        return jsonify(order_words(own_order(session, order_id)))


def own_order(session: Session, order_id: UUID) -> Order:
    """Return an order of a branch of the person signed in. Raises NotFound: the same whether it exists or not."""
    found, staff = session.get(Order, order_id), doors.current_staff()
    if found is None or not (staff.sees_all_branches or found.branch_id in staff.branches):
        raise NotFound("Cette recharge n’existe pas, ou n’est pas de votre antenne.")
    return found


@blueprint.post("/orders/<uuid:order_id>/code")
@doors.requires(*STAFF)
def show_code(order_id: UUID) -> ResponseReturnValue:
    """Show the recharge code: freely once, with a reason each time after."""
    shown = reveal(order_id, doors.read_form(bodies.RevealIn).reason)
    return jsonify(pin=shown.pin, serial=shown.serial, again=shown.again, how=shown.how)


def reveal(order_id: UUID, reason: str) -> stock.Revealed:
    """Open the code of an order of one's own branches."""
    return doors.services().database.run(
        _reveal, order_id, actor=doors.current_staff().actor, reason=reason, now=doors.now()
    )


def _reveal(session: Session, /, order_id: UUID, **how: Any) -> stock.Revealed:
    own_order(session, order_id)
    return showing.reveal(session, doors.services().vault, order_id=order_id, **how)
