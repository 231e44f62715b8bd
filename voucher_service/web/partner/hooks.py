"""The partner's webhooks: made with a secret shown once, rotated, switched off; what was told, and told again."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, NotFound
from voucher_service.partners.models import Partner
from voucher_service.web import doors
from voucher_service.web.partner.views import READERS, frame, partner_of
from voucher_service.webhooks import endpoints, outbox
from voucher_service.webhooks.models import TRIAL, DeliveryState, Event, WebhookDelivery, WebhookEndpoint

blueprint = Blueprint("partner_hooks", __name__, url_prefix="/partner")
blueprint.context_processor(frame)


class NewHook(BaseModel):
    """A webhook that is wanted: where, and for what."""

    address: str = Field(default="", max_length=1000)
    events: list[Event] = Field(default_factory=list, max_length=len(Event))


def event_words() -> dict[str, str]:
    """Return what each event tells, as people say it."""
    return {
        Event.ALLOCATION_OPENED.value: _("Un don est approuvé"),
        Event.STATEMENT_RECONCILED.value: _("Un relevé est rapproché"),
        Event.DIFFERENCES_CHANGED.value: _("Des écarts s’ouvrent ou se ferment"),
        Event.PERIOD_PROPOSED.value: _("Un mois attend votre accord"),
        Event.PERIOD_AGREED.value: _("Un mois est clos"),
        Event.ALLOCATION_ENDING.value: _("Un don approche de sa fin, ou l’a dépassée"),
        Event.BOOKS_CHECKPOINT.value: _("Le dernier point de contrôle signé des livres, une fois par jour"),
        TRIAL: _("Essai"),
    }


def state_words() -> dict[str, tuple[str, str]]:
    """Return each state of a delivery, as people say it, and its tone."""
    return {
        DeliveryState.WAITING.value: (_("En attente"), "wait"),
        DeliveryState.SENDING.value: (_("En cours"), "wait"),
        DeliveryState.DELIVERED.value: (_("Arrivé"), "ok"),
        DeliveryState.GIVEN_UP.value: (_("Abandonné"), "bad"),
        DeliveryState.DROPPED.value: (_("Non envoyé : webhook coupé"), "none"),
    }


@blueprint.get("/<uuid:partner_id>/webhooks")
@doors.requires(*READERS)
def index(partner_id: UUID) -> ResponseReturnValue:
    """List the webhooks, those switched off too."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        rows = endpoints.endpoints_of(session, partner_id)
    rotating = {row.id for row in rows if row.previous_until is not None and row.previous_until > doors.now()}
    return render_template(
        "partner/hooks.html", partner=partner, hooks=rows, rotating=rotating, event_words=event_words()
    )


@blueprint.get("/<uuid:partner_id>/webhooks/new")
@doors.requires(doors.Role.PARTNER)
def new(partner_id: UUID) -> ResponseReturnValue:
    """Show the form for a webhook."""
    return _form(_partner(partner_id), NewHook(), {})


@blueprint.post("/<uuid:partner_id>/webhooks")
@doors.requires(doors.Role.PARTNER)
def create(partner_id: UUID) -> ResponseReturnValue:
    """Make a webhook and show its secret, this once."""
    partner, services, sent = _partner(partner_id), doors.services(), NewHook()
    try:
        sent = doors.read_form(NewHook)
        made, secret = services.database.run(
            endpoints.create, services.vault, services.sender, partner_id=partner_id, address=sent.address,
            events=sent.events, actor=doors.current_staff().actor, now=doors.now(),
        )  # fmt: skip
    except BadInput as error:
        return _form(partner, sent, doors.faults_of(error)), 422
    return render_template("partner/hook_once.html", partner=partner, hook=made, secret=secret)


@blueprint.get("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/rotate")
@doors.requires(doors.Role.PARTNER)
def ask_rotate(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Say what changing the secret does, before it is done."""
    hook = _on(partner_id, endpoint_id)
    return _confirm(
        hook, "rotate", _("Changer le secret de ce webhook ?"),
        _(
            "Un nouveau secret s’affiche une seule fois. L’ancien signe aussi pendant %(days)s jours : changez-le chez "
            "vous avant, sinon nos appels n’y seront plus reconnus.", days=endpoints.OVERLAP.days,
        ),
        _("Changer le secret"),
    )  # fmt: skip


@blueprint.get("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/off")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def ask_off(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Say what is not told any more, before a webhook is switched off."""
    hook = _on(partner_id, endpoint_id)
    text = _(
        "Le programme qui écoute à cette adresse n’apprend plus rien. Ce qui attend ne part plus, et ce qui arrive "
        "d’ici à la remise en service n’est pas gardé pour lui. L’opérateur seul peut le remettre en service."
    )
    return _confirm(hook, "switch_off", _("Couper ce webhook ?"), text, _("Couper le webhook"), tone="danger")


@blueprint.post("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/rotate")
@doors.requires(doors.Role.PARTNER)
def rotate(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Give a webhook a new secret and show it, this once."""
    partner, services = _partner(partner_id), doors.services()
    made, secret = services.database.run(
        endpoints.rotate, services.vault, partner_id=partner_id, endpoint_id=endpoint_id, now=doors.now()
    )
    days = endpoints.OVERLAP.days
    return render_template("partner/hook_once.html", partner=partner, hook=made, secret=secret, days=days)


@blueprint.post("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/off")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def switch_off(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Switch a webhook off at once."""
    return _switched(partner_id, endpoint_id, on=False, told=_("Webhook coupé : plus rien ne part."))


@blueprint.post("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/on")
@doors.requires(doors.Role.PARTNER)
def switch_on(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Switch a webhook on again."""
    return _switched(partner_id, endpoint_id, on=True, told=_("Webhook remis en service."))


@blueprint.post("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/trial")
@doors.requires(doors.Role.PARTNER)
def trial(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Send a trial and lead to the log, where its end can be seen."""
    _partner(partner_id)
    doors.services().database.run(outbox.tell_trial, partner_id=partner_id, endpoint_id=endpoint_id, now=doors.now())
    flash(_("Essai en route : rechargez cette page dans quelques secondes."))
    return _to_log(partner_id, endpoint_id)


@blueprint.get("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/log")
@doors.requires(*READERS)
def log(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    """Show what was told to a webhook, the newest first."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        hook = endpoints.endpoint_of(session, partner_id, endpoint_id)
        found = doors.page_of(session, outbox.deliveries_query(endpoint_id), by=WebhookDelivery.id, parse=UUID)
        tries = outbox.tries_of(session, [one.id for one in found.items])
    return render_template(
        "partner/hook_log.html", partner=partner, hook=hook, found=found, event_words=event_words(),
        state_words=state_words(), outcome=outcome_words, tries=tries, kept=outbox.KEPT.days,
    )  # fmt: skip


@blueprint.post("/<uuid:partner_id>/webhooks/<uuid:endpoint_id>/log/<uuid:delivery_id>")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def again(partner_id: UUID, endpoint_id: UUID, delivery_id: UUID) -> ResponseReturnValue:
    """Try a delivery again now."""
    _partner(partner_id)
    doors.services().database.run(
        outbox.again, partner_id=partner_id, endpoint_id=endpoint_id, delivery_id=delivery_id, now=doors.now()
    )
    flash(_("Nouvel envoi en route : rechargez cette page dans quelques secondes."))
    return _to_log(partner_id, endpoint_id)


def outcome_words(code: str | None) -> str:
    """Return what came of the last try, as people say it."""
    if code is None:
        return "–"
    if code.startswith("http_"):
        return str(_("Réponse %(status)s", status=code.removeprefix("http_")))
    known = {
        "timeout": _("Pas de réponse à temps"),
        "connect_timeout": _("Personne ne répond"),
        "connect_failed": _("Connexion refusée"),
        "name_unknown": _("Nom de serveur inconnu"),
        "tls_failed": _("Certificat ou TLS refusé"),
        "address_refused": _("Adresse non publique : rien n’est parti"),
        "lease_passed": _("Envoi interrompu"),
    }
    return str(known.get(code) or _("Échec (%(code)s)", code=code))


def _on(partner_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """Return a webhook that is in service."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        hook = endpoints.endpoint_of(session, partner_id, endpoint_id)
    if hook.off_at is not None:
        raise NotFound(_("Ce webhook est coupé : revenez à la liste."))
    return hook


def _confirm(hook: WebhookEndpoint, act: str, question: str, text: str, label: str, *, tone: str = "primary") -> str:
    words = event_words()
    return render_template(
        "confirm.html", question=question, text=text,
        rows=[(_("Adresse"), hook.address), (_("Il annonce"), ", ".join(words[one] for one in hook.events.split()))],
        action_href=url_for(f"partner_hooks.{act}", partner_id=hook.partner_id, endpoint_id=hook.id),
        action_label=label, cancel_href=url_for("partner_hooks.index", partner_id=hook.partner_id), tone=tone,
    )  # fmt: skip


def _switched(partner_id: UUID, endpoint_id: UUID, *, on: bool, told: str) -> ResponseReturnValue:
    _partner(partner_id)
    doors.services().database.run(
        endpoints.switch, partner_id=partner_id, endpoint_id=endpoint_id, on=on,
        actor=doors.current_staff().actor, now=doors.now(),
    )  # fmt: skip
    flash(told)
    return redirect(url_for("partner_hooks.index", partner_id=partner_id), 303)


def _partner(partner_id: UUID) -> Partner:
    with doors.services().database.read() as session:
        return partner_of(session, partner_id)


def _to_log(partner_id: UUID, endpoint_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("partner_hooks.log", partner_id=partner_id, endpoint_id=endpoint_id), 303)


def _form(partner: Partner, sent: NewHook, errors: dict[str, str]) -> str:
    hint = {Event.BOOKS_CHECKPOINT.value: _("À garder chez vous : il montre plus tard que rien du passé n’a changé.")}
    events = [(word, told, hint.get(word, "")) for word, told in event_words().items() if word != TRIAL]
    return render_template("partner/hook_new.html", partner=partner, sent=sent, errors=errors, events=events)
