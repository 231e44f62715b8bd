"""A transfer that arrives at the branch: somebody there who did not send it signs for it and says what is missing."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles import parcels
from voucher_service.fulfilment.articles.lists import arriving
from voucher_service.fulfilment.articles.parcel_models import Parcel, ParcelState
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors
from voucher_service.web.counter.pages import frame
from voucher_service.web.counter.words import moment

blueprint = Blueprint("counter_parcels", __name__, url_prefix="/counter/parcels")
blueprint.context_processor(frame)

SIGNING = (doors.Role.COUNTER, doors.Role.COORDINATOR)
"""Who signs for stock. Volunteers hand over what is set aside, and answer for no stock."""


class Arrival(BaseModel):
    """What was not in the box, and why."""

    missing: list[UUID] = Field(default_factory=list, max_length=parcels.MOST)
    note: str = Field(default="", max_length=400)


def arrivals(session: Session) -> list[tuple[str, str]]:
    """Return where to sign for each transfer on its way to them, and when it was sent."""
    if doors.current_staff().role not in SIGNING:
        return []
    coming = arriving(session, [branch.id for branch in doors.staff_branches(session)])
    return [(url_for("counter_parcels.show", parcel_id=one.id), moment(one.sent_at)) for one in coming]


@blueprint.get("/<uuid:parcel_id>")
@doors.requires(*SIGNING)
def show(parcel_id: UUID) -> ResponseReturnValue:
    """Show what is in the box, and how to sign for it."""
    return _page(parcel_id, {})


@blueprint.post("/<uuid:parcel_id>")
@doors.requires(*SIGNING)
def receive(parcel_id: UUID) -> ResponseReturnValue:
    """Sign for it."""
    try:
        doors.services().database.run(_receive, parcel_id, doors.read_form(Arrival))
    except BadInput as error:
        return _page(parcel_id, doors.faults_of(error)), 422
    except Conflict as error:
        flash(doors.said(error), "bad")
        return redirect(url_for("counter_parcels.show", parcel_id=parcel_id), 303)
    doors.log().info("parcel_received", parcel=str(parcel_id), actor=doors.current_staff().actor)
    flash(_("Le transfert est reçu : ce qu’il portait est en stock ici."), "ok")
    return redirect(url_for("counter_visits.shift"), 303)


def _receive(session: Session, /, parcel_id: UUID, sent: Arrival) -> Parcel:
    _own(session, parcel_id)
    return parcels.receive(
        session, parcel_id=parcel_id, missing=sent.missing, note=sent.note,
        actor=doors.current_staff().actor, now=doors.now(),
    )  # fmt: skip


def _own(session: Session, parcel_id: UUID) -> Parcel:
    """Return a transfer to a branch of theirs. Raises NotFound: the same answer whether it exists or not."""
    parcel = session.get(Parcel, parcel_id)
    if parcel is None:
        raise NotFound(_("Ce transfert n’existe pas, ou ne vient pas chez vous."))
    doors.check_branch(parcel.to_branch_id)
    return parcel


def _page(parcel_id: UUID, errors: dict[str, str]) -> str:
    with doors.services().database.read() as session:
        parcel = _own(session, parcel_id)
        articles, branches = parcels.articles_of(session, parcel_id), branch_names(session)
    return render_template(
        "counter/parcel.html", parcel=parcel, articles=articles, names=branches, errors=errors,
        under_way=parcel.state == ParcelState.SENT.value, own=parcel.sent_by == doors.current_staff().actor,
        ticked=request.form.getlist("missing"), note=request.form.get("note", ""),
    )  # fmt: skip
