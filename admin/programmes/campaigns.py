"""Campaigns: what they give, their dated rules, pause and resume."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room, words
from voucher_service.errors import NotFound
from voucher_service.partners import catalogue, lists, policies
from voucher_service.partners.models import Campaign, DrawDown
from voucher_service.units import Unit, typed
from voucher_service.visits.questions import DEFAULT_QUESTIONS
from voucher_service.web import doors

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns")


class Rules(BaseModel):
    """What the form of a campaign's rules sends."""

    effective_from: date
    cap_cents: doors.Cents
    cap_days: int
    cycle_months: int
    renewals: int
    draw_down: DrawDown
    next_visit_days: int


class NewCampaign(BaseModel):
    """What the form of a campaign sends."""

    name: str = Field(min_length=1, max_length=80)
    starts_on: date
    ends_on: date
    offers: list[UUID] = Field(default_factory=list, max_length=500)


class Offers(BaseModel):
    """Which offers a campaign gives."""

    offers: list[UUID] = Field(default_factory=list, max_length=500)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the campaigns."""
    with doors.services().database.read() as session:
        campaigns = [(one, catalogue.offers_of(session, one.id)) for one in catalogue.list_campaigns(session)]
        any_offer = bool(lists.names(session).offers)
    return room.page("programmes/campaigns", campaigns=campaigns, any_offer=any_offer, today=room.today())


@blueprint.get("/<uuid:campaign_id>")
@room.READ
def show(campaign_id: UUID) -> ResponseReturnValue:
    """Show one campaign: its offers and its rules over time."""
    with doors.services().database.read() as session:
        campaign = _campaign(session, campaign_id)
        given = catalogue.offers_of(session, campaign_id)
        history = lists.policy_history(session, campaign_id)
    return room.page("programmes/campaign", campaign=campaign, given=given, history=history, today=room.today())


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a campaign."""
    return _campaign_form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Create a campaign; its rules are asked for next."""

    def act() -> ResponseReturnValue:
        made = doors.services().database.run(_create, doors.read_form(NewCampaign))
        return room.done(
            _("La campagne est créée. Fixez maintenant ses règles : sans elles, aucun bon n’est émis."),
            "admin.campaigns.new_rules",
            campaign_id=made.id,
        )

    return room.submitted(_campaign_form(), act)


def _create(session: Session, sent: NewCampaign) -> Campaign:
    made = catalogue.create_campaign(session, **sent.model_dump(exclude={"offers"}))
    catalogue.attach_offers(session, made.id, sent.offers)
    return made


@blueprint.get("/<uuid:campaign_id>/rules")
@room.WRITE
def new_rules(campaign_id: UUID) -> ResponseReturnValue:
    """Show the form of new rules, filled with those that hold."""
    return _rules_form(campaign_id).page()


@blueprint.post("/<uuid:campaign_id>/rules")
@room.WRITE
def set_rules(campaign_id: UUID) -> ResponseReturnValue:
    """Set the rules of the campaign from a day on; its visit form stays the one it has."""

    def act() -> ResponseReturnValue:
        doors.services().database.run(_set_rules, campaign_id, doors.read_form(Rules), room.today())
        return room.done(_("Les nouvelles règles sont enregistrées."), "admin.campaigns.show", campaign_id=campaign_id)

    return room.submitted(_rules_form(campaign_id), act)


def _set_rules(session: Session, campaign_id: UUID, sent: Rules, today: date) -> None:
    held = next(iter(lists.policy_history(session, campaign_id)), None)
    questions = [dict(one) for one in DEFAULT_QUESTIONS] if held is None else held.questions
    policies.set_policy(session, campaign_id=campaign_id, questions=questions, today=today, **sent.model_dump())


@blueprint.get("/<uuid:campaign_id>/offers")
@room.WRITE
def choose_offers(campaign_id: UUID) -> ResponseReturnValue:
    """Show which offers the campaign gives, to change it."""
    return _offers_form(campaign_id).page()


@blueprint.post("/<uuid:campaign_id>/offers")
@room.WRITE
def set_offers(campaign_id: UUID) -> ResponseReturnValue:
    """Give exactly these offers from now on; vouchers already issued stay good."""

    def act() -> ResponseReturnValue:
        doors.services().database.run(_set_offers, campaign_id, doors.read_form(Offers).offers)
        return room.done(_("Les offres de la campagne sont à jour."), "admin.campaigns.show", campaign_id=campaign_id)

    return room.submitted(_offers_form(campaign_id), act)


def _set_offers(session: Session, campaign_id: UUID, wanted: list[UUID]) -> None:
    catalogue.attach_offers(session, campaign_id, wanted)
    for offer in catalogue.offers_of(session, campaign_id):
        if offer.id not in wanted:
            catalogue.detach_offer(session, campaign_id, offer.id)


@blueprint.post("/<uuid:campaign_id>/pause")
@room.WRITE
def pause(campaign_id: UUID) -> ResponseReturnValue:
    """Stop issuing; vouchers already issued stay good."""
    doors.services().database.run(catalogue.set_paused, campaign_id, paused=True)
    return room.done(
        _("La campagne est en pause : rien n’est plus émis, les bons déjà émis restent valables."),
        "admin.campaigns.show",
        campaign_id=campaign_id,
    )


@blueprint.post("/<uuid:campaign_id>/resume")
@room.WRITE
def resume(campaign_id: UUID) -> ResponseReturnValue:
    """Issue again."""
    doors.services().database.run(catalogue.set_paused, campaign_id, paused=False)
    return room.done(_("La campagne reprend."), "admin.campaigns.show", campaign_id=campaign_id)


def _campaign(session: Session, campaign_id: UUID) -> Campaign:
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(_("Cette campagne n’existe pas."))
    return campaign


def _offers_field(value: list[str]) -> room.Field:
    with doors.services().database.read() as session:
        known = lists.names(session).offers
    return room.Field(
        name="offers",
        label=_("Offres proposées"),
        kind=room.Kind.CHECKS,
        options=list(known.items()),
        value=value,
        required=False,
    )


def _offers_form(campaign_id: UUID) -> room.Form:
    with doors.services().database.read() as session:
        campaign = _campaign(session, campaign_id)
        given = [str(offer.id) for offer in catalogue.offers_of(session, campaign_id)]
    return room.Form(
        title=_("Offres de %(name)s", name=campaign.name),
        fields=[_offers_field(given)],
        action=url_for("admin.campaigns.set_offers", campaign_id=campaign_id),
        submit=_("Enregistrer"),
        cancel=url_for("admin.campaigns.show", campaign_id=campaign_id),
    )


def _campaign_form() -> room.Form:
    return room.Form(
        title=_("Nouvelle campagne"),
        lead=_("Une période pendant laquelle on donne certaines offres, selon des règles."),
        fields=[
            room.Field(name="name", label=_("Nom"), hint=_("Par exemple : Hiver connecté 2026.")),
            room.Field(name="starts_on", label=_("Du"), kind=room.Kind.DATE, value=room.today()),
            room.Field(name="ends_on", label=_("Au"), kind=room.Kind.DATE),
            _offers_field([]),
        ],
        action=url_for("admin.campaigns.create"),
        submit=_("Continuer"),
        cancel=url_for("admin.campaigns.index"),
    )


def _rules_form(campaign_id: UUID) -> room.Form:
    with doors.services().database.read() as session:
        campaign = _campaign(session, campaign_id)
        held = next(iter(lists.policy_history(session, campaign_id)), None)
    numbers = [
        ("cap_days", _("… sur combien de jours"), 30, _("Le plafond se compte sur une période glissante.")),
        ("cycle_months", _("Durée d’un accompagnement (mois)"), 6, ""),
        ("renewals", _("Renouvellements possibles"), 1, ""),
        ("next_visit_days", _("Prochain passage conseillé dans (jours)"), 30, ""),
    ]
    return room.Form(
        title=_("Règles de %(name)s", name=campaign.name),
        lead=_("Elles valent à partir d’un jour ; le passé ne change pas."),
        fields=[
            room.Field(name="effective_from", label=_("À partir du"), kind=room.Kind.DATE, value=room.today()),
            room.Field(
                name="cap_cents",
                label=_("Plafond par personne, en euros"),
                value=typed(held.cap_cents, Unit.EUR_CENT) if held else "30",
                inputmode="decimal",
                width="short",
            ),
            *(
                room.Field(
                    name=name,
                    label=label,
                    hint=hint,
                    value=getattr(held, name) if held else usual,
                    inputmode="numeric",
                    width="short",
                )
                for name, label, usual, hint in numbers
            ),
            room.Field(
                name="draw_down",
                label=_("Quelle dotation paie d’abord ?"),
                kind=room.Kind.RADIOS,
                options=[(one.value, words.draw_down(one)) for one in DrawDown],
                value=held.draw_down if held else DrawDown.EXPIRING_FIRST.value,
            ),
        ],
        action=url_for("admin.campaigns.set_rules", campaign_id=campaign_id),
        submit=_("Enregistrer les règles"),
        cancel=url_for("admin.campaigns.show", campaign_id=campaign_id),
    )
