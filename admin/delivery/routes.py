"""How each way of delivery goes: paused or not, what waits behind it, what is left of our account there."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from admin import room
from voucher_service.errors import NotFound
from voucher_service.fulfilment import balance, pause
from voucher_service.fulfilment.abilities import CallsBack
from voucher_service.fulfilment.callbacks import secret_now
from voucher_service.fulfilment.routes import Resting
from voucher_service.partners.models import Route
from voucher_service.web import doors

blueprint = Blueprint("routes", __name__, url_prefix="/routes")


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the routes."""
    providers = doors.services().providers
    with doors.services().database.read() as session:
        paused = {one.route: (one, waiting) for one, waiting in pause.pauses(session)}
        left = balance.balances(session)
        addresses = {route: _address(session, route) for route in providers} if room.may_write() else {}
    return room.page(
        "delivery/routes",
        routes=sorted({*providers, *paused}),
        paused=paused,
        resting={route for route, provider in providers.items() if isinstance(provider, Resting)},
        left=left,
        is_low=balance.low,
        addresses=addresses,
    )


def _address(session: Session, route: str) -> str:
    provider: object = doors.services().providers[route]
    # The sandbox is part of the program: nobody has to be given its address.
    if not isinstance(provider, CallsBack) or route == Route.SANDBOX.value:
        return ""
    secret = secret_now(session, doors.services().vault, route)
    return doors.services().settings.base_url + url_for("callbacks.receive", route=route, secret=secret)


@blueprint.post("/<route>/resume")
@room.WRITE
def resume(route: str) -> ResponseReturnValue:
    """End a pause: what is wrong at the partner has been mended."""
    if len(route) > 40:
        raise NotFound("Cet opérateur n’existe pas.")
    woken = doors.services().database.run(pause.resume, route, now=doors.now())
    room.log("route_resumed", route=route, orders=woken)
    told = ngettext("Repris : %(num)d recharge repart.", "Repris : %(num)d recharges repartent.", woken)
    return room.done(told if woken else _("Repris : rien n’attendait."), "admin.routes.index")
