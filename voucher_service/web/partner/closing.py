"""The partner's page of months: propose, agree, download the agreed statement."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.closing import close, signing
from voucher_service.web import doors

blueprint = Blueprint("partner_closing", __name__, url_prefix="/partner/<uuid:partner_id>/closing")

READERS = (doors.Role.PARTNER, doors.Role.COORDINATOR, doors.Role.AUDITOR)
FILES = {
    "etat.csv": "text/csv",
    "etat.pdf": "application/pdf",
    "soldes.csv": "text/csv",
    "manifest.json": "application/json",
    "manifest.sig": "text/plain",
}


class Proposed(BaseModel):
    """Which month, as browsers write one: 2026-03."""

    month: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")


@blueprint.context_processor
def frame() -> dict[str, Any]:
    """Give every page the door's name and how an instant is written."""
    return {
        "door_name": _("Espace opérateur"),
        "moment": lambda at: at.astimezone(PROGRAMME_ZONE).strftime("%d/%m/%Y\u00a0%H:%M"),
    }


def _partner(session: Session, partner_id: UUID) -> Partner:
    own = doors.current_staff().partner_id
    found = session.get(Partner, partner_id) if own in {None, partner_id} else None
    if found is None:
        raise NotFound("Cet opérateur n’existe pas, ou n’est pas le vôtre.")
    return found


def _page(partner_id: UUID, error: str = "") -> str:
    with doors.services().database.read() as session:
        partner = _partner(session, partner_id)
        months = close.closes(session, partner_id)
    key = base64.b64encode(signing.public_key(doors.services().vault)).decode()
    return render_template("partner/closing.html", partner=partner, months=months, error=error, key=key)


@blueprint.get("/")
@doors.requires(*READERS)
def index(partner_id: UUID) -> ResponseReturnValue:
    """Show the months, and what each waits for."""
    return _page(partner_id)


@blueprint.post("/")
@doors.requires(doors.Role.COORDINATOR)
def propose(partner_id: UUID) -> ResponseReturnValue:
    """Propose the statement of a month to the partner."""
    services, actor, now = doors.services(), doors.current_staff().actor, doors.now()
    with services.database.read() as session:
        _partner(session, partner_id)
    try:
        first = date.fromisoformat(doors.read_form(Proposed).month + "-01")
        services.database.run(close.propose, services.vault, partner_id, first, actor=actor, now=now)
    except Conflict as error:
        return _page(partner_id, doors.said(error)), 409
    except (BadInput, ValueError):
        return _page(partner_id, _("Choisissez un mois, comme 2026-03.")), 422
    flash(_("État proposé : l’opérateur peut l’approuver."))
    return redirect(url_for("partner_closing.index", partner_id=partner_id), 303)


@blueprint.post("/<uuid:close_id>/agree")
@doors.requires(doors.Role.PARTNER)
def agree(partner_id: UUID, close_id: UUID) -> ResponseReturnValue:
    """Agree to the statement of a month: from then on nothing in it moves."""
    services, actor, now = doors.services(), doors.current_staff().actor, doors.now()
    with services.database.read() as session:
        _partner(session, partner_id)
    try:
        services.database.run(close.agree, close_id, partner_id, actor=actor, now=now)
    except Conflict as error:
        return _page(partner_id, doors.said(error)), 409
    flash(_("Mois clos : plus rien n’y bouge."))
    return redirect(url_for("partner_closing.index", partner_id=partner_id), 303)


@blueprint.get("/<uuid:close_id>/<name>")
@doors.requires(*READERS)
def download(partner_id: UUID, close_id: UUID, name: str) -> ResponseReturnValue:
    """Send one of the files, made again from the books and held against the manifest."""
    if name not in FILES:
        raise NotFound("Ce fichier n’existe pas.")
    with doors.services().database.read() as session:
        _partner(session, partner_id)
        row = close.of_partner(session, partner_id, close_id)
        made = close.remake(session, row)
    body = {
        "etat.csv": made.csv,
        "etat.pdf": made.pdf,
        "soldes.csv": made.balances,
        "manifest.json": row.manifest.encode(),
        "manifest.sig": base64.b64encode(row.signature) + b"\n",
    }[name]
    head = {"Content-Disposition": f"attachment; filename={row.first_day:%Y-%m}-{name}"}
    return Response(body, mimetype=FILES[name], headers=head)
