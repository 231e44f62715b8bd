"""Vouchers: found, shown with their whole life, issued one by one, cancelled, reissued."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from uuid import UUID

from flask import Blueprint, redirect, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room, words
from admin.messages import words as message_words
from admin.vouchers import story_words
from admin.vouchers.voucher_forms import NewVoucher, Why, cancel_form, issue_form, reissue_form
from voucher_service.errors import BadInput, NotFound
from voucher_service.impact.story import story
from voucher_service.messages.lists import of_voucher
from voucher_service.partners import lists as partner_lists
from voucher_service.people.identity import find_by_reference
from voucher_service.people.models import Person
from voucher_service.staff.lists import branch_names
from voucher_service.vouchers import issue, life, lists, printing, qr
from voucher_service.vouchers.links import link_token
from voucher_service.vouchers.models import Batch, Voucher, VoucherState
from voucher_service.web import doors

blueprint = Blueprint("vouchers", __name__, url_prefix="/vouchers")

SEARCHES = doors.Rule("admin-code-search", tries=30, seconds=300)


class VoucherFilter(BaseModel):
    """The filters above the list."""

    state: VoucherState | None = None
    campaign_id: UUID | None = None
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)
    batch_id: UUID | None = None
    person: str = Field(default="", max_length=20)
    ends_by: date | None = None


class Search(BaseModel):
    """What the search by code sends. By POST: a typed code has no place in an address."""

    code: str = Field(min_length=3, max_length=80)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List vouchers, the newest first."""
    return _index({})


@blueprint.post("/search")
@room.READ
def search() -> ResponseReturnValue:
    """Open the voucher with this code or number."""
    doors.throttle().spend(SEARCHES, room.actor())
    try:
        sent = doors.read_form(Search)
        with doors.services().database.read() as session:
            found = lists.find(session, doors.services().ring, sent.code)
    except BadInput as error:
        return _index(doors.faults_of(error)), 422
    except NotFound as error:
        return _index({"code": doors.said(error)}), 404
    return redirect(url_for("admin.vouchers.show", voucher_id=found.id), 303)


def _index(errors: dict[str, str]) -> str:
    faults = dict(errors)
    try:
        wanted = doors.read_query(VoucherFilter)
    except doors.BadForm as error:
        wanted, faults = VoucherFilter(), error.faults
    with doors.services().database.read() as session:
        person_id = None
        try:
            person_id = find_by_reference(session, wanted.person).id if wanted.person else None
        except (BadInput, NotFound) as error:
            faults["person"] = doors.said(error)
        query = lists.vouchers_query(
            lists.Filter(
                state=wanted.state,
                campaign_id=wanted.campaign_id,
                branch_id=wanted.branch_id,
                batch_id=wanted.batch_id,
                person_id=person_id,
                ends_by=wanted.ends_by,
            )
        )
        found = doors.page_of(session, query, by=Voucher.id, parse=UUID)
        names, places = partner_lists.names(session), branch_names(session)
        batch = session.get(Batch, wanted.batch_id) if wanted.batch_id else None
    return room.page(
        "vouchers/vouchers",
        found=found,
        wanted=wanted,
        errors=faults,
        names=names,
        places=places,
        batch=batch,
        reference_of=lists.reference_of,
        states=[(state.value, words.voucher_state(state)[0]) for state in VoucherState],
    )


@blueprint.get("/<uuid:voucher_id>")
@room.READ
def show(voucher_id: UUID) -> ResponseReturnValue:
    """Show one voucher: what it is worth, its codes while it lives (coordinators), and its whole life."""
    with doors.services().database.read() as session:
        voucher = _voucher(session, voucher_id)
        events = story(session, voucher)
        names, places = partner_lists.names(session), branch_names(session)
        who = room.who(session, [event.actor for event in events])
        person = session.get(Person, voucher.person_id) if voucher.person_id else None
        batch = session.get(Batch, voucher.batch_id) if voucher.batch_id else None
        sent = of_voucher(session, voucher.id)
        live = voucher.state == VoucherState.ISSUED.value
        codes = doors.services().ring.printed(session, voucher) if live and room.may_write() else None
    # The picture is drawn from digits only; nothing typed by anyone stands in it.
    picture = Markup(qr.svg(codes.digits, qr.Medium.SCREEN, title=_("Code QR du bon"))) if codes else None  # noqa: S704
    return room.page(
        "vouchers/voucher",
        voucher=voucher,
        reference=lists.reference_of(voucher),
        codes=codes,
        link=url_for("beneficiary.voucher_page", token=link_token(doors.services().vault, voucher.id)) if codes else "",
        picture=picture,
        events=story_words.told(events, who, places),
        names=names,
        places=places,
        person=person,
        batch=batch,
        live=live,
        messages=sent,
        say=message_words,
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form that issues one voucher."""
    return issue_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Issue one voucher, to a person or to bearer; the same form sent twice issues once."""

    def act() -> ResponseReturnValue:
        sent, voucher_id = doors.read_form(NewVoucher), doors.client_key()
        campaign_id, offer_id = sent.chosen()
        with doors.services().database.read() as session:
            person_id = find_by_reference(session, sent.person).id if sent.person else None
        wanted = issue.Wanted(
            campaign_id=campaign_id,
            offer_id=offer_id,
            actor=room.actor(),
            person_id=person_id,
            branch_id=sent.branch_id,
        )
        services = doors.services()
        services.database.run(issue.issue_one, services.ring, voucher_id, wanted, now=doors.now())
        return room.done(
            _("Le bon est émis : imprimez-le ou montrez-le."), "admin.vouchers.show", voucher_id=voucher_id
        )

    return room.submitted(issue_form(), act)


@blueprint.get("/<uuid:voucher_id>/card.pdf")
@room.WRITE
def card(voucher_id: UUID) -> ResponseReturnValue:
    """Send the voucher as a card to print."""
    out = BytesIO()
    with doors.services().database.read() as session:
        voucher = _voucher(session, voucher_id)
        printing.write_one(session, doors.services().ring, voucher, out)
    out.seek(0)
    return send_file(out, "application/pdf", download_name=f"bon-{lists.reference_of(voucher)}.pdf")


@blueprint.get("/<uuid:voucher_id>/cancel")
@room.WRITE
def ask_cancel(voucher_id: UUID) -> ResponseReturnValue:
    """Ask why the voucher is to be cancelled."""
    return cancel_form(voucher_id).page()


@blueprint.post("/<uuid:voucher_id>/cancel")
@room.WRITE
def cancel(voucher_id: UUID) -> ResponseReturnValue:
    """Cancel the voucher: its code is dead, its value available again."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(Why)
        doors.services().database.run(life.cancel, voucher_id, actor=room.actor(), reason=sent.reason, now=doors.now())
        return room.done(
            _("Le bon est annulé : sa valeur est de nouveau disponible."), "admin.vouchers.show", voucher_id=voucher_id
        )

    return room.submitted(cancel_form(voucher_id), act)


@blueprint.get("/<uuid:voucher_id>/reissue")
@room.WRITE
def ask_reissue(voucher_id: UUID) -> ResponseReturnValue:
    """Ask why the voucher is to be replaced."""
    return reissue_form(voucher_id).page()


@blueprint.post("/<uuid:voucher_id>/reissue")
@room.WRITE
def reissue(voucher_id: UUID) -> ResponseReturnValue:
    """Replace the voucher; the old code is dead from this moment."""

    def act() -> ResponseReturnValue:
        sent, new_id = doors.read_form(Why), doors.client_key()
        services = doors.services()
        services.database.run(
            life.reissue,
            services.ring,
            voucher_id,
            new_id,
            actor=room.actor(),
            reason=sent.reason,
            now=doors.now(),
        )
        return room.done(
            _("Voici le nouveau bon. L’ancien code ne sert plus."), "admin.vouchers.show", voucher_id=new_id
        )

    return room.submitted(reissue_form(voucher_id), act)


def _voucher(session: Session, voucher_id: UUID) -> Voucher:
    voucher = session.get(Voucher, voucher_id)
    if voucher is None:
        raise NotFound(_("Ce bon n’existe pas."))
    return voucher
