"""The partner's pages of breaks: both sides of each, what was written, and notes of its own. Never a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, Conflict
from voucher_service.reconciliation.explain import TEXTS, explain
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.work import notes, settle, suggest, together, words, worklist
from voucher_service.reconciliation.work.models import Side, Way
from voucher_service.reconciliation.work.worklist import Age, Sort, Wanted
from voucher_service.web import doors
from voucher_service.web.alike import say_alike
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_breaks", __name__, url_prefix="/partner/<uuid:partner_id>/breaks")


class Shown(BaseModel):
    """The filters above the list."""

    kind: BreakClass | None = None
    age: Age | None = None
    state: str = Field(default="open", pattern="^(open|closed|all)$")
    sort: Sort = Sort.PRIORITY
    page: int = Field(default=1, ge=1, le=1_000_000)


class Part(BaseModel):
    """Which page of a break's history; the last where none is asked for."""

    page: int | None = Field(default=None, ge=1, le=1_000_000)


class Written(BaseModel):
    """A note of the partner."""

    words: str = Field(default="", max_length=2000)


class Reasoned(BaseModel):
    """Why numbers never served."""

    note: str = Field(default="", max_length=2000)


@blueprint.context_processor
def break_words() -> dict[str, Any]:
    """Give every page what all pages of the door have, and the words for work on breaks."""
    return frame() | {
        "lives": {life: (_(text), tone) for life, (text, tone) in words.LIVES.items()},
        "step_words": {step.value: _(text) for step, text in words.STEPS.items()},
        "side_words": {side.value: _(text) for side, text in words.SIDES.items()},
        "way_words": {way.value: _(text) for way, text in words.WAYS.items()},
        "titles": {kind.value: _(text.title) for kind, text in TEXTS.items()},
    }


@blueprint.get("/")
@doors.requires(*READERS)
def index(partner_id: UUID) -> ResponseReturnValue:
    """List the partner's breaks."""
    shown = doors.read_query(Shown)
    wanted = Wanted(
        partner_id=partner_id, kind=shown.kind, age=shown.age, sort=shown.sort, page=shown.page,
        open={"open": True, "closed": False}.get(shown.state),
    )  # fmt: skip
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        found, total = worklist.worklist(session, wanted, doors.now())
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "page"}

    def href(number: int) -> str:
        return url_for("partner_breaks.index", partner_id=partner_id, **kept, page=number)

    return render_template(
        "partner/breaks.html", partner=partner, found=found, total=total, shown=shown,
        ages=[(age.value, _(text)) for age, text in words.AGES.items()],
        sorts=[(sort.value, _(text)) for sort, text in words.SORTS.items()],
        previous_href=href(shown.page - 1) if shown.page > 1 else "",
        next_href=href(shown.page + 1) if shown.page * worklist.PAGE < total else "",
    )  # fmt: skip


@blueprint.get("/<uuid:break_id>")
@doors.requires(*READERS)
def show(partner_id: UUID, break_id: UUID) -> ResponseReturnValue:
    """Show both sides of one break and what was written about it."""
    return _page(partner_id, break_id, {})


@blueprint.post("/<uuid:break_id>/notes")
@doors.requires(doors.Role.PARTNER)
def note(partner_id: UUID, break_id: UUID) -> ResponseReturnValue:
    """Write the partner's note under a break: why it disagrees, or what it will correct."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
    try:
        doors.services().database.run(
            notes.add_note, break_id, words=doors.read_form(Written).words, side=Side.PARTNER,
            actor=doors.current_staff().actor, now=doors.now(), partner_id=partner_id,
        )  # fmt: skip
    except BadInput as error:
        return _page(partner_id, break_id, dict(doors.faults_of(error))), 422
    flash(_("Note ajoutée : l’association la lit."))
    return redirect(url_for("partner_breaks.show", partner_id=partner_id, break_id=break_id), 303)


@blueprint.post("/<uuid:break_id>/never-served")
@doors.requires(doors.Role.PARTNER)
def never_served(partner_id: UUID, break_id: UUID) -> ResponseReturnValue:
    """Say that the numbers of a gap never served, and why; the programme must agree."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        worklist.item_of(session, break_id, doors.now(), partner_id=partner_id)
    try:
        doors.services().database.run(
            settle.propose, break_id, way=Way.NO_VALUE, note=doors.read_form(Reasoned).note, side=Side.PARTNER,
            actor=doors.current_staff().actor, now=doors.now(),
        )  # fmt: skip
    except BadInput as error:
        return _page(partner_id, break_id, dict(doors.faults_of(error))), 422
    except Conflict as error:
        return _page(partner_id, break_id, {"note": doors.said(error)}), 409
    flash(_("C’est dit : l’association doit encore donner son accord."))
    return redirect(url_for("partner_breaks.show", partner_id=partner_id, break_id=break_id), 303)


def _page(partner_id: UUID, break_id: UUID, errors: dict[str, str]) -> str:
    page = doors.read_query(Part).page
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        item = worklist.item_of(session, break_id, doors.now(), partner_id=partner_id)
        history = notes.history(session, break_id, page)
        suggested = suggest.suggestions(session, item)
        ours = together.together(session, item)
    told = explain(item.difference, _, doors.language())
    return render_template(
        "partner/break.html", partner=partner, item=item, told=told, history=history, errors=errors,
        suggestions=suggested, together=ours, alike=say_alike,
    )  # fmt: skip
