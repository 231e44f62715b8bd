"""One address for each route, with a part nobody can guess. A call is read, kept once and answered; then we ask."""

from __future__ import annotations

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from voucher_service.errors import BadInput, NotFound
from voucher_service.fulfilment.abilities import BadCallback, CallsBack
from voucher_service.fulfilment.callbacks import BODY_LIMIT, hear, is_path_of
from voucher_service.web import doors

blueprint = Blueprint("callbacks", __name__, url_prefix="/callbacks")


@blueprint.record_once
def _without_csrf(state: BlueprintSetupState) -> None:
    # A partner has no session and no page of ours: the address and the signature stand in for the token.
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.post("/<route>/<secret>")
@doors.public
def receive(route: str, secret: str) -> ResponseReturnValue:
    """Take a partner's call in. It never moves value: 204 says that we have heard and will ask."""
    partner: object = doors.services().providers.get(route)
    if not isinstance(partner, CallsBack) or not _is_ours(route, secret):
        raise NotFound("Cette adresse n’existe pas.")
    request.max_content_length = BODY_LIMIT
    raw = request.get_data(cache=False)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        notice = partner.parse_callback(headers, raw)
    except BadCallback as fault:
        doors.log().warning("callback_refused", route=route, code=str(fault)[:60])
        raise BadInput("Cet appel ne peut pas être lu.", field="body", code="bad_callback") from None
    heard = doors.services().database.run(hear, route, notice, raw, now=doors.now())
    doors.log().info("callback", route=route, fresh=heard.fresh, known=heard.order_id is not None)
    if heard.fresh and heard.order_id is not None:
        doors.nudge(heard.order_id)
    return "", 204


def _is_ours(route: str, secret: str) -> bool:
    services = doors.services()
    with services.database.read() as session:
        return is_path_of(session, services.vault, route, secret, now=doors.now())
