"""Batches of vouchers: asked for, checked, agreed to, issued as a job, printed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, send_file, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room, words
from admin.vouchers.voucher_forms import branch_field, read_what, what_field
from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import utc_now
from voucher_service.partners import lists as partner_lists
from voucher_service.partners import policies
from voucher_service.partners.models import Offer
from voucher_service.staff.lists import branch_names
from voucher_service.units import Unit
from voucher_service.vouchers import batches, lists, printing
from voucher_service.vouchers.batch_runner import BatchRunner
from voucher_service.vouchers.models import Batch, BatchState
from voucher_service.vouchers.sheets import Layout
from voucher_service.web import doors

blueprint = Blueprint("batches", __name__, url_prefix="/batches")


class NewBatch(BaseModel):
    """What the form of a batch sends."""

    what: str = Field(max_length=80)
    label: str = Field(min_length=1, max_length=120)
    quantity: int = Field(ge=1, le=batches.MOST)
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)

    def chosen(self) -> tuple[UUID, UUID]:
        """Return campaign and offer. Raises BadInput."""
        return read_what(self.what)


class BatchFilter(BaseModel):
    """The filters above the list."""

    state: BatchState | None = None
    campaign_id: UUID | None = None


class Sheet(BaseModel):
    """Which part of a batch, drawn how."""

    part: int = Field(default=1, ge=1, le=1000)
    layout: Layout = Layout.LABELS


@blueprint.record_once
def _make_runner(state: BlueprintSetupState) -> None:
    services = state.app.extensions["services"]
    state.app.extensions["batch_runner"] = BatchRunner(services.database, services.ring, utc_now)


def _runner() -> BatchRunner:
    runner: BatchRunner = current_app.extensions["batch_runner"]
    return runner


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the batches, the newest first."""
    wanted = doors.read_query(BatchFilter)
    with doors.services().database.read() as session:
        query = lists.batches_query(state=wanted.state, campaign_id=wanted.campaign_id)
        found = doors.page_of(session, query, by=Batch.id, parse=UUID)
        names, places = partner_lists.names(session), branch_names(session)
        who = room.who(session, [one.created_by for one in found.items])
    return room.page(
        "vouchers/batches",
        found=found,
        wanted=wanted,
        names=names,
        places=places,
        who=who,
        states=[(state.value, words.batch_state(state)[0]) for state in BatchState],
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a batch."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Check the answers, show them, and on the second press ask for the batch."""
    form = _form()

    def act() -> ResponseReturnValue:
        sent, batch_id = doors.read_form(NewBatch), doors.client_key()
        campaign_id, offer_id = sent.chosen()
        if room.step() == "edit":
            return form.page()
        if room.step() != "confirm":
            return _check(form, sent, campaign_id, offer_id)
        made = doors.services().database.run(
            batches.propose_batch,
            batch_id=batch_id,
            label=sent.label,
            campaign_id=campaign_id,
            offer_id=offer_id,
            branch_id=sent.branch_id,
            quantity=sent.quantity,
            actor=room.actor(),
            now=doors.now(),
        )
        if made.state == BatchState.PENDING.value:
            return room.done(_("Le lot attend l’accord d’une autre personne."), "admin.batches.show", batch_id=batch_id)
        _runner().kick()
        return room.done(_("Le lot est en cours d’émission."), "admin.batches.show", batch_id=batch_id)

    return room.submitted(form, act)


def _check(form: room.Form, sent: NewBatch, campaign_id: UUID, offer_id: UUID) -> ResponseReturnValue:
    day = room.today()
    with doors.services().database.read() as session:
        waits = batches.weigh(
            session, campaign_id, offer_id, sent.branch_id, sent.quantity, actor=room.actor(), now=doors.now()
        )
        offer, terms = session.get_one(Offer, offer_id), policies.terms_on(session, offer_id, day)
        names, places = partner_lists.names(session), branch_names(session)
    unit = Unit(offer.unit)
    place = _("Toutes les antennes") if sent.branch_id is None else places[sent.branch_id]
    rows = [
        (_("Campagne"), names.campaigns[campaign_id]),
        (_("Offre"), offer.name_fr),
        (_("Nom du lot"), sent.label),
        (_("Antenne"), place),
        (_("Nombre de bons"), str(sent.quantity)),
        (_("Chaque bon"), doors.say_quantity(terms.quantity, unit)),
        (_("En tout"), doors.say_quantity(terms.quantity * sent.quantity, unit)),
        (_("Utilisables"), _("%(days)s jours, sans dépasser la dotation", days=terms.validity_days)),
    ]
    note = _("Au-dessus du seuil : une autre personne devra donner son accord.") if waits else ""
    return room.check_page(form, rows, question=_("Émettre ce lot de bons ?"), submit=_("Demander le lot"), note=note)


@blueprint.get("/<uuid:batch_id>")
@room.READ
def show(batch_id: UUID) -> ResponseReturnValue:
    """Show one batch: how far it is, what became of its vouchers, what there is to print."""
    return room.page("vouchers/batch", **_context(batch_id))


@blueprint.get("/<uuid:batch_id>/progress")
@room.READ
def progress(batch_id: UUID) -> ResponseReturnValue:
    """Show the part of the page that changes while the batch is issued."""
    return room.page("vouchers/batch_progress", **_context(batch_id))


def _context(batch_id: UUID) -> dict[str, Any]:
    with doors.services().database.read() as session:
        batch = batches.fresh(session, batch_id)
        return {
            "batch": batch,
            "names": partner_lists.names(session),
            "places": branch_names(session),
            "states": lists.states_of_batch(session, batch_id),
            "who": room.who(session, [batch.created_by, batch.approved_by, batch.declined_by]),
            "parts": printing.parts(batch),
            "part_size": printing.PART,
            "own": batch.created_by == room.actor(),
            "under_way": batch.state == BatchState.READY.value and batch.stopped_because is None,
        }


@blueprint.post("/<uuid:batch_id>/approve")
@room.WRITE
def approve(batch_id: UUID) -> ResponseReturnValue:
    """Agree to a batch that someone else asked for, and issue it."""
    return _decide(batches.approve_batch, batch_id, _("Accord donné : le lot est en cours d’émission."))


@blueprint.post("/<uuid:batch_id>/decline")
@room.WRITE
def decline(batch_id: UUID) -> ResponseReturnValue:
    """Decline a batch that waits, or withdraw one's own."""
    return _decide(batches.decline_batch, batch_id, _("Le lot est refusé : aucun bon n’est émis."))


def _decide(feature: Callable[..., Batch], batch_id: UUID, told: str) -> ResponseReturnValue:
    try:
        doors.services().database.run(feature, batch_id, room.actor(), doors.now())
    except Conflict as error:
        return room.refused(error, "admin.batches.show", batch_id=batch_id)
    _runner().kick()
    return room.done(told, "admin.batches.show", batch_id=batch_id)


@blueprint.post("/<uuid:batch_id>/resume")
@room.WRITE
def resume(batch_id: UUID) -> ResponseReturnValue:
    """Go on with a batch that stopped."""
    doors.services().database.run(batches.note_stop, batch_id, None)
    _runner().kick()
    return room.done(_("L’émission reprend où elle s’est arrêtée."), "admin.batches.show", batch_id=batch_id)


@blueprint.get("/<uuid:batch_id>/sheet.pdf")
@room.WRITE
def sheet(batch_id: UUID) -> ResponseReturnValue:
    """Send a part of the batch as A4 pages: labels or cards."""
    wanted = doors.read_query(Sheet)
    out = BytesIO()
    with doors.services().database.read() as session:
        batch = _printable(session, batch_id, wanted.part)
        printing.write_sheet(session, doors.services().ring, batch.id, wanted.part, wanted.layout, out)
    room.log("batch_printed", batch=str(batch_id), part=wanted.part, layout=wanted.layout.value)
    out.seek(0)
    name = f"bons-{batch_id.hex[-6:]}-{wanted.part}-{wanted.layout.value}.pdf"
    return send_file(out, "application/pdf", as_attachment=True, download_name=name)


@blueprint.get("/<uuid:batch_id>/codes.csv")
@room.WRITE
def codes(batch_id: UUID) -> ResponseReturnValue:
    """Send a part of the batch as CSV, for a printer."""
    wanted = doors.read_query(Sheet)
    out = BytesIO()
    with doors.services().database.read() as session:
        batch = _printable(session, batch_id, wanted.part)
        printing.write_csv(session, doors.services().ring, batch.id, wanted.part, out)
    room.log("batch_exported", batch=str(batch_id), part=wanted.part)
    out.seek(0)
    name = f"bons-{batch_id.hex[-6:]}-{wanted.part}.csv"
    return send_file(out, "text/csv; charset=utf-8", as_attachment=True, download_name=name)


def _printable(session: Session, batch_id: UUID, part: int) -> Batch:
    batch = batches.fresh(session, batch_id)
    if part > printing.parts(batch):
        raise NotFound(_("Cette partie du lot n’existe pas (encore)."))
    return batch


def _form() -> room.Form:
    return room.Form(
        title=_("Nouveau lot de bons"),
        lead=_("Des bons au porteur, à imprimer : pour une antenne, une maraude, un partenaire."),
        fields=[
            what_field(),
            room.Field(name="label", label=_("Nom du lot"), hint=_("Par exemple : Maraude de décembre, Lyon.")),
            room.Field(
                name="quantity",
                label=_("Nombre de bons"),
                inputmode="numeric",
                width="short",
                hint=_("24 étiquettes par page A4, ou 8 cartes."),
            ),
            branch_field(_("Imprimée sur le bon ; certaines dotations sont réservées à une antenne ou à une ville.")),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.batches.create"),
        submit=_("Continuer"),
        cancel=url_for("admin.batches.index"),
    )
