"""The sandbox partner's calls, made when somebody wishes to see what they do."""

from __future__ import annotations

import click
from flask import current_app, url_for
from flask.cli import with_appcontext

from voucher_service.fulfilment.abilities import CallsOnDemand
from voucher_service.fulfilment.callbacks import secret_now
from voucher_service.partners.models import Route
from voucher_service.web import doors


@click.command("sandbox-calls")
@with_appcontext
def sandbox_calls() -> None:
    """Let the sandbox partner make the calls it owes, some of them twice, at the door where partners call."""
    services, route = doors.services(), Route.SANDBOX.value
    partner: object = services.providers[route]
    assert isinstance(partner, CallsOnDemand), "the sandbox partner calls on demand"
    with services.database.read() as session:
        secret = secret_now(session, services.vault, route)
    with current_app.test_request_context():
        address = url_for("callbacks.receive", route=route, secret=secret)
    door, taken = current_app.test_client(), 0
    calls = partner.calls()
    for call in calls:
        taken += door.post(address, data=call.raw, headers=dict(call.headers)).status_code == 204
    click.echo(f"{len(calls)} calls made, {taken} taken.")
