"""Connections to the partners' own services: made, tested, switched on, and what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.gifts import connection_calls, connection_forms, connection_words
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.abilities import CallsBack, Trial, Tries
from voucher_service.fulfilment.callbacks import OLD_ADDRESS_SERVES, turned_at
from voucher_service.fulfilment.connection_models import ChangeKind
from voucher_service.fulfilment.providers import TopUp
from voucher_service.ids import new_id
from voucher_service.partners import lists
from voucher_service.people.phones import read_mobile
from voucher_service.units import Unit
from voucher_service.web import doors

blueprint = Blueprint("connections", __name__, url_prefix="/connections")

_SHOW = "admin.connections.show"


class NewConnection(BaseModel):
    """What the form of a connection sends besides its kind's own fields."""

    partner_id: UUID
    route: str = Field(min_length=1, max_length=16)


class Attempted(BaseModel):
    """What the form of an order to check sends."""

    number: str = Field(min_length=1, max_length=40)
    product_code: str = Field(min_length=1, max_length=40)
    unit: Unit
    quantity: str = Field(min_length=1, max_length=40)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the connections."""
    services = doors.services()
    with services.database.read() as session:
        held = connections.connections(session)
        names = lists.names(session)
    return room.page("gifts/connections", held=held, names=names, kinds=services.kinds)


@blueprint.get("/new/<kind>")
@room.WRITE
def new(kind: str) -> ResponseReturnValue:
    """Show the form of a connection of this kind."""
    return _new_form(kind).page()


@blueprint.post("/new/<kind>")
@room.WRITE
def create(kind: str) -> ResponseReturnValue:
    """Connect a partner."""
    services = doors.services()

    def act() -> ResponseReturnValue:
        told = doors.read_form(NewConnection)
        made = services.database.run(
            connections.create,
            services.vault,
            services.kinds,
            partner_id=told.partner_id,
            kind=kind,
            route=told.route,
            answers=connection_forms.sent(connections.kind_of(services.kinds, kind)),
            actor=room.actor(),
            now=doors.now(),
        )
        _look_again()
        return room.done(_("Le raccordement est enregistré. Testez-le maintenant."), _SHOW, connection_id=made.id)

    return room.submitted(_new_form(kind), act)


@blueprint.get("/<uuid:connection_id>")
@room.READ
def show(connection_id: UUID) -> ResponseReturnValue:
    """Show one connection, what it can do and what was done to it."""
    services = doors.services()
    with services.database.read() as session:
        held = connections.connection(session, connection_id)
        journal = connections.journal(session, connection_id)
        names = lists.names(session)
        who = room.who(session, [line.actor for line in journal])
        callback = connections.callback_address(session, services.vault, held.route, services.settings.base_url)
        turned = turned_at(session, held.route)
    provider = services.providers.get(held.route)
    calls: object = provider
    return room.page(
        "gifts/connection",
        held=held,
        kind=connections.kind_of(services.kinds, held.kind),
        journal=journal,
        names=names,
        who=who,
        callback=callback if room.may_write() and isinstance(calls, CallsBack) else "",
        turned_at=turned,
        abilities=connection_words.abilities(provider) if provider else [],
        lists=provider is None or provider.capabilities.list_window is not None,
        say=connection_words,
    )


@blueprint.get("/<uuid:connection_id>/edit")
@room.WRITE
def edit(connection_id: UUID) -> ResponseReturnValue:
    """Show the form of a connection as it is."""
    return _edit_form(connection_id).page()


@blueprint.post("/<uuid:connection_id>/edit")
@room.WRITE
def update(connection_id: UUID) -> ResponseReturnValue:
    """Change a connection."""
    services = doors.services()

    def act() -> ResponseReturnValue:
        kind = connections.kind_of(services.kinds, connection_calls.held(connection_id).kind)
        services.database.run(
            connections.edit,
            services.vault,
            services.kinds,
            connection_id=connection_id,
            answers=connection_forms.sent(kind),
            version=request.form.get("version", 0, type=int),
            actor=room.actor(),
            now=doors.now(),
        )
        _look_again()
        return room.done(_("Le raccordement est modifié. Testez-le de nouveau."), _SHOW, connection_id=connection_id)

    return room.submitted(_edit_form(connection_id), act)


@blueprint.post("/<uuid:connection_id>/test")
@room.WRITE
def test(connection_id: UUID) -> ResponseReturnValue:
    """Test the connection: sign in there, order nothing."""
    return _tell(connection_id, ChangeKind.TESTED, _tried(connection_id, lambda partner: partner.try_connection()))


@blueprint.get("/<uuid:connection_id>/try")
@room.WRITE
def try_order(connection_id: UUID) -> ResponseReturnValue:
    """Show the form of an order to check without sending it."""
    return connection_forms.try_form(connection_id, connection_calls.held(connection_id).route).page()


@blueprint.post("/<uuid:connection_id>/try")
@room.WRITE
def dry_run(connection_id: UUID) -> ResponseReturnValue:
    """Check an order without sending it."""

    def act() -> ResponseReturnValue:
        told = doors.read_form(Attempted)
        order = TopUp(
            reference=new_id(),
            number=read_mobile(told.number, field="number"),
            product_code=told.product_code,
            quantity=doors.read_quantity(told.quantity, told.unit, field="quantity"),
            unit=told.unit,
        )
        return _tell(connection_id, ChangeKind.TRIED, _tried(connection_id, lambda partner: partner.dry_run(order)))

    return room.submitted(connection_forms.try_form(connection_id, connection_calls.held(connection_id).route), act)


@blueprint.post("/<uuid:connection_id>/on")
@room.WRITE
def switch_on(connection_id: UUID) -> ResponseReturnValue:
    """Let orders go there."""
    return _switch(connection_id, on=True, said=_("Le raccordement est en service : les recharges y partent."))


@blueprint.post("/<uuid:connection_id>/off")
@room.WRITE
def switch_off(connection_id: UUID) -> ResponseReturnValue:
    """Send nothing more there; what is under way is still asked about."""
    said = _("Plus rien n’y part. Les recharges en cours restent suivies, les suivantes attendent.")
    return _switch(connection_id, on=False, said=said)


@blueprint.get("/<uuid:connection_id>/callback")
@room.WRITE
def ask_callback(connection_id: UUID) -> ResponseReturnValue:
    """Say what changing the address does, before it is done."""
    held = connection_calls.held(connection_id)
    with doors.services().database.read() as session:
        turned = turned_at(session, held.route)
    lead = _("L’adresse d’aujourd’hui sert encore sept jours : donnez la nouvelle à l’opérateur d’ici là.")
    if turned is not None and doors.now() < turned + OLD_ADDRESS_SERVES:
        lead += " " + _("Celle d’avant, encore en service, cesse aussitôt.")
    return room.Form(
        title=_("Changer l’adresse de rappel de %(route)s ?", route=held.route),
        lead=lead,
        fields=[],
        action=url_for("admin.connections.turn_callback", connection_id=connection_id),
        submit=_("Changer l’adresse"),
        cancel=url_for(_SHOW, connection_id=connection_id),
    ).page()


@blueprint.post("/<uuid:connection_id>/callback")
@room.WRITE
def turn_callback(connection_id: UUID) -> ResponseReturnValue:
    """Give the connection a new address for callbacks."""
    services = doors.services()
    services.database.run(connections.turn_callback, connection_id=connection_id, actor=room.actor(), now=doors.now())
    _look_again()
    said = _("Nouvelle adresse de rappel. L’ancienne sert encore sept jours : donnez la nouvelle à l’opérateur.")
    return room.done(said, _SHOW, connection_id=connection_id)


def _switch(connection_id: UUID, *, on: bool, said: str) -> ResponseReturnValue:
    services = doors.services()
    services.database.run(connections.switch, connection_id=connection_id, on=on, actor=room.actor(), now=doors.now())
    _look_again()
    return room.done(said, _SHOW, connection_id=connection_id)


def _tell(connection_id: UUID, kind: ChangeKind, trial: Trial) -> ResponseReturnValue:
    doors.services().database.run(
        connections.note_trial,
        connection_id=connection_id,
        kind=kind,
        trial=trial,
        actor=room.actor(),
        now=doors.now(),
    )
    room.log("connection_tried", connection=str(connection_id), code=trial.code)
    flash(connection_words.said(trial), "ok" if trial.ok else "bad")
    return redirect(url_for(_SHOW, connection_id=connection_id), 303)


def _tried(connection_id: UUID, attempt: Callable[[Tries], Trial]) -> Trial:
    try:
        return attempt(connection_calls.partner(connection_id))
    except connection_calls.Unanswered as fault:
        return Trial(ok=False, code=fault.code)
    except Exception as fault:  # an adapter should not raise here; if one does, a person still gets an answer
        doors.log().warning("connection_trial_failed", fault=type(fault).__name__)
        return Trial(ok=False, code="answer_unexpected")


def _new_form(kind: str) -> room.Form:
    services = doors.services()
    found = connections.kind_of(services.kinds, kind)
    with services.database.read() as session:
        return connection_forms.new_form(found, list(lists.names(session).partners.items()))


def _edit_form(connection_id: UUID) -> room.Form:
    held = connection_calls.held(connection_id)
    return connection_forms.edit_form(connections.kind_of(doors.services().kinds, held.kind), held)


def _look_again() -> None:
    doors.services().look_again()
