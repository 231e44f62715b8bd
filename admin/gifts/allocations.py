"""Allocations: what was given, where it lies now, and how it ends."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from admin import room, words
from admin.gifts.allocation_forms import Leaving, NewGift, gift_form, leaving_form
from voucher_service.errors import Conflict
from voucher_service.ledger import lists as ledger_lists
from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.partners import gifts, lists, policies
from voucher_service.partners.earmarks import earmarks_of
from voucher_service.partners.ending import leaving
from voucher_service.partners.ending.models import LeaveWay
from voucher_service.partners.models import Allocation, AllocationState, EarmarkKind
from voucher_service.reconciliation.books import draw_down
from voucher_service.reconciliation.closing import gift_end
from voucher_service.staff.lists import branch_names
from voucher_service.units import MAX_QUANTITY, Unit
from voucher_service.web import doors

blueprint = Blueprint("allocations", __name__, url_prefix="/allocations")

GIFTS_A_PAGE = 20  # each line adds up the transfers of a book
SOON = timedelta(days=30)


class GiftFilter(BaseModel):
    """The filters above the list."""

    state: AllocationState | None = None
    partner_id: UUID | None = None
    ends_by: date | None = None


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the allocations with what became of each."""
    wanted = doors.read_query(GiftFilter)
    with doors.services().database.read() as session:
        query = lists.gifts_query(state=wanted.state, partner_id=wanted.partner_id, ends_by=wanted.ends_by)
        found = doors.page_of(session, query, by=Allocation.id, parse=int, size=GIFTS_A_PAGE)
        given = lists.gifts(session, found.items)
        names = lists.names(session)
        agreements = lists.agreements(session)
    return room.page(
        "gifts/allocations",
        given=given,
        found=found,
        wanted=wanted,
        names=names,
        agreements=agreements,
        states=[(state.value, words.gift_state(state)[0]) for state in AllocationState],
        soon=room.today() + SOON,
        Kind=AccountKind,
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of an allocation."""
    return gift_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Check the answers, show them, and on the second press record the allocation."""
    form = gift_form()

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewGift)
        if room.step() == "edit":
            return form.page()
        if room.step() != "confirm":
            return _check(form, sent)
        made = doors.services().database.run(
            gifts.propose_allocation,
            **sent.model_dump(exclude={"quantity", "branches", "cities"}),
            quantity=sent.pieces(),
            earmarks=[(EarmarkKind.BRANCH, str(one)) for one in sent.branches]
            + [(EarmarkKind.CITY, one) for one in sent.cities],
            actor=room.actor(),
            now=doors.now(),
        )
        waits = made.state == AllocationState.PENDING.value
        told = _("La dotation attend l’accord d’une autre personne.") if waits else _("La dotation est ouverte.")
        return room.done(told, "admin.allocations.show", allocation_id=made.id)

    return room.submitted(form, act)


def _check(form: room.Form, sent: NewGift) -> ResponseReturnValue:
    quantity = sent.pieces()
    policies.check_range("quantity", quantity, 1, MAX_QUANTITY)
    with doors.services().database.read() as session:
        agreement = gifts.agreement_for(session, sent.agreement_id, sent.valid_from, sent.valid_until)
        partner = lists.names(session).partners[agreement.partner_id]
        places = branch_names(session)
        waits = policies.needs_second_person(session, sent.unit, quantity, room.today())
    marks = [places.get(one, str(one)) for one in sent.branches] + sent.cities
    rows = [
        (_("Opérateur"), partner),
        (_("Convention"), agreement.reference),
        (_("Nom"), sent.label),
        (_("Quantité"), doors.say_quantity(quantity, sent.unit)),
        (_("Valable"), _("du %(a)s au %(b)s", a=doors.say_day(sent.valid_from), b=doors.say_day(sent.valid_until))),
        (_("Priorité"), str(sent.priority)),
        (_("Réservée à"), ", ".join(marks) or _("toutes les antennes")),
    ]
    note = _("Au-dessus du seuil : une autre personne devra donner son accord.") if waits else ""
    return room.check_page(form, rows, question=_("Enregistrer cette dotation ?"), submit=_("Enregistrer"), note=note)


@blueprint.get("/<int:allocation_id>")
@room.READ
def show(allocation_id: int) -> ResponseReturnValue:
    """Show one allocation: where its value lies, and each movement."""
    with doors.services().database.read() as session:
        gift = lists.gifts(session, [gifts.fresh(session, allocation_id)])[0]
        moves = doors.page_of(
            session, ledger_lists.transfers_query(book_id=allocation_id), by=Transfer.id, parse=UUID, size=25
        )
        places = branch_names(session)
        context = {
            "paid_for": draw_down.draw_down(session, gift.allocation),
            "giver": lists.partner_of(session, gift.allocation),
            "marks": [
                places.get(int(value), value) if kind is EarmarkKind.BRANCH else value
                for kind, value in earmarks_of(session, allocation_id)
            ],
            "notes": lists.notes_of(session, [move.id for move in moves.items]),
            "who": room.who(
                session,
                [gift.allocation.created_by, gift.allocation.approved_by, gift.allocation.ended_by]
                + [move.actor for move in moves.items],
            ),
        }
        pending = leaving.pending_of(session, allocation_id)
        context |= {"pending": pending, "who_asked": room.who(session, [pending.proposed_by] if pending else [])}
    return room.page(
        "gifts/allocation",
        gift=gift,
        moves=moves,
        Kind=AccountKind,
        account_of=ledger_lists.account_of,
        own=gift.allocation.created_by == room.actor(),
        own_leaving=pending is not None and pending.proposed_by == room.actor(),
        **context,
    )


@blueprint.get("/<int:allocation_id>/vouchers.csv")
@room.READ
def vouchers(allocation_id: int) -> ResponseReturnValue:
    """Send the list of vouchers that the allocation pays for."""
    with doors.services().database.read() as session:
        body = "".join(draw_down.vouchers_csv(session, gifts.fresh(session, allocation_id)))
    name = f"attachment; filename=dotation-{allocation_id}-bons.csv"
    return Response(body, mimetype="text/csv", headers={"Content-Disposition": name})


@blueprint.post("/<int:allocation_id>/approve")
@room.WRITE
def approve(allocation_id: int) -> ResponseReturnValue:
    """Agree to an allocation that someone else proposed."""
    database = doors.services().database
    try:
        database.run(gifts.approve_allocation, allocation_id, room.actor(), doors.now())
    except Conflict as error:
        return room.refused(error, "admin.allocations.show", allocation_id=allocation_id)
    return room.done(
        _("La dotation est ouverte : on peut émettre des bons."), "admin.allocations.show", allocation_id=allocation_id
    )


@blueprint.post("/<int:allocation_id>/decline")
@room.WRITE
def decline(allocation_id: int) -> ResponseReturnValue:
    """Decline an allocation that waits, or withdraw one's own."""
    database = doors.services().database
    try:
        database.run(gifts.decline_allocation, allocation_id, room.actor(), doors.now())
    except Conflict as error:
        return room.refused(error, "admin.allocations.show", allocation_id=allocation_id)
    return room.done(
        _("La dotation est refusée : rien n’est entré dans les comptes."),
        "admin.allocations.show",
        allocation_id=allocation_id,
    )


@blueprint.post("/<int:allocation_id>/close")
@room.WRITE
def close(allocation_id: int) -> ResponseReturnValue:
    """Close an allocation that holds nothing any more."""
    try:
        doors.services().database.run(gift_end.close, allocation_id, room.actor(), doors.now())
    except Conflict as error:
        return room.refused(error, "admin.allocations.show", allocation_id=allocation_id)
    return room.done(_("La dotation est close."), "admin.allocations.show", allocation_id=allocation_id)


@blueprint.get("/<int:allocation_id>/return")
@room.WRITE
def return_form(allocation_id: int) -> ResponseReturnValue:
    """Show the form that gives value back to the donor."""
    return leaving_form(allocation_id, returned=True).page()


@blueprint.post("/<int:allocation_id>/return")
@room.WRITE
def return_to_donor(allocation_id: int) -> ResponseReturnValue:
    """Give value back to the donor."""
    return _leave(allocation_id, returned=True)


@blueprint.get("/<int:allocation_id>/write-off")
@room.WRITE
def write_off_form(allocation_id: int) -> ResponseReturnValue:
    """Show the form that writes value off."""
    return leaving_form(allocation_id, returned=False).page()


@blueprint.post("/<int:allocation_id>/write-off")
@room.WRITE
def write_off(allocation_id: int) -> ResponseReturnValue:
    """Write value off as lost."""
    return _leave(allocation_id, returned=False)


def _leave(allocation_id: int, *, returned: bool) -> ResponseReturnValue:
    form = leaving_form(allocation_id, returned=returned)
    way = LeaveWay.RETURN if returned else LeaveWay.WRITE_OFF

    def act() -> ResponseReturnValue:
        sent, key = doors.read_form(Leaving), doors.client_key()
        with doors.services().database.read() as session:
            unit = Unit(gifts.fresh(session, allocation_id).unit)
        quantity = doors.read_quantity(sent.quantity, unit, field="quantity")
        if room.step() == "edit":
            return form.page()
        if room.step() != "confirm":
            rows = [(_("Quantité"), doors.say_quantity(quantity, unit)), (_("Raison"), sent.reason)]
            return room.check_page(form, rows, question=form.title + _(" ?"), submit=form.submit, note=form.lead)
        doors.services().database.run(
            leaving.propose, allocation_id, quantity, way=way, actor=room.actor(), reason=sent.reason,
            leaving_id=key, now=doors.now(),
        )  # fmt: skip
        told = _("%(what)s : une autre personne doit donner son accord.", what=doors.say_quantity(quantity, unit))
        flash(told, "ok")
        return redirect(url_for("admin.allocations.show", allocation_id=allocation_id), 303)

    return room.submitted(form, act)
