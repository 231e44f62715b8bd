"""The counter on paper: emergency packs to print, and their log keyed in line by line."""

from __future__ import annotations

import io
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, Conflict, NotFound, TooManyTries
from voucher_service.ids import PROGRAMME_ZONE, local_day
from voucher_service.people.phones import read_mobile
from voucher_service.staff.models import Branch
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.outcomes import Outcome, words
from voucher_service.visits.paper import keying, packs
from voucher_service.visits.paper.models import LINES, MOST_PAGES, EmergencyPack, PaperLine
from voucher_service.web import doors
from voucher_service.web.counter import bodies, guessing
from voucher_service.web.counter.desk_state import till_of
from voucher_service.web.counter.pages import frame
from voucher_service.web.counter.paper_words import print_pack
from voucher_service.web.counter.words import moment

blueprint = Blueprint("counter_paper", __name__, url_prefix="/counter/paper")
blueprint.context_processor(frame)

MAY = (doors.Role.COUNTER, doors.Role.COORDINATOR)


class PackIn(BaseModel):
    """A pack to prepare; `key` is made with the page."""

    key: UUID
    branch_id: bodies.BranchId
    pages: int = Field(ge=1, le=MOST_PAGES)


class PlaceIn(BaseModel):
    """Where in the pack one keys."""

    page: int = Field(default=1, ge=1, le=MOST_PAGES)
    line: int = Field(default=1, ge=1, le=LINES)
    day: date | None = None


class LineIn(BaseModel):
    """One line as it stands on the paper, texts as typed."""

    day: date
    page: int = Field(ge=1, le=MOST_PAGES)
    line: int = Field(ge=1, le=LINES)
    time: str = Field(max_length=10)
    code: bodies.Code
    number: str = Field(default="", max_length=40)
    paid: doors.Cents = Field(default=0, ge=0, le=1_000_000)
    handed: str = Field(default="", max_length=200)
    next_visit_on: str = Field(default="", max_length=12)
    initials: str = Field(max_length=8)


@blueprint.get("/")
@doors.requires(*MAY)
def index() -> ResponseReturnValue:
    """List the packs of the branch, and prepare one."""
    return _index({}, {})


def _index(sent: dict[str, Any], errors: dict[str, str]) -> str:
    places = {one.id: one.name for one in frame()["branches"]}
    with doors.services().database.read() as session:
        found = packs.packs_of(session, places)
    rows = [
        {
            "number": one.pack.number,
            "place": places[one.pack.branch_id],
            "made": moment(one.pack.made_at),
            "keyed": one.keyed,
            "lines": one.pack.pages * LINES,
            "href": url_for("counter_paper.show", number=one.pack.number),
        }
        for one in found
    ]
    return render_template("counter/paper.html", rows=rows, sent=sent, errors=errors, most=MOST_PAGES)


@blueprint.post("/")
@doors.requires(*MAY)
def make() -> ResponseReturnValue:
    """Prepare a numbered pack."""
    try:
        sent = doors.read_form(PackIn)
    except BadInput as error:
        return _index(request.form.to_dict(), doors.faults_of(error)), 422
    till_of(sent.branch_id)
    pack = doors.services().database.run(
        packs.make_pack,
        pack_id=sent.key,
        branch_id=sent.branch_id,
        pages=sent.pages,
        actor=doors.current_staff().actor,
        now=doors.now(),
    )
    return redirect(url_for("counter_paper.show", number=pack.number), 303)


def _own_pack(number: int) -> EmergencyPack:
    """Return a pack of a branch of the person signed in. Raises NotFound: the same whether it exists or not."""
    with doors.services().database.read() as session:
        pack = packs.pack_numbered(session, number) if number < 2**31 else None
    staff = doors.current_staff()
    if pack is None or not (staff.sees_all_branches or pack.branch_id in staff.branches):
        raise NotFound("Aucun carnet ne porte ce numéro : relisez-le en haut de la page.")
    return pack


@blueprint.get("/<int:number>/pack.pdf")
@doors.requires(*MAY)
def pdf(number: int) -> ResponseReturnValue:
    """Give the pack to print: once is enough, and never after a line of it was keyed in."""
    _own_pack(number)
    out = io.BytesIO()
    print_pack(doors.services(), number, out, by=doors.current_staff().name, now=doors.now())
    out.seek(0)
    answer = send_file(out, "application/pdf", download_name=f"carnet-de-secours-{number}.pdf")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/<int:number>")
@doors.requires(*MAY)
def show(number: int) -> ResponseReturnValue:
    """Show where one is in the pack: the next line to key in, and those keyed in of its page."""
    pack, at = _own_pack(number), doors.read_query(PlaceIn)
    with doors.services().database.read() as session:
        page, line = packs.next_place(session, pack, min(at.page, pack.pages), at.line)
    day = at.day or local_day(doors.now())
    return _key_page(pack, {"page": page, "line": line, "day": day}, {})


def _key_page(pack: EmergencyPack, sent: dict[str, Any], errors: dict[str, str]) -> str:
    page = sent.get("page", 1)
    with doors.services().database.read() as session:
        lines = packs.lines_of(session, pack.id, int(page) if str(page).isdecimal() else 1)
        every = packs.packs_of(session, [pack.branch_id])
        place = session.get_one(Branch, pack.branch_id).name
    keyed = next((one.keyed for one in every if one.pack.id == pack.id), 0)
    return render_template(
        "counter/paper_pack.html",
        pack=pack,
        place=place,
        keyed=keyed,
        lines_in_all=pack.pages * LINES,
        rows=[_row(line, visit_id) for line, visit_id in lines],
        sent=sent,
        errors=errors,
        most_line=LINES,
    )


def _row(line: PaperLine, visit_id: UUID | None) -> dict[str, Any]:
    confirmed = line.status == Status.CONFIRMED.value
    said = "" if line.reason is None else words(Outcome(line.reason), doors.language()).word
    winner = ""
    if "at" in line.detail:
        at = moment(datetime.fromisoformat(line.detail["at"]))
        winner = _("%(at)s, %(branch)s", at=at, branch=line.detail.get("branch", "")).rstrip(", ")
    return {
        "line": line.line,
        "at": moment(line.handed_at),
        "initials": line.initials,
        "tone": "ok" if confirmed else "check",
        "word": _("Confirmé") if confirmed else _("À régler : %(why)s", why=said),
        "winner": winner,
        "href": url_for("counter_visits.completing", visit_id=visit_id) if visit_id else "",
    }


@blueprint.post("/<int:number>")
@doors.requires(*MAY)
def key(number: int) -> ResponseReturnValue:
    """Key one line in, then show the next; what is wrong is named and nothing typed is lost."""
    pack = _own_pack(number)
    try:
        sent = doors.read_form(LineIn)
        done = _key(pack, sent)
    except BadInput as error:
        faults = {_FIELDS.get(name, name): said for name, said in doors.faults_of(error).items()}
        return _key_page(pack, request.form.to_dict(), faults), 422
    except (TooManyTries, Conflict) as error:
        return _key_page(pack, request.form.to_dict(), {"code": doors.said(error)}), error.status
    flash(*_told(done, sent))
    with doors.services().database.read() as session:
        page, line = packs.next_place(session, pack, sent.page, sent.line)
    return redirect(url_for("counter_paper.show", number=number, page=page, line=line, day=sent.day.isoformat()), 303)


_FIELDS = {"paid_cents": "paid"}


def _key(pack: EmergencyPack, sent: LineIn) -> keying.Keyed:
    services = doors.services()
    written = keying.Written(
        number_of_pack=pack.number,
        page=sent.page,
        line=sent.line,
        handed_at=_instant(sent.day, sent.time),
        code=sent.code,
        initials=sent.initials,
        number=read_mobile(sent.number, field="number") if sent.number.strip() else None,
        paid_cents=sent.paid,
        handed=sent.handed,
        next_visit_on=_next_day(sent.next_visit_on, sent.day),
    )
    guessing.check_guessing(sent.code)
    try:
        done = services.database.run(
            keying.key_line,
            services.vault,
            services.ring,
            written,
            staff_id=doors.current_staff().id,
            now=doors.now(),
        )
    except BadInput as error:
        # Digits that fail their own check are no guess: whoever copies a page by hand makes such mistakes.
        if error.code == Outcome.UNKNOWN_TYPED.value:
            guessing.count_guess(sent.code, Outcome.UNKNOWN_TYPED)
        raise
    if done.order_id is not None:
        doors.nudge(done.order_id)
    return done


def _instant(day: date, typed: str) -> datetime:
    """Return the instant of a time as people write it: 9:05, 9h05, 9 h 05, 0905. Raises BadInput."""
    digits = "".join(" " if not character.isdecimal() else character for character in typed).split()
    if len(digits) == 1 and len(digits[0]) in {3, 4}:
        digits = [digits[0][:-2], digits[0][-2:]]
    try:
        hour, minute = (int(part) for part in (digits if len(digits) == 2 else [*digits, "0"]))
        return datetime.combine(day, time(hour, minute), PROGRAMME_ZONE)
    except ValueError:
        raise BadInput("Écrivez l’heure comme sur le papier : 9:05 ou 9h05.", field="time") from None


def _next_day(typed: str, day: date) -> date | None:
    """Return a day as people write it: 24/12, 24.12.26; without its year, the next one after `day`. Raises BadInput."""
    if not typed.strip():
        return None
    parts = "".join(character if character.isdecimal() else " " for character in typed).split()
    try:
        on, month, *rest = (int(part) for part in parts)
        if not rest:
            this = date(day.year, month, on)
            return this if this >= day else date(day.year + 1, month, on)
        (year,) = rest
        return date(year + 2000 if year < 100 else year, month, on)
    except ValueError:
        raise BadInput("Écrivez le jour comme sur le papier : 24/12.", field="next_visit_on") from None


def _told(done: keying.Keyed, sent: LineIn) -> tuple[str, str]:
    place = f"{sent.page}-{sent.line}"
    if done.differs:
        return _(
            "La ligne %(place)s était déjà saisie, pour ce bon mais avec autre chose écrit : ce qui était enregistré "
            "reste. Si le papier dit vrai, signalez-le à la coordination.",
            place=place,
        ), "check"
    if done.known:
        return _("La ligne %(place)s était déjà saisie : rien n’est compté deux fois.", place=place), "info"
    if done.row.status == Status.CONFLICT.value:
        return _(
            "Ligne %(place)s : le bon n’était plus libre. Les deux faits sont gardés, la coordination règle la suite.",
            place=place,
        ), "check"
    return _("Ligne %(place)s enregistrée, la recharge part.", place=place), "ok"
