"""A partner's own list of its records as a statement: asked for over its connection, kept and reconciled."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from admin import room
from voucher_service.errors import Conflict, NotReady
from voucher_service.fulfilment import connections
from voucher_service.ids import local_day
from voucher_service.reconciliation.intake import listing
from voucher_service.web import doors

blueprint = Blueprint("listing", __name__, url_prefix="/connections")


class Days(BaseModel):
    """The first and last day that are asked for."""

    first_day: date
    last_day: date


@blueprint.get("/<uuid:connection_id>/list")
@room.WRITE
def ask(connection_id: UUID) -> ResponseReturnValue:
    """Show the form: which days."""
    return _form(connection_id).page()


@blueprint.post("/<uuid:connection_id>/list")
@room.WRITE
def fetch(connection_id: UUID) -> ResponseReturnValue:
    """Ask the partner for its list and keep it as a statement."""
    services, now = doors.services(), doors.now()
    with services.database.read() as session:
        held = connections.connection(session, connection_id)
    form = _form(connection_id)

    def act() -> ResponseReturnValue:
        days = doors.read_form(Days)
        provider = services.providers.get(held.route)
        if provider is None or not held.enabled:
            raise Conflict(_("Ce raccordement est arrêté : mettez-le en service."), code="no_listing")
        told = listing.fetch(provider, held.route, days.first_day, days.last_day)
        statement_id = services.database.run(
            lambda session: (
                listing.keep(session, services.vault, told, partner_id=held.partner_id, actor=room.actor(), now=now).id
            )
        )
        room.log("list_fetched", connection=str(connection_id), records=told.records)
        return redirect(f"/partner/{held.partner_id}/statements/{statement_id}", 303)

    try:
        return room.submitted(form, act)
    except NotReady as fault:
        return form.page({room.FORM: doors.said(fault)}), 503


def _form(connection_id: UUID) -> room.Form:
    with doors.services().database.read() as session:
        held = connections.connection(session, connection_id)
    yesterday = (local_day(doors.now()) - timedelta(days=1)).isoformat()
    return room.Form(
        title=_("Demander la liste des recharges : %(route)s", route=held.route),
        lead=_(
            "L’opérateur dit lui-même ce qu’il a livré ces jours-là. Sa liste est gardée telle quelle, comme un "
            "relevé, et rapprochée de nos livres."
        ),
        fields=[
            room.Field(name="first_day", label=_("Premier jour"), kind=room.Kind.DATE, value=yesterday),
            room.Field(
                name="last_day",
                label=_("Dernier jour"),
                kind=room.Kind.DATE,
                value=yesterday,
                hint=_("31 jours au plus. Les jours sont ceux de Paris."),
            ),
        ],
        action=url_for("admin.listing.fetch", connection_id=connection_id),
        submit=_("Demander et rapprocher"),
        cancel=url_for("admin.connections.show", connection_id=connection_id),
    )
