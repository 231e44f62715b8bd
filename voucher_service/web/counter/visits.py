"""Visits at the counter: without a voucher, finished later, the list of the day, and one's own shift."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ids import local_day, new_id
from voucher_service.people.identity import find_by_reference
from voucher_service.visits import follow_up
from voucher_service.visits.models import Visit, VisitKind
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.unsettled import promised, unsettled_of
from voucher_service.visits.outcomes import Outcome, words
from voucher_service.visits.questions import DEFAULT_QUESTIONS, from_form, in_language
from voucher_service.visits.receipts import paid_visits
from voucher_service.visits.undo import Undoing, undoing
from voucher_service.web import doors
from voucher_service.web.counter import bodies
from voucher_service.web.counter.api import take_back
from voucher_service.web.counter.desk_state import STAFF, desk_state, sees_people, till_of
from voucher_service.web.counter.offline_words import entry_words
from voucher_service.web.counter.pages import ANSWER, frame
from voucher_service.web.counter.parcels import arrivals
from voucher_service.web.counter.words import PROGRESS_TONES, TONES, moment, offer_name, receipt_href

blueprint = Blueprint("counter_visits", __name__, url_prefix="/counter")
blueprint.context_processor(frame)


class WithoutVoucherIn(BaseModel):
    """A visit without a voucher; `key` is its id, made with the page, so that sending twice records once."""

    key: UUID
    branch_id: bodies.BranchId
    reference: str = Field(default="", max_length=20)
    note: bodies.Note = ""
    next_visit_on: date | None = None


class CompleteIn(BaseModel):
    """What was still missing of a visit."""

    note: bodies.Note = ""
    next_visit_on: date | None = None


@blueprint.get("/visit")
@doors.requires(*STAFF)
def without_voucher() -> ResponseReturnValue:
    """Show the form of a visit without a voucher."""
    return _without_voucher({"key": new_id()}, {})


def _without_voucher(sent: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "counter/without_voucher.html",
        sent=sent,
        errors=errors,
        questions=in_language(DEFAULT_QUESTIONS, doors.language()),
        may_name_person=sees_people(),
    )


@blueprint.post("/visit")
@doors.requires(*STAFF)
def record_without_voucher() -> ResponseReturnValue:
    """Record a visit without a voucher."""
    answers = _answers(DEFAULT_QUESTIONS)
    try:
        sent = doors.read_form(WithoutVoucherIn)
        till_of(sent.branch_id)
        person_id = _person(sent.reference)
        doors.services().database.run(
            follow_up.record_visit,
            doors.services().vault,
            desk_state().forms,
            visit_id=sent.key,
            person_id=person_id,
            campaign_id=None,
            branch_id=sent.branch_id,
            staff_id=doors.current_staff().id,
            occurred_at=doors.now(),
            answers=answers,
            note=sent.note,
            next_visit_on=sent.next_visit_on,
            now=doors.now(),
        )
    except BadInput as error:
        kept = {**request.form.to_dict(), "answers": answers}
        return _without_voucher({"key": new_id(), **kept}, _faults(error)), 422
    flash(_("Le passage est enregistré."), "ok")
    return redirect(url_for("counter_visits.day"), 303)


def _person(reference: str) -> UUID | None:
    if not reference.strip():
        return None
    if not sees_people():
        raise BadInput(_("Les bénévoles enregistrent le passage sans référence."), field="reference")
    try:
        with doors.services().database.read() as session:
            return find_by_reference(session, reference).id
    except NotFound as error:
        raise BadInput(doors.said(error), field="reference") from error


def _answers(questions: Any) -> dict[str, Any]:
    return from_form(questions, lambda name: request.form.getlist(ANSWER + name))


def _faults(error: BadInput) -> dict[str, str]:
    return {name.replace("answers.", ANSWER): text for name, text in doors.faults_of(error).items()}


@blueprint.get("/visits")
@doors.requires(*STAFF)
def day() -> ResponseReturnValue:
    """List the visits of the branch today: no names."""
    branch = frame()["branch"]
    lines: list[follow_up.VisitLine] = []
    if branch is not None:
        with doors.services().database.read() as session:
            lines = follow_up.visits_of_branch(
                session, desk_state().forms, branch.id, local_day(doors.now()), now=doors.now()
            )
    rows = [
        {
            "at": moment(line.visit.occurred_at),
            "what": offer_name(line.offer) if line.offer else _("Passage sans bon"),
            "missing": max(0, line.open_questions),
            "undone": line.undone,
            "href": url_for("counter_visits.completing", visit_id=line.visit.id),
        }
        for line in lines
    ]
    return render_template("counter/visits.html", rows=rows)


def own_visit(visit_id: UUID) -> Visit:
    """Return a visit of a branch of the person signed in. Raises NotFound: the same whether it exists or not."""
    with doors.services().database.read() as session:
        visit = session.get(Visit, visit_id)
    staff = doors.current_staff()
    if visit is None or not (staff.sees_all_branches or visit.branch_id in staff.branches):
        raise NotFound(_("Ce passage n’existe pas, ou n’est pas de votre antenne."))
    return visit


def _form_of(visit: Visit) -> Any:
    with doors.services().database.read() as session:
        return desk_state().forms.of(session, visit.campaign_id, doors.now(), at=visit.occurred_at)


@blueprint.get("/visits/<uuid:visit_id>")
@doors.requires(*STAFF)
def completing(visit_id: UUID) -> ResponseReturnValue:
    """Show what is still missing of a visit."""
    visit = own_visit(visit_id)
    return _complete_page(visit, {"answers": visit.answers, "next_visit_on": visit.next_visit_on}, {})


def _complete_page(visit: Visit, sent: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "counter/complete.html",
        visit=visit,
        when=moment(visit.occurred_at),
        receipt_href=receipt_href(visit.id if visit.paid_cents else None),
        is_redemption=visit.kind == VisitKind.REDEMPTION.value,
        questions=in_language(_form_of(visit), doors.language()),
        sent=sent,
        errors=errors,
    )


@blueprint.post("/visits/<uuid:visit_id>")
@doors.requires(*STAFF)
def complete(visit_id: UUID) -> ResponseReturnValue:
    """Keep the rest of a visit's answers."""
    visit = own_visit(visit_id)
    questions = _form_of(visit)
    answers = _answers(questions)
    try:
        sent = doors.read_form(CompleteIn)
        doors.services().database.run(
            follow_up.complete_answers,
            doors.services().vault,
            desk_state().forms,
            visit_id=visit_id,
            answers=answers,
            note=sent.note,
            next_visit_on=sent.next_visit_on,
            now=doors.now(),
        )
    except BadInput as error:
        return _complete_page(visit, {**request.form.to_dict(), "answers": answers}, _faults(error)), 422
    left = any(question["id"] not in answers for question in questions)
    flash(_("C’est gardé. Des questions restent sans réponse.") if left else _("Le passage est complété."), "ok")
    return redirect(url_for("counter_visits.day"), 303)


@blueprint.get("/shift")
@doors.requires(*STAFF)
def shift() -> ResponseReturnValue:
    """List one's own last scans with what became of each."""
    return _shift()


def _shift(faults: dict[str, str] | None = None, typed: dict[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        lines = follow_up.my_scans(session, doors.current_staff().id)
        standing = undoing(session, lines, now=doors.now())
        unsettled = [_unsettled_row(entry) for entry in unsettled_of(session, doors.current_staff().id)]
        paid = paid_visits(session, [line.scan.id for line in lines])
        parcels = arrivals(session)
        vain = promised(session, [line.scan.id for line in lines])
    rows = [
        _scan_row(line, settled=vain.get(line.scan.id))
        | _undo_row(standing.get(line.scan.id))
        | {"receipt_href": receipt_href(paid.get(line.scan.id))}
        for line in lines
    ]
    return render_template(
        "counter/shift.html", rows=rows, unsettled=unsettled, parcels=parcels, errors=faults or {}, typed=typed or {}
    )


def _unsettled_row(entry: OfflineEntry) -> dict[str, Any]:
    """Return `{id, at, closed, word, sentence, next_step}`: nothing accepted in good faith is called failed."""
    said = entry_words(entry.status, entry.reason, entry.detail)
    closed = None if entry.closed_at is None else moment(entry.closed_at)
    return {"id": str(entry.id), "at": moment(entry.accepted_at), "closed": closed, **said}


@blueprint.post("/shift/<uuid:scan_id>/undo")
@doors.requires(*STAFF)
def undo(scan_id: UUID) -> ResponseReturnValue:
    """Take one's own redemption back from the list, with a reason."""
    name = f"reason-{scan_id}"
    typed = request.form.get(name, "")
    try:
        take_back(scan_id, doors.parse(bodies.UndoIn, {"reason": typed}).reason)
    except BadInput as error:
        return _shift({name: doors.faults_of(error)["reason"]}, {name: typed}), 422
    except Conflict as error:
        flash(doors.said(error), "bad")
    else:
        flash(_("Le passage est annulé et le bon est rendu. Rendez le prix solidaire s’il a été payé."), "ok")
    return redirect(url_for("counter_visits.shift"), 303)


def _undo_row(standing: Undoing | None) -> dict[str, str]:
    """Return `{undo: can | no | done, why}` of a row; nothing of a scan that was refused."""
    if standing is None:
        return {"undo": "", "why": ""}
    if standing.undone is not None:
        return {"undo": "done", "why": standing.undone.reason or ""}
    return {"undo": "no", "why": doors.said(standing.refusal)} if standing.refusal else {"undo": "can", "why": ""}


def _order_href(order_id: UUID, word: Progress) -> str:
    lies_here = word in {Progress.ARTICLE_READY, Progress.HANDED_OVER}
    return url_for("counter_articles.show" if lies_here else "counter.top_up", order_id=order_id)


def _scan_row(line: follow_up.ScanLine, *, settled: bool | None) -> dict[str, Any]:
    """Return one row; `settled` says whether an acceptance without the server has been seen to, None: it was none."""
    outcome = Outcome(line.scan.outcome)
    said = None if line.order is None else status_words(line.order)
    row = {
        "scan_id": str(line.scan.id),
        "at": moment(line.scan.received_at),
        "what": offer_name(line.offer) if line.offer else _("Code inconnu"),
        "word": words(outcome, doors.language()).word,
        "tone": TONES[outcome],
        "href": url_for("counter.outcome", scan_id=line.scan.id),
        "order": None if said is None else _(said.sentence),
        "order_tone": None if said is None else PROGRESS_TONES[said.word],
        "order_href": None if line.order is None or said is None else _order_href(line.order.id, said.word),
    }
    if settled is None or outcome is Outcome.ACCEPTED:
        return row
    # The books refused it; whoever accepted it in good faith is told so nowhere.
    word = _("Accepté, réglé par la coordination") if settled else _("Accepté, à régler par la coordination")
    return row | {"word": word, "tone": "ok" if settled else "check", "href": ""}
