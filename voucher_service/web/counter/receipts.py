"""The receipt of a price paid at the counter: seen, printed, printed again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue

from voucher_service.units import Unit
from voucher_service.visits import receipts
from voucher_service.web import doors
from voucher_service.web.counter.desk_state import STAFF
from voucher_service.web.counter.pages import frame
from voucher_service.web.counter.visits import own_visit
from voucher_service.web.counter.words import moment, offer_name

blueprint = Blueprint("counter_receipts", __name__, url_prefix="/counter/receipts")
blueprint.context_processor(frame)


@blueprint.get("/<uuid:visit_id>")
@doors.requires(*STAFF)
def show(visit_id: UUID) -> ResponseReturnValue:
    """Show what the receipt says; printing it is a button, which counts it."""
    own_visit(visit_id)
    with doors.services().database.read() as session:
        paid = receipts.paid_at(session, visit_id)
    return _page(paid, printing=False)


@blueprint.post("/<uuid:visit_id>")
@doors.requires(*STAFF)
def print_one(visit_id: UUID) -> ResponseReturnValue:
    """Give the page to print: the receipt the first time, a duplicate each time after."""
    own_visit(visit_id)
    paid = doors.services().database.run(receipts.print_receipt, visit_id=visit_id, now=doors.now())
    return _page(paid, printing=True)


def _page(paid: receipts.Paid, *, printing: bool) -> ResponseReturnValue:
    response = make_response(render_template("counter/receipt.html", printing=printing, **_words(paid)))
    response.headers["Cache-Control"] = "no-store"
    return response


def _words(paid: receipts.Paid) -> dict[str, Any]:
    receipt = paid.receipt
    return {
        "visit_id": paid.visit.id,
        "organisation": doors.services().settings.organisation_name,
        "place": paid.branch,
        "number": "" if receipt is None else receipts.number_of(receipt),
        "copies": 0 if receipt is None else receipt.copies,
        "printed": "" if receipt is None else moment(receipt.printed_at),
        "paid_on": moment(paid.visit.occurred_at),
        "offer": offer_name(paid.offer),
        "amount": doors.say_quantity(paid.visit.paid_cents, Unit.EUR_CENT),
        "void": "" if paid.undone_at is None else moment(paid.undone_at),
    }
