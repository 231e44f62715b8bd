"""Recharge codes in stock: what is left, and donors' files taken in whole or not at all."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.errors import BadInput
from voucher_service.fulfilment import lists
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import ItemState, Lot
from voucher_service.partners import lists as partner_lists
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("stock", __name__, url_prefix="/stock")

LOTS_A_PAGE = 20  # the codes of each are counted
UPLOAD = doors.requires(doors.Role.COORDINATOR, upload=True)


class NewLot(BaseModel):
    """What the form of a lot sends, besides the file."""

    partner_id: UUID
    branch_id: str = Field(default="", max_length=9, pattern="^[0-9]*$")


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show what is left of each product, and the lots."""
    with doors.services().database.read() as session:
        shelves = lists.shelves(session, room.today())
        found = doors.page_of(session, lists.lots_query(), by=Lot.id, parse=int, size=LOTS_A_PAGE)
        codes = lists.codes_by_state(session, [lot.id for lot in found.items])
        names = partner_lists.names(session)
        who = room.who(session, [lot.imported_by for lot in found.items])
    return room.page(
        "stock/codes",
        shelves=shelves,
        found=found,
        codes=codes,
        names=names,
        who=who,
        State=ItemState,
        low=lists.LOW_STOCK,
    )


@blueprint.get("/import")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form that takes a file in."""
    return _form().page()


@blueprint.post("/import")
@UPLOAD
def create() -> ResponseReturnValue:
    """Take a donor's file in, whole or not at all."""
    form = _form()

    def act() -> ResponseReturnValue:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise BadInput(_("Choisissez le fichier que l’opérateur a envoyé."), field="file")
        sent = doors.read_form(NewLot)
        services = doors.services()
        made = import_lot(
            services.database,
            services.vault,
            partner_id=sent.partner_id,
            file_name=file.filename,
            content=file.read(),
            actor=room.actor(),
            now=doors.now(),
            branch_id=int(sent.branch_id) if sent.branch_id else None,
        )
        home = "admin.articles.index" if sent.branch_id else "admin.stock.index"
        if made.again:
            return room.done(_("Ce fichier était déjà en stock : rien n’a été ajouté deux fois."), home)
        return room.done(_("Entrés en stock : %(n)s.", n=made.quantity), home)

    return room.submitted(form, act)


def _form() -> room.Form:
    with doors.services().database.read() as session:
        partners = partner_lists.names(session).partners
        branches = list(branch_names(session).items())
    return room.Form(
        title=_("Importer un lot"),
        lead=_(
            "Le fichier est lu en entier avant que rien ne soit enregistré : au premier défaut, il est refusé "
            "avec sa ligne et sa colonne."
        ),
        fields=[
            room.Field(
                name="partner_id",
                label=_("Opérateur"),
                kind=room.Kind.SELECT,
                options=list(partners.items()),
                empty=_("Choisir…"),
            ),
            room.Field(
                name="branch_id",
                label=_("Antenne où le lot est arrivé"),
                kind=room.Kind.SELECT,
                options=branches,
                empty=_("Aucune : des codes de recharge"),
                required=False,
                hint=_("Pour des cartes SIM, des téléphones ou des places."),
            ),
            room.Field(
                name="file", label=_("Fichier"), kind=room.Kind.FILE, hint=_("200 000 lignes et 64 Mo au plus.")
            ),
        ],
        action=url_for("admin.stock.create"),
        submit=_("Importer"),
        cancel=url_for("admin.stock.index"),
        help_template="admin/stock/lot_format.html",
    )
