"""The partner's pages of months: propose, read, agree, download the agreed statement."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import local_day
from voucher_service.ledger.models import AccountKind
from voucher_service.reconciliation.closing import close, signing, statement
from voucher_service.web import doors
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_closing", __name__, url_prefix="/partner/<uuid:partner_id>/closing")
blueprint.context_processor(frame)

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


def account_words() -> dict[AccountKind, str]:
    """Return the word for each account that an agreed statement tells of."""
    return {
        AccountKind.AVAILABLE: _("Disponible"),
        AccountKind.RESERVED: _("Réservé à un bon"),
        AccountKind.IN_DELIVERY: _("En livraison"),
        AccountKind.DELIVERED: _("Livré"),
        AccountKind.RETURNED_TO_DONOR: _("Rendu"),
        AccountKind.WRITTEN_OFF: _("Passé en perte"),
        AccountKind.VARIANCE: _("Inexpliqué"),
    }


def _page(partner_id: UUID, error: str = "") -> str:
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        months = close.closes(session, partner_id)
        keys = signing.keys(session, doors.services().vault)
    last = local_day(doors.now()).replace(day=1) - timedelta(days=1)
    return render_template(
        "partner/closing.html", partner=partner, months=months, error=error, last_month=last, keys=keys
    )


def _month(partner_id: UUID, close_id: UUID, error: str = "") -> str:
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        row = close.of_partner(session, partner_id, close_id)
        sheet = statement.sheet_of(session, close.month_of(row))
        key = signing.key_of(session, doors.services().vault, row.size)
    gifts: dict[int, list[statement.Line]] = {}
    for line in sheet.lines:
        gifts.setdefault(line.allocation_id, []).append(line)
    return render_template(
        "partner/month.html", partner=partner, row=row, gifts=gifts.values(), sheet=sheet, accounts=account_words(),
        error=error, key=key, told=json.loads(row.manifest),
        labels={line.allocation_id: line.label for line in sheet.lines},
        names={one["sha256"]: one["name"] for one in sheet.files},
    )  # fmt: skip


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
        partner_of(session, partner_id)
    try:
        first = date.fromisoformat(doors.read_form(Proposed).month + "-01")
        row = services.database.run(close.propose, services.vault, partner_id, first, actor=actor, now=now)
    except Conflict as error:
        return _page(partner_id, doors.said(error)), 409
    except (BadInput, ValueError):
        return _page(partner_id, _("Choisissez un mois, comme 2026-03.")), 422
    flash(_("État proposé : l’opérateur peut l’approuver."))
    return redirect(url_for("partner_closing.show", partner_id=partner_id, close_id=row.id), 303)


@blueprint.get("/<uuid:close_id>/")
@doors.requires(*READERS)
def show(partner_id: UUID, close_id: UUID) -> ResponseReturnValue:
    """Show what the statement of a month says, before it is agreed to and after."""
    return _month(partner_id, close_id)


@blueprint.post("/<uuid:close_id>/agree")
@doors.requires(doors.Role.PARTNER)
def agree(partner_id: UUID, close_id: UUID) -> ResponseReturnValue:
    """Agree to the statement of a month: from then on nothing in it moves."""
    services, actor, now = doors.services(), doors.current_staff().actor, doors.now()
    with services.database.read() as session:
        partner_of(session, partner_id)
    try:
        services.database.run(close.agree, close_id, partner_id, actor=actor, now=now)
    except Conflict as error:
        return _month(partner_id, close_id, doors.said(error)), 409
    flash(_("Mois clos : plus rien n’y bouge."))
    return redirect(url_for("partner_closing.show", partner_id=partner_id, close_id=close_id), 303)


@blueprint.get("/<uuid:close_id>/<name>")
@doors.requires(*READERS)
def download(partner_id: UUID, close_id: UUID, name: str) -> ResponseReturnValue:
    """Send one of the files as it was proposed, held against the manifest."""
    if name not in FILES:
        raise NotFound("Ce fichier n’existe pas.")
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        row = close.of_partner(session, partner_id, close_id)
        made = close.kept(session, row)
    body = {
        "etat.csv": made.csv,
        "etat.pdf": made.pdf,
        "soldes.csv": made.balances,
        "manifest.json": row.manifest.encode(),
        "manifest.sig": base64.b64encode(row.signature) + b"\n",
    }[name]
    head = {"Content-Disposition": f"attachment; filename={row.first_day:%Y-%m}-{name}"}
    return Response(body, mimetype=FILES[name], headers=head)
