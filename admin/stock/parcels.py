"""Transfers between branches: sent, on their way, received by another person with what is missing."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.stock import words as say
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles import lists, parcels
from voucher_service.fulfilment.articles.parcel_models import Parcel
from voucher_service.fulfilment.articles.parcels import Product, Sending
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("parcels", __name__, url_prefix="/stock/transfers")


class NewParcel(BaseModel):
    """What the form of a transfer sends: serials, or a product and how many."""

    from_branch_id: int = Field(ge=1, le=2**31 - 1)
    to_branch_id: int = Field(ge=1, le=2**31 - 1)
    serials: str = Field(default="", max_length=40_000)
    product: str = Field(default="", max_length=120)
    quantity: str = Field(default="", max_length=6)
    note: str = Field(default="", max_length=200)


class Ending(BaseModel):
    """How a transfer ends: what was not in it, and why."""

    note: str = Field(default="", max_length=200)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the transfers."""
    with doors.services().database.read() as session:
        found = doors.page_of(session, lists.parcels_query(), by=Parcel.id, parse=UUID)
        sizes = lists.sizes(session, [one.id for one in found.items])
        branches = branch_names(session)
        who = room.who(session, [name for one in found.items for name in (one.sent_by, one.ended_by)])
    return room.page("stock/parcels", found=found, sizes=sizes, branches=branches, who=who, say=say)


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a transfer."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Send articles to another branch."""

    def act() -> ResponseReturnValue:
        sent, parcel_id = doors.read_form(NewParcel), doors.client_key()
        serials = tuple(sent.serials.split())
        sending = Sending(
            parcel_id=parcel_id,
            from_branch_id=sent.from_branch_id,
            to_branch_id=sent.to_branch_id,
            serials=serials,
            product=None if serials else _product(sent.product),
            quantity=0 if serials else _whole(sent.quantity),
            note=sent.note,
        )
        made = doors.services().database.run(parcels.send, sending, actor=room.actor(), now=doors.now())
        return room.done(_("Le transfert est en route : une autre personne le recevra."), "admin.parcels.show",
                         parcel_id=made.id)  # fmt: skip

    return room.submitted(_form(), act)


def _product(text: str) -> Product:
    parts = text.split("|", 2)
    try:
        return Product(partner_id=UUID(parts[0]), kind=parts[1], product_code=parts[2])
    except (ValueError, IndexError):
        raise BadInput(_("Scannez des articles, ou choisissez un produit et un nombre."), field="product") from None


def _whole(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise BadInput(_("Écrivez un nombre d’articles."), field="quantity")
    return int(text)


@blueprint.get("/<uuid:parcel_id>")
@room.READ
def show(parcel_id: UUID) -> ResponseReturnValue:
    """Show a transfer, what it holds, and the note to print and sign."""
    return _page(parcel_id, {})


@blueprint.post("/<uuid:parcel_id>/receive")
@room.WRITE
def receive(parcel_id: UUID) -> ResponseReturnValue:
    """Receive it, with what is missing."""
    try:
        note, missing = doors.read_form(Ending).note, [UUID(one) for one in request.form.getlist("missing")]
        doors.services().database.run(
            parcels.receive, parcel_id=parcel_id, missing=missing, note=note, actor=room.actor(), now=doors.now()
        )
    except BadInput as error:
        return _page(parcel_id, doors.faults_of(error)), 422
    except ValueError:
        return _page(parcel_id, {"missing": _("Un de ces articles n’est pas dans ce transfert.")}), 422
    except Conflict as error:
        return room.refused(error, "admin.parcels.show", parcel_id=parcel_id)
    return room.done(_("Le transfert est reçu."), "admin.parcels.show", parcel_id=parcel_id)


@blueprint.post("/<uuid:parcel_id>/recall")
@room.WRITE
def recall(parcel_id: UUID) -> ResponseReturnValue:
    """Take it back: it never left."""
    try:
        note = doors.read_form(Ending).note
        doors.services().database.run(
            parcels.recall, parcel_id=parcel_id, note=note, actor=room.actor(), now=doors.now()
        )
    except BadInput as error:
        return _page(parcel_id, {f"recall-{name}": text for name, text in doors.faults_of(error).items()}), 422
    except Conflict as error:
        return room.refused(error, "admin.parcels.show", parcel_id=parcel_id)
    return room.done(_("Le transfert est rappelé : tout est de nouveau en stock."), "admin.parcels.show",
                     parcel_id=parcel_id)  # fmt: skip


def _page(parcel_id: UUID, faults: dict[str, str]) -> str:
    with doors.services().database.read() as session:
        parcel = session.get(Parcel, parcel_id)
        if parcel is None:
            raise NotFound(_("Ce transfert n’existe pas."))
        articles = parcels.articles_of(session, parcel_id)
        missing = lists.not_arrived(session, parcel_id)
        branches = branch_names(session)
        who = room.who(session, [parcel.sent_by, parcel.ended_by])
    return room.page(
        "stock/parcel", parcel=parcel, articles=articles, missing=missing, branches=branches, who=who, say=say,
        errors=faults, me=room.actor(), ticked=request.form.getlist("missing"), note=request.form.get("note", ""),
    )  # fmt: skip


def _form() -> room.Form:
    with doors.services().database.read() as session:
        branches = list(branch_names(session).items())
        products = {
            f"{one.product.partner_id}|{one.product.kind}|{one.product.product_code}": _(
                "%(product)s (%(kind)s, %(partner)s)",
                product=one.product.product_code, kind=say.kind(one.product.kind), partner=one.partner,
            )
            for one in lists.shelves(session)
        }  # fmt: skip
    return room.Form(
        title=_("Nouveau transfert"),
        lead=_("Rien de ce qui est en route ne peut être remis. Une autre personne reçoit et dit ce qui manque."),
        fields=[
            room.Field(
                name="from_branch_id", label=_("De"), kind=room.Kind.SELECT, options=branches, empty=_("Choisir…")
            ),
            room.Field(
                name="to_branch_id", label=_("Vers"), kind=room.Kind.SELECT, options=branches, empty=_("Choisir…")
            ),
            room.Field(
                name="serials",
                label=_("Numéros de série"),
                kind=room.Kind.AREA,
                required=False,
                hint=_("Scannez les boîtes une à une, un numéro par ligne. Ou bien laissez vide et donnez un nombre."),
            ),
            room.Field(
                name="product",
                label=_("Ou un produit"),
                kind=room.Kind.SELECT,
                options=list(products.items()),
                empty=_("Choisir…"),
                required=False,
                hint=_("Ceux qui périment le plus tôt partent d’abord."),
            ),
            room.Field(name="quantity", label=_("Combien ?"), inputmode="numeric", width="short", required=False),
            room.Field(name="note", label=_("Note pour l’arrivée"), required=False),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.parcels.create"),
        submit=_("Envoyer"),
        cancel=url_for("admin.parcels.index"),
    )
