"""The counter's pages: the one that scans, and those that do the same work without JavaScript."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, NotFound
from voucher_service.fulfilment.reveal import gives_code
from voucher_service.ids import new_id
from voucher_service.visits.models import Scan
from voucher_service.visits.offline.unsettled import promised
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.questions import from_form
from voucher_service.visits.receipts import paid_visits
from voucher_service.visits.redeem import stored
from voucher_service.web import doors
from voucher_service.web.counter import api, bodies
from voucher_service.web.counter.desk_state import STAFF, choose_branch, chosen_branch
from voucher_service.web.counter.kept_words import offline_words
from voucher_service.web.counter.page_words import page_words
from voucher_service.web.counter.words import order_words, receipt_href, recorded_words
from voucher_service.web.house import local_path
from voucher_service.web.person_words import words_for

blueprint = Blueprint("counter", __name__, url_prefix="/counter")

ANSWER = "a-"
"""What the fields of a form's answers begin with, before the question's id."""


class BranchIn(BaseModel):
    """The branch chosen, and the page to go back to."""

    branch_id: bodies.BranchId
    next: str = Field(default="", max_length=500)


class TypedIn(BaseModel):
    """The code of the form that works without JavaScript."""

    code: bodies.Code


class VisitIn(BaseModel):
    """The visit form that works without JavaScript: texts, as a form sends them."""

    scan_id: UUID
    code: bodies.Code
    branch_id: bodies.BranchId
    number: str = Field(default="", max_length=40)
    number_choice: str = Field(default="other", pattern="^(known|other)$")
    number_read: bool = False
    paid_cents: int = Field(default=0, ge=0, le=1_000_000)
    note: bodies.Note = ""
    next_visit_on: str = Field(default="", max_length=10)


@blueprint.context_processor
def frame() -> dict[str, Any]:
    """Give every page of the counter its name, menu and branch."""
    if doors.signed_in() is None or doors.current_staff().role not in STAFF:
        return {}
    with doors.services().database.read() as session:
        branches = doors.staff_branches(session)
    here = request.endpoint
    entries = [
        ("counter.scanner", _("Scanner")),
        ("counter_visits.without_voucher", _("Sans bon")),
        ("counter_visits.day", _("Passages")),
        ("counter_visits.shift", _("Mon service")),
        ("counter_kept.state", _("État")),
    ]
    if doors.current_staff().role != doors.Role.VOLUNTEER:
        entries.insert(-1, ("counter_paper.index", _("Papier")))
    nav = [{"label": label, "href": url_for(name), "current": name == here} for name, label in entries]
    return {
        "door_name": _("Accueil"),
        "home_href": url_for("counter.scanner"),
        "nav": nav,
        "branches": branches,
        "branch": chosen_branch(branches),
    }


@blueprint.get("/")
@doors.requires(*STAFF)
def scanner() -> ResponseReturnValue:
    """Show the page that scans."""
    return render_template(
        "counter/scan.html", words={**page_words(), "offline": offline_words()}, now=doors.now().isoformat(), errors={}
    )


@blueprint.post("/branch")
@doors.requires(*STAFF)
def choose() -> ResponseReturnValue:
    """Keep the branch that the person works at now."""
    sent = doors.read_form(BranchIn)
    choose_branch(sent.branch_id)
    return redirect(local_path(sent.next) if sent.next else url_for("counter.scanner"), 303)


@blueprint.post("/typed")
@doors.requires(*STAFF)
def typed() -> ResponseReturnValue:
    """Look at a typed code: the visit form when it is good, else the recorded refusal."""
    try:
        code = doors.read_form(TypedIn).code
    except BadInput as error:
        page = render_template(
            "counter/scan.html",
            words={**page_words(), "offline": offline_words()},
            now=doors.now().isoformat(),
            errors=doors.faults_of(error),
        )
        return page, 422
    seen = api.look_words(code)
    if seen["outcome"] == "ok":
        return render_template("counter/visit.html", seen=seen, sent={"code": code, "scan_id": new_id()}, errors={})
    branch_id = frame()["branch"].id if frame()["branch"] else 0
    sent = bodies.ScanIn(scan_id=new_id(), code=code, branch_id=branch_id, scanned_at=doors.now())
    return redirect(url_for("counter.outcome", scan_id=api.record(sent).scan_id), 303)


@blueprint.post("/redeem")
@doors.requires(*STAFF)
def redeem() -> ResponseReturnValue:
    """Redeem from the form, then show the outcome on a page of its own, safe to reload."""
    sent = doors.read_form(VisitIn)
    seen = api.look_words(sent.code)
    try:
        scan_id = api.record(_scan_in(sent, seen)).scan_id
    except BadInput as error:
        if seen["outcome"] != "ok":
            raise
        answers = from_form(seen["questions"], lambda name: request.form.getlist(ANSWER + name))
        faults = {name.replace("answers.", ANSWER): text for name, text in doors.faults_of(error).items()}
        page = render_template(
            "counter/visit.html", seen=seen, sent={**sent.model_dump(), "answers": answers}, errors=faults
        )
        return page, 422
    return redirect(url_for("counter.outcome", scan_id=scan_id), 303)


def _scan_in(sent: VisitIn, seen: dict[str, Any]) -> bodies.ScanIn:
    known = sent.number_choice == "known"
    if seen.get("needs_number") and not sent.number_read:
        raise BadInput(_("Relisez le numéro avec la personne, puis cochez la case."), field="number_read")
    return doors.parse(
        bodies.ScanIn,
        {
            "scan_id": sent.scan_id,
            "code": sent.code,
            "branch_id": sent.branch_id,
            "scanned_at": doors.now(),
            "number": None if known else sent.number or None,
            "use_known_number": known,
            "paid_cents": sent.paid_cents,
            "answers": from_form(seen.get("questions", []), lambda name: request.form.getlist(ANSWER + name)),
            "note": sent.note,
            "next_visit_on": sent.next_visit_on or None,
        },
    )


@blueprint.get("/scans/<uuid:scan_id>")
@doors.requires(*STAFF)
def outcome(scan_id: UUID) -> ResponseReturnValue:
    """Show what one's own scan came to."""
    with doors.services().database.read() as session:
        scan = session.get(Scan, scan_id)
        if scan is None or scan.staff_id != doors.current_staff().id:
            raise NotFound(_("Ce passage n’existe pas, ou n’est pas de votre service."))
        recorded = stored(session, scan_id)
        assert recorded is not None, "the scan was read just above"
        # Accepted in good faith without the server: the list says how it stands, not a screen that refuses.
        if recorded.outcome is not Outcome.ACCEPTED and promised(session, [scan_id]):
            return redirect(url_for("counter_visits.shift"))
        order = None if recorded.order_id is None else order_words(api.own_order(session, recorded.order_id))
        paid = paid_visits(session, [scan_id]).get(scan_id)
    return render_template(
        "counter/outcome.html",
        seen=recorded_words(recorded),
        order=order,
        receipt_href=receipt_href(paid),
        person=words_for(recorded.outcome),
    )


@blueprint.get("/top-ups/<uuid:order_id>")
@doors.requires(*STAFF)
def top_up(order_id: UUID) -> ResponseReturnValue:
    """Show how a top-up is getting on; a recharge code is shown from here as well."""
    return _top_up(order_id)


def _top_up(order_id: UUID, **shown: Any) -> str:
    with doors.services().database.read() as session:
        order = api.own_order(session, order_id)
        context = {"order": order_words(order), "has_code": gives_code(session, order)}
    return render_template("counter/top_up.html", **{"errors": {}, "pin": "", **context, **shown})


@blueprint.post("/top-ups/<uuid:order_id>")
@doors.requires(*STAFF)
def show_code(order_id: UUID) -> ResponseReturnValue:
    """Show the recharge code on the page, this once."""
    try:
        shown = api.reveal(order_id, doors.read_form(bodies.RevealIn).reason)
    except BadInput as error:
        return _top_up(order_id, errors=doors.faults_of(error)), 422
    return _top_up(order_id, pin=shown.pin, serial=shown.serial, how=shown.how)
