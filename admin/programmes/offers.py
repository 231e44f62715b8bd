"""Offers and their dated terms."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room, words
from voucher_service.errors import BadInput, NotFound
from voucher_service.fulfilment.connections import connections
from voucher_service.partners import catalogue, lists, policies
from voucher_service.partners.models import Offer, Route
from voucher_service.units import Unit, typed
from voucher_service.web import doors

blueprint = Blueprint("offers", __name__, url_prefix="/offers")


class Terms(BaseModel):
    """What the form of an offer's terms sends."""

    effective_from: date
    quantity: str = Field(max_length=40)
    face_value_cents: doors.Cents
    price_cents: doors.Cents
    validity_days: int


class NewOffer(Terms):
    """What the form of an offer sends: the offer and its first terms."""

    code: int
    partner_id: UUID
    name_fr: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    unit: Unit
    route: str = Field(min_length=1, max_length=16)
    product_code: str = Field(min_length=1, max_length=40)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the offers with the terms of today."""
    with doors.services().database.read() as session:
        offers = catalogue.list_offers(session)
        terms = lists.current_terms(session, room.today())
        names = lists.names(session)
    return room.page("programmes/offers", offers=offers, terms=terms, names=names)


@blueprint.get("/<uuid:offer_id>")
@room.READ
def show(offer_id: UUID) -> ResponseReturnValue:
    """Show one offer and its terms over time."""
    with doors.services().database.read() as session:
        offer = _offer(session, offer_id)
        history = lists.terms_history(session, offer_id)
        names = lists.names(session)
    return room.page("programmes/offer", offer=offer, history=history, names=names, today=room.today())


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of an offer."""
    return _offer_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Create an offer with its first terms."""

    def act() -> ResponseReturnValue:
        made = doors.services().database.run(_create, doors.read_form(NewOffer), room.today())
        return room.done(_("L’offre %(name)s est prête.", name=made.name_fr), "admin.offers.show", offer_id=made.id)

    return room.submitted(_offer_form(), act)


def _create(session: Session, sent: NewOffer, today: date) -> Offer:
    quantity = doors.read_quantity(sent.quantity, sent.unit, field="quantity")
    _check_route(session, sent)
    made = catalogue.create_offer(
        session, **sent.model_dump(include=NewOffer.model_fields.keys() - Terms.model_fields.keys())
    )
    policies.set_terms(session, offer_id=made.id, quantity=quantity, today=today, **sent.model_dump(include=_DATED))
    return made


def _check_route(session: Session, sent: NewOffer) -> None:
    if sent.route in {one.value for one in Route}:
        return
    held = next((one for one in connections(session) if one.route == sent.route), None)
    if held is None or held.partner_id != sent.partner_id:
        raise BadInput(_("Ce raccordement n’est pas celui de cet opérateur."), field="route")
    provider = doors.services().providers.get(sent.route)
    if provider is not None and sent.unit not in provider.capabilities.units:
        raise BadInput(_("Ce raccordement ne livre pas cette unité."), field="unit")


_DATED = {"effective_from", "face_value_cents", "price_cents", "validity_days"}


@blueprint.get("/<uuid:offer_id>/terms")
@room.WRITE
def new_terms(offer_id: UUID) -> ResponseReturnValue:
    """Show the form of new terms, filled with those that hold."""
    return _terms_form(offer_id).page()


@blueprint.post("/<uuid:offer_id>/terms")
@room.WRITE
def set_terms(offer_id: UUID) -> ResponseReturnValue:
    """Set the terms of the offer from a day on."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(Terms)
        with doors.services().database.read() as session:
            unit = Unit(_offer(session, offer_id).unit)
        doors.services().database.run(
            policies.set_terms,
            offer_id=offer_id,
            quantity=doors.read_quantity(sent.quantity, unit, field="quantity"),
            today=room.today(),
            **sent.model_dump(include=_DATED),
        )
        return room.done(_("Les nouvelles conditions sont enregistrées."), "admin.offers.show", offer_id=offer_id)

    return room.submitted(_terms_form(offer_id), act)


def _offer(session: Session, offer_id: UUID) -> Offer:
    offer = session.get(Offer, offer_id)
    if offer is None:
        raise NotFound(_("Cette offre n’existe pas."))
    return offer


def _terms_form(offer_id: UUID) -> room.Form:
    with doors.services().database.read() as session:
        offer = _offer(session, offer_id)
        held = next(iter(lists.terms_history(session, offer_id)), None)
    values: dict[str, object] = {}
    if held is not None:
        values = {
            "quantity": typed(held.quantity, Unit(offer.unit)),
            "face_value_cents": typed(held.face_value_cents, Unit.EUR_CENT),
            "price_cents": typed(held.price_cents, Unit.EUR_CENT),
            "validity_days": held.validity_days,
        }
    return room.Form(
        title=_("Nouvelles conditions\u00a0: %(name)s", name=offer.name_fr),
        lead=_("Elles valent pour les bons émis à partir de ce jour. Ceux déjà émis gardent les leurs."),
        fields=_terms_fields(values),
        action=url_for("admin.offers.set_terms", offer_id=offer_id),
        submit=_("Enregistrer"),
        cancel=url_for("admin.offers.show", offer_id=offer_id),
    )


def _terms_fields(values: dict[str, object]) -> list[room.Field]:
    return [
        room.Field(name="effective_from", label=_("À partir du"), kind=room.Kind.DATE, value=room.today()),
        room.Field(
            name="quantity",
            label=_("Ce que la personne reçoit"),
            value=values.get("quantity", ""),
            hint=_("Dans l’unité de l’offre : 10 (euros), 1,5 Go, 120 (minutes)…"),
            inputmode="decimal",
            width="short",
        ),
        room.Field(
            name="face_value_cents",
            label=_("Valeur en boutique, en euros"),
            value=values.get("face_value_cents", ""),
            hint=_("Comptée dans le plafond par personne. Par exemple 10 ou 12,50."),
            inputmode="decimal",
            width="short",
        ),
        room.Field(
            name="price_cents",
            label=_("Prix solidaire, en euros"),
            value=values.get("price_cents", ""),
            hint=_("Ce que la personne paie à l’antenne ; 0 si c’est gratuit."),
            inputmode="decimal",
            width="short",
        ),
        room.Field(
            name="validity_days",
            label=_("Utilisable pendant (jours)"),
            value=values.get("validity_days", 90),
            inputmode="numeric",
            width="short",
        ),
    ]


def _offer_form() -> room.Form:
    with doors.services().database.read() as session:
        partners = lists.names(session).partners
        used = [offer.code for offer in catalogue.list_offers(session)]
        routes = [*(one.value for one in Route), *(one.route for one in connections(session))]
    return room.Form(
        title=_("Nouvelle offre"),
        lead=_("Ce qu’une personne peut recevoir avec un bon."),
        fields=[
            room.Field(name="name_fr", label=_("Nom en français"), hint=_("Imprimé sur le bon : Recharge 10 €.")),
            room.Field(name="name_en", label=_("Nom en anglais"), hint=_("Par exemple : €10 top-up.")),
            room.Field(
                name="partner_id",
                label=_("Opérateur"),
                kind=room.Kind.SELECT,
                options=list(partners.items()),
                empty=_("Choisir…"),
            ),
            room.Field(
                name="route",
                label=_("Comment la recharge arrive"),
                kind=room.Kind.RADIOS,
                options=[(one, words.route(one)) for one in routes],
                value=Route.SANDBOX.value,
            ),
            room.Field(
                name="product_code",
                label=_("Code du produit chez l’opérateur"),
                hint=_("Celui de son catalogue, ou de la colonne « product » de ses fichiers de codes."),
            ),
            room.Field(
                name="code",
                label=_("Numéro de l’offre"),
                value=max(used, default=0) + 1,
                hint=_("Inscrit dans chaque bon ; il ne change jamais de sens."),
                inputmode="numeric",
                width="short",
            ),
            room.unit_field(),
            *_terms_fields({}),
        ],
        action=url_for("admin.offers.create"),
        submit=_("Créer l’offre"),
        cancel=url_for("admin.offers.index"),
    )
