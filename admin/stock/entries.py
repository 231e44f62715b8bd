"""What comes in beside a lot file: the numbers of SIM cards, and a training session with its seats."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.fulfilment.articles.numbers import import_numbers
from voucher_service.fulfilment.articles.samples import SAMPLES, session_file
from voucher_service.fulfilment.lots import import_lot
from voucher_service.partners import lists as partner_lists
from voucher_service.partners.models import Offer, Route
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("stock_entries", __name__, url_prefix="/stock")


class Numbers(BaseModel):
    """Whose cards get their numbers, besides the file."""

    partner_id: UUID


class NewSession(BaseModel):
    """A training session with so many seats."""

    offer_id: UUID
    branch_id: int = Field(ge=1, le=2**31 - 1)
    name: str = Field(min_length=3, max_length=24, pattern=r"^[0-9A-Za-z-]+$")
    day: date
    starts: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    place: str = Field(min_length=1, max_length=120)
    seats: int = Field(ge=1, le=200)


@blueprint.get("/samples/<name>")
@room.READ
def sample(name: str) -> ResponseReturnValue:
    """Send a sample file of one kind, to fill in."""
    if name not in SAMPLES:
        raise NotFound(_("Cette page n’existe pas."))
    return Response(SAMPLES[name], mimetype="text/csv", headers={"Content-Disposition": f"attachment; filename={name}"})


@blueprint.get("/numbers")
@room.WRITE
def numbers() -> ResponseReturnValue:
    """Show the form that takes the operator's file of numbers in."""
    return _numbers_form().page()


@blueprint.post("/numbers")
@doors.requires(doors.Role.COORDINATOR, upload=True)
def import_them() -> ResponseReturnValue:
    """Give cards their numbers, all or none."""

    def act() -> ResponseReturnValue:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise BadInput(_("Choisissez le fichier que l’opérateur a envoyé."), field="file")
        partner_id, services = doors.read_form(Numbers).partner_id, doors.services()
        done = services.database.run(import_numbers, services.vault, partner_id=partner_id, content=file.read())
        told = _("%(new)s numéros enregistrés, %(known)s déjà connus.", new=done.recorded, known=done.known)
        return room.done(told, "admin.articles.index")

    return room.submitted(_numbers_form(), act)


def _numbers_form() -> room.Form:
    with doors.services().database.read() as session:
        partners = list(partner_lists.names(session).partners.items())
    return room.Form(
        title=_("Importer les numéros des cartes SIM"),
        lead=_("Un fichier « iccid;msisdn », une carte par ligne. Au premier défaut, rien n’est enregistré."),
        fields=[
            room.Field(
                name="partner_id", label=_("Opérateur"), kind=room.Kind.SELECT, options=partners, empty=_("Choisir…")
            ),
            room.Field(name="file", label=_("Fichier"), kind=room.Kind.FILE, hint=_("64 Mo au plus.")),
        ],
        action=url_for("admin.stock_entries.import_them"),
        submit=_("Importer"),
        cancel=url_for("admin.articles.index"),
    )


@blueprint.get("/sessions/new")
@room.WRITE
def new_session() -> ResponseReturnValue:
    """Show the form of a training session."""
    return _session_form().page()


@blueprint.post("/sessions/new")
@room.WRITE
def create_session() -> ResponseReturnValue:
    """Put the seats of a session in stock."""

    def act() -> ResponseReturnValue:
        sent, services = doors.read_form(NewSession), doors.services()
        with services.database.read() as session:
            offer = session.get(Offer, sent.offer_id)
            if offer is None or offer.route != Route.SEAT_STOCK.value:
                raise BadInput(_("Choisissez une offre d’atelier."), field="offer_id")
            partner = partner_lists.names(session).partners[offer.partner_id]
        content = session_file(
            partner=partner, product=offer.product_code, name=sent.name, day=sent.day, starts=sent.starts,
            place=sent.place, seats=sent.seats,
        )  # fmt: skip
        try:
            made = import_lot(
                services.database, services.vault, partner_id=offer.partner_id, file_name=sent.name, content=content,
                actor=room.actor(), now=doors.now(), branch_id=sent.branch_id,
            )  # fmt: skip
        except BadFile as error:
            field = {"sell_by": "day", "seat": "name", "place": "place"}.get(error.column, "name")
            raise BadInput(error.message, field=field, **error.values) from None
        told = _("Cette séance était déjà enregistrée.") if made.again else _("%(n)s places sont prêtes.", n=sent.seats)
        return room.done(told, "admin.articles.index")

    return room.submitted(_session_form(), act)


def _session_form() -> room.Form:
    with doors.services().database.read() as session:
        offers = [(one.id, one.name_fr) for one in partner_lists.offers_by(session, Route.SEAT_STOCK)]
        branches = list(branch_names(session).items())
    return room.Form(
        title=_("Nouvelle séance d’atelier"),
        lead=_("Chaque place est numérotée et se remet contre un bon, comme une carte ou un téléphone."),
        fields=[
            room.Field(
                name="offer_id",
                label=_("Offre"),
                kind=room.Kind.SELECT,
                options=offers,
                empty=_("Choisir…"),
                hint="" if offers else _("Créez d’abord une offre « Place à un atelier »."),
            ),
            room.Field(
                name="branch_id",
                label=_("Antenne qui remet les places"),
                kind=room.Kind.SELECT,
                options=branches,
                empty=_("Choisir…"),
            ),
            room.Field(
                name="name",
                label=_("Nom court de la séance"),
                hint=_("Lettres sans accent, chiffres et tirets : ATELIER-MARS."),
            ),
            room.Field(name="day", label=_("Jour"), kind=room.Kind.DATE),
            room.Field(name="starts", label=_("Heure"), hint=_("Par exemple 14:00."), width="short"),
            room.Field(name="place", label=_("Lieu")),
            room.Field(name="seats", label=_("Combien de places ?"), inputmode="numeric", width="short"),
        ],
        action=url_for("admin.stock_entries.create_session"),
        submit=_("Ouvrir les places"),
        cancel=url_for("admin.articles.index"),
    )
