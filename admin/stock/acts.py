"""Codes that leave stock other than to a person: asked for, agreed to by another person above the threshold."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles.models import ArticleLot
from voucher_service.fulfilment.custody import decide, take_out
from voucher_service.fulfilment.custody_models import ActKind, ActState, StockAct
from voucher_service.fulfilment.lists import acts_query
from voucher_service.fulfilment.models import Lot
from voucher_service.web import doors

blueprint = Blueprint("stock_acts", __name__, url_prefix="/stock/acts")


class NewAct(BaseModel):
    """What the form sends."""

    kind: ActKind
    quantity: int = Field(default=0, ge=0, le=1_000_000)
    serials: str = Field(default="", max_length=40_000)
    reason: str = Field(min_length=3, max_length=200)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List what left stock, and what waits for another person."""
    with doors.services().database.read() as session:
        found = doors.page_of(session, acts_query(), by=StockAct.id, parse=UUID)
        who = room.who(session, [one.created_by for one in found.items] + [one.decided_by for one in found.items])
        lots = {one.lot_id: session.get_one(Lot, one.lot_id).name for one in found.items}
    states = {
        ActState.PENDING.value: (_("À décider"), "check"),
        ActState.DONE.value: (_("Sorti du stock"), "ok"),
        ActState.DECLINED.value: (_("Refusé"), "none"),
    }
    return room.page(
        "stock/acts", found=found, who=who, lots=lots, states=states, kinds=dict(_kinds()), me=room.actor()
    )


@blueprint.get("/lots/<int:lot_id>")
@room.WRITE
def new(lot_id: int) -> ResponseReturnValue:
    """Show the form that takes codes of a lot out of stock."""
    return _form(lot_id).page()


@blueprint.post("/lots/<int:lot_id>")
@room.WRITE
def create(lot_id: int) -> ResponseReturnValue:
    """Take codes out of stock, or ask for another person's agreement."""
    form = _form(lot_id)

    def act() -> ResponseReturnValue:
        sent, act_id = doors.read_form(NewAct), doors.client_key()
        if not sent.quantity and not sent.serials.split():
            asked = form.fields[1].name
            raise BadInput(_("Dites combien, ou lesquels."), field=asked)
        if room.step() == "edit":
            return form.page()
        if room.step() != "confirm":
            kinds = dict(_kinds())
            many = str(sent.quantity or " ".join(sent.serials.split()))
            rows = [(_("Ce qui arrive"), kinds[sent.kind.value]), (_("Combien, ou lesquels"), many)]
            rows.append((_("Raison"), sent.reason))
            return room.check_page(form, rows, question=_("Sortir cela du stock ?"), submit=_("Sortir du stock"))
        made = doors.services().database.run(
            take_out,
            act_id=act_id,
            lot_id=lot_id,
            kind=sent.kind,
            quantity=sent.quantity,
            serials=sent.serials.split(),
            reason=sent.reason,
            actor=room.actor(),
            now=doors.now(),
        )
        waits = made.state == ActState.PENDING.value
        told = _("La demande attend l’accord d’une autre personne.") if waits else _("C’est sorti du stock.")
        return room.done(told, "admin.stock_acts.index")

    return room.submitted(form, act)


@blueprint.post("/<uuid:act_id>/<word>")
@room.WRITE
def answer(act_id: UUID, word: str) -> ResponseReturnValue:
    """Agree to what waits ("agree"), or decline it ("decline")."""
    if word not in {"agree", "decline"}:
        raise NotFound(_("Cette page n’existe pas."))
    agree = word == "agree"
    try:
        doors.services().database.run(decide, act_id, agree=agree, actor=room.actor(), now=doors.now())
    except Conflict as error:
        return room.refused(error, "admin.stock_acts.index")
    told = _("C’est sorti du stock.") if agree else _("La demande est refusée : le stock n’a pas changé.")
    return room.done(told, "admin.stock_acts.index")


def _kinds() -> list[tuple[str, str]]:
    return [(ActKind.LOST.value, _("Perdus")), (ActKind.RETURNED.value, _("Rendus à l’opérateur"))]


def _how_many() -> room.Field:
    hint = _("Ceux qui périment le plus tôt sortent d’abord.")
    return room.Field(name="quantity", label=_("Combien de codes ?"), hint=hint, inputmode="numeric", width="short")


def _which() -> room.Field:
    hint = _("Un par ligne, comme sur la boîte.")
    return room.Field(name="serials", label=_("Numéros de série"), hint=hint, kind=room.Kind.AREA)


def _form(lot_id: int) -> room.Form:
    with doors.services().database.read() as session:
        lot, articles = session.get(Lot, lot_id), session.get(ArticleLot, lot_id)
    if lot is None:
        raise NotFound(_("Ce lot n’existe pas."))
    return room.Form(
        title=_("Sortir du stock : lot %(lot)s", lot=lot.name),
        lead=_("Au-dessus du seuil, une autre personne décide."),
        fields=[
            room.Field(name="kind", label=_("Ce qui arrive"), kind=room.Kind.RADIOS, options=_kinds()),
            _which() if articles else _how_many(),
            room.Field(
                name="reason", label=_("Pourquoi ?"), kind=room.Kind.AREA, hint=_("Cette raison reste dans le journal.")
            ),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.stock_acts.create", lot_id=lot_id),
        submit=_("Continuer"),
        cancel=url_for("admin.stock.index"),
    )
