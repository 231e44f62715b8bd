"""Differences with partners' statements, as work: who has which in hand, what both sides wrote, how each is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.delivery import hand
from voucher_service.errors import BadInput, Conflict
from voucher_service.partners import lists as partner_lists
from voucher_service.reconciliation.explain import LINE_WORDS, ORDER_WORDS, PRIORITIES, TEXTS, explain
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.work import notes, settle, suggest, together, words, worklist
from voucher_service.reconciliation.work.models import Settlement, Side, Step, Way
from voucher_service.reconciliation.work.ways import Facts, ways_of
from voucher_service.reconciliation.work.worklist import Age, Sort, Wanted
from voucher_service.staff.lists import names_of
from voucher_service.web import doors

blueprint = Blueprint("breaks", __name__, url_prefix="/breaks")


class BreakFilter(BaseModel):
    """The filters above the list. `who`: me, nobody, or everyone; `state`: open, closed or all."""

    partner_id: UUID | None = None
    kind: BreakClass | None = None
    priority: int | None = Field(default=None, ge=1, le=4)
    age: Age | None = None
    who: str = Field(default="", pattern="^(|me|nobody)$")
    state: str = Field(default="open", pattern="^(open|closed|all)$")
    sort: Sort = Sort.PRIORITY
    page: int = Field(default=1, ge=1, le=1_000_000)


class Words(BaseModel):
    """A note."""

    words: str = Field(default="", max_length=2000)


class Booking(BaseModel):
    """How the break is to be closed, and why."""

    way: Way
    note: str = Field(default="", max_length=2000)
    allocation_id: int | None = Field(default=None, ge=1, lt=2**53)


class Undoing(BaseModel):
    """Why a booking is undone."""

    note: str = Field(default="", max_length=2000)


class Part(BaseModel):
    """Which page of a break's history; the last where none is asked for."""

    page: int | None = Field(default=None, ge=1, le=1_000_000)


class Handing(BaseModel):
    """To whom the break goes, and who had it when that was decided."""

    owner: str = Field(max_length=60)
    was: str | None = Field(default=None, max_length=60)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the breaks, most urgent first unless asked otherwise."""
    asked = doors.read_query(BreakFilter)
    wanted = Wanted(
        partner_id=asked.partner_id, kind=asked.kind, priority=asked.priority, age=asked.age,
        owner={"me": room.actor(), "nobody": "nobody"}.get(asked.who),
        open={"open": True, "closed": False}.get(asked.state), sort=asked.sort, page=asked.page,
    )  # fmt: skip
    with doors.services().database.read() as session:
        found, total = worklist.worklist(session, wanted, doors.now())
        names = partner_lists.names(session)
        who = room.who(session, [item.owner for item in found])
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "page"}
    pages = {number: url_for("admin.breaks.index", **kept, page=number) for number in (asked.page - 1, asked.page + 1)}
    return room.page(
        "delivery/breaks",
        found=found, total=total, wanted=asked, partners=names.partners, who=who,
        titles={kind: _(text.title) for kind, text in TEXTS.items()},
        ages={age: _(text) for age, text in words.AGES.items()},
        sorts=[(sort.value, _(text)) for sort, text in words.SORTS.items()],
        priorities={number: _(text) for number, text in PRIORITIES.items()},
        lives={life: (_(text), tone) for life, (text, tone) in words.LIVES.items()},
        previous_href=pages[asked.page - 1] if asked.page > 1 else "",
        next_href=pages[asked.page + 1] if asked.page * worklist.PAGE < total else "",
    )  # fmt: skip


@blueprint.get("/<uuid:break_id>")
@room.READ
def show(break_id: UUID) -> ResponseReturnValue:
    """Show both sides of one break, its history, and what can be done."""
    return page_of(break_id, {})


def page_of(break_id: UUID, faults: dict[str, str]) -> str:
    """Return the page of one break, with what is to mend in what was sent."""
    page = doors.read_query(Part).page
    with doors.services().database.read() as session:
        item = worklist.item_of(session, break_id, doors.now())
        facts = settle.facts_of(session, break_id)
        settlements = worklist.settlements_of(session, break_id)
        history = notes.history(session, break_id, page)
        people = [item.owner, *(one.actor for one in history.items if one.side == Side.PROGRAMME)]
        people += [one.became for one in history.items if one.step == Step.TAKEN]
        context = {
            "partner": partner_lists.names(session).partners[item.partner_id],
            "gifts": [(one.id, one.label) for one in settle.gifts_for(session, facts.found) if facts.needs_gift],
            "needs_gift": facts.needs_gift,
            "colleagues": _colleagues(names_of(session, _actors(session)), item.owner),
            "who": room.who(
                session, people + [who for one in settlements for who in (one.proposed_by, one.decided_by)]
            ),
            **hand.shown(session, item, suggest.suggestions(session, item)),
            "together": together.together(session, item),
            "elsewhere": settle.settled_by_another(session, facts.found),
            "undoable": next((one for one in settlements if settle.can_undo(facts.found, one)), None),
        }
    pending = next((one for one in settlements if one.decided_at is None), None)
    waiting = context["waiting"]
    return room.page(
        "delivery/break",
        item=item, told=explain(item.difference, _, doors.language()), history=history, settlements=settlements,
        pending=pending, own=pending is not None and pending.proposed_by == room.actor(),
        mine=item.owner == room.actor(), waiting_own=waiting is not None and waiting.proposed_by == room.actor(),
        ways=[] if pending else _ways(facts), errors=faults, **context, **break_words(),
    )  # fmt: skip


def break_words() -> dict[str, Any]:
    """Return the words that the page of a break needs."""
    return {
        "line_words": {state: _(text) for state, text in LINE_WORDS.items()},
        "order_words": {state: _(text) for state, text in ORDER_WORDS.items()},
        "priorities": {number: _(text) for number, text in PRIORITIES.items()},
        "lives": {life: (_(text), tone) for life, (text, tone) in words.LIVES.items()},
        "step_words": {step.value: _(text) for step, text in words.STEPS.items()},
        "side_words": {side.value: _(text) for side, text in words.SIDES.items()},
        "way_words": {way.value: _(text) for way, text in words.WAYS.items()},
        "titles": {kind.value: _(text.title) for kind, text in TEXTS.items()},
    }


def _ways(facts: Facts) -> list[tuple[str, str, str]]:
    told = facts.found.quantity
    return [(way.value, _(words.WAYS[way]), _(words.effect(way, facts.kind, told))) for way in ways_of(facts)]


def _actors(session: Any) -> list[str]:
    return [f"staff:{one}" for one in session.scalars(notes.coordinators_query())]


def _colleagues(names: dict[str, str], owner: str | None) -> list[tuple[str, str]]:
    return sorted(((one, name) for one, name in names.items() if one != owner), key=lambda pair: pair[1])


def act(
    break_id: UUID,
    message: str | Callable[[Any], str],
    work: Any,
    *args: Any,
    reason: str = "note",
    **kwargs: Any,
) -> ResponseReturnValue:
    """Do one thing to a break, and say so on its page; or say there what is to mend or what has changed."""
    try:
        made = doors.services().database.run(work, *args, **kwargs, actor=room.actor(), now=doors.now())
    except BadInput as error:
        # Several forms stand on the page: those of matching by hand name their reason apart.
        renamed = {reason if name == "note" else name: text for name, text in doors.faults_of(error).items()}
        return page_of(break_id, renamed), 422
    except Conflict as error:
        flash(doors.said(error), "bad")  # above all forms: the one that was sent may be gone by now
        return page_of(break_id, {}), 409
    room.log("break_work", break_id=str(break_id), act=work.__name__)
    told = message if isinstance(message, str) else message(made)
    return room.done(told, "admin.breaks.show", break_id=break_id)


def booked(made: Settlement) -> str:
    """Say whether what was sent was done, or waits for another person."""
    told: str = (
        _("C’est proposé : une autre personne doit donner son accord.")
        if made.decided_at is None
        else _("Le règlement est annulé par une contre-écriture.")
        if made.way == Way.UNDO.value
        else _("C’est réglé : l’écriture est faite, ce montant ne demande pas de seconde personne.")
    )
    return told


@blueprint.post("/<uuid:break_id>/take")
@room.WRITE
def take(break_id: UUID) -> ResponseReturnValue:
    """Take a break in hand."""
    return act(break_id, _("Vous avez pris cet écart en charge."), notes.take, break_id)


@blueprint.post("/<uuid:break_id>/give-back")
@room.WRITE
def give_back(break_id: UUID) -> ResponseReturnValue:
    """Give a break back to everyone."""
    return act(break_id, _("L’écart est rendu à l’équipe."), notes.give_back, break_id)


@blueprint.post("/<uuid:break_id>/assign")
@room.WRITE
def assign(break_id: UUID) -> ResponseReturnValue:
    """Hand a break to a colleague."""
    sent = doors.read_form(Handing)
    return act(break_id, _("L’écart est confié."), notes.assign, break_id, owner=sent.owner, was=sent.was)


@blueprint.post("/<uuid:break_id>/notes")
@room.WRITE
def note(break_id: UUID) -> ResponseReturnValue:
    """Write a note; the partner reads it."""
    sent = doors.read_form(Words)
    told = _("Note ajoutée : l’opérateur la lit aussi.")
    return act(break_id, told, notes.add_note, break_id, words=sent.words, side=Side.PROGRAMME)


@blueprint.post("/<uuid:break_id>/settle")
@room.WRITE
def propose(break_id: UUID) -> ResponseReturnValue:
    """Propose a booking; below the threshold it is booked at once."""
    try:
        sent = doors.read_form(Booking)
    except BadInput as error:
        return page_of(break_id, dict(doors.faults_of(error))), 422
    return act(
        break_id, booked, settle.propose, break_id, way=sent.way, note=sent.note, allocation_id=sent.allocation_id
    )


@blueprint.post("/<uuid:break_id>/settlements/<uuid:settlement_id>/agree")
@room.WRITE
def agree(break_id: UUID, settlement_id: UUID) -> ResponseReturnValue:
    """Agree to what another person proposed."""
    return act(break_id, _("Accord donné : c’est écrit dans les comptes."), settle.agree, settlement_id)


@blueprint.post("/<uuid:break_id>/settlements/<uuid:settlement_id>/withdraw")
@room.WRITE
def withdraw(break_id: UUID, settlement_id: UUID) -> ResponseReturnValue:
    """Take a proposal back, one's own or another's."""
    return act(break_id, _("La proposition est retirée : rien n’a changé."), settle.withdraw, settlement_id)


@blueprint.post("/<uuid:break_id>/settlements/<uuid:settlement_id>/undo")
@room.WRITE
def undo(break_id: UUID, settlement_id: UUID) -> ResponseReturnValue:
    """Propose the counter-booking of what closed the break."""
    sent = doors.read_form(Undoing)
    return act(break_id, booked, settle.propose_undo, settlement_id, note=sent.note)
