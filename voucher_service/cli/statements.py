"""Statements from the terminal: what a partner's own service lists."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from voucher_service.cli.work import actor_of
from voucher_service.errors import ServiceError
from voucher_service.fulfilment.connection_models import Connection
from voucher_service.reconciliation.intake import listing
from voucher_service.web import doors

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("fetch-statement")
@click.argument("route")
@click.option("--from", "first", type=_DAY, required=True, help="The first day, in Europe/Paris.")
@click.option("--to", "last", type=_DAY, required=True, help="The last day; at most 31 days.")
@click.option("--as", "login", required=True, help="The coordinator in whose name this is recorded.")
@with_appcontext
def fetch_statement(route: str, first: datetime, last: datetime, login: str) -> None:
    """Ask the partner connected as ROUTE for its own list, keep it as a statement, and reconcile it."""
    services, now = doors.services(), doors.now()
    with services.database.read() as session:
        actor = actor_of(session, login)
        partner_id = session.scalar(select(Connection.partner_id).where(Connection.route == route))
    provider = services.providers.get(route)
    if partner_id is None or provider is None:
        raise click.ClickException(f"No connection in service is called {route}.")
    try:
        told = listing.fetch(provider, route, first.date(), last.date())
        count = services.database.run(
            lambda session: (
                listing.keep(session, services.vault, told, partner_id=partner_id, actor=actor, now=now).line_count
            )
        )
    except ServiceError as fault:
        raise click.ClickException(doors.said(fault)) from None
    click.echo(f"{told.records} records listed, {count} lines reconciled.")
