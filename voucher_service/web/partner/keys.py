"""The partner's keys for its programs: made, shown once, replaced, ended."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from voucher_service.errors import BadInput, NotFound
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.api.models import ApiKey
from voucher_service.partners.models import Partner
from voucher_service.web import doors
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_keys", __name__, url_prefix="/partner")
blueprint.context_processor(frame)


class NewKey(BaseModel):
    """A key that is wanted: what it is for, and what it shall open."""

    name: str = Field(default="", max_length=200)
    scopes: list[Scope] = Field(default_factory=list, max_length=len(Scope))


def scope_words() -> dict[Scope, str]:
    """Return what each scope opens, as people say it."""
    return {
        Scope.BOOKS_READ: _("Lire ce que sont devenus les dons"),
        Scope.STATEMENTS_READ: _("Lire les relevés et leurs écarts"),
        Scope.STATEMENTS_WRITE: _("Déposer des relevés"),
    }


@blueprint.get("/<uuid:partner_id>/keys")
@doors.requires(*READERS)
def index(partner_id: UUID) -> ResponseReturnValue:
    """List the keys, those that ended too."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        rows = keys.keys_of(session, partner_id)
    return render_template(
        "partner/keys.html", partner=partner, keys=rows, scope_words=scope_words(), Scope=Scope,
        good={row.id for row in rows if keys.is_good(row, doors.now())},
    )  # fmt: skip


@blueprint.get("/<uuid:partner_id>/keys/new")
@doors.requires(doors.Role.PARTNER)
def new(partner_id: UUID) -> ResponseReturnValue:
    """Show the form for a key."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
    return _form(partner, NewKey(), {})


@blueprint.post("/<uuid:partner_id>/keys")
@doors.requires(doors.Role.PARTNER)
def create(partner_id: UUID) -> ResponseReturnValue:
    """Make a key and show it, this once."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
    sent = NewKey()
    try:
        sent = doors.read_form(NewKey)
        made, token = doors.services().database.run(
            keys.create, partner_id=partner_id, name=sent.name, scopes=sent.scopes,
            actor=doors.current_staff().actor, now=doors.now(),
        )  # fmt: skip
    except BadInput as error:
        return _form(partner, sent, doors.faults_of(error)), 422
    return render_template("partner/key_once.html", partner=partner, key=made, token=token)


@blueprint.get("/<uuid:partner_id>/keys/<uuid:key_id>/replace")
@doors.requires(doors.Role.PARTNER)
def ask_replace(partner_id: UUID, key_id: UUID) -> ResponseReturnValue:
    """Say what replacing a key does, before it is done."""
    key = _key(partner_id, key_id)
    return render_template(
        "confirm.html", question=_("Remplacer la clé « %(name)s » ?", name=key.name),
        text=_(
            "Une nouvelle clé s’affiche une seule fois. L’ancienne reste bonne %(days)s jours : changez-la dans le "
            "programme avant, sinon il s’arrête.", days=keys.OVERLAP.days,
        ),
        rows=_facts(key), action_href=url_for("partner_keys.replace", partner_id=partner_id, key_id=key_id),
        action_label=_("Remplacer la clé"), cancel_href=url_for("partner_keys.index", partner_id=partner_id),
    )  # fmt: skip


@blueprint.get("/<uuid:partner_id>/keys/<uuid:key_id>/end")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def ask_end(partner_id: UUID, key_id: UUID) -> ResponseReturnValue:
    """Say what stops working, before a key is ended."""
    key = _key(partner_id, key_id)
    return render_template(
        "confirm.html", question=_("Retirer la clé « %(name)s » ?", name=key.name),
        text=_(
            "Tout programme qui s’en sert s’arrête aussitôt : ses demandes sont refusées. Cela ne se défait pas ; "
            "il faudrait créer une autre clé et la lui donner."
        ),
        rows=_facts(key), action_href=url_for("partner_keys.end", partner_id=partner_id, key_id=key_id),
        action_label=_("Retirer la clé"), cancel_href=url_for("partner_keys.index", partner_id=partner_id),
        tone="danger",
    )  # fmt: skip


@blueprint.post("/<uuid:partner_id>/keys/<uuid:key_id>/replace")
@doors.requires(doors.Role.PARTNER)
def replace(partner_id: UUID, key_id: UUID) -> ResponseReturnValue:
    """Make the successor of a key and show it, this once."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
    made, token = doors.services().database.run(
        keys.rotate, partner_id=partner_id, key_id=key_id, actor=doors.current_staff().actor, now=doors.now()
    )
    return render_template("partner/key_once.html", partner=partner, key=made, token=token, days=keys.OVERLAP.days)


@blueprint.post("/<uuid:partner_id>/keys/<uuid:key_id>/end")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def end(partner_id: UUID, key_id: UUID) -> ResponseReturnValue:
    """End a key at once."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
    doors.services().database.run(
        keys.revoke, partner_id=partner_id, key_id=key_id, actor=doors.current_staff().actor, now=doors.now()
    )
    flash(_("Clé retirée : elle n’ouvre plus rien."))
    return redirect(url_for("partner_keys.index", partner_id=partner_id), 303)


def _key(partner_id: UUID, key_id: UUID) -> ApiKey:
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        found = next((key for key in keys.keys_of(session, partner_id) if key.id == key_id), None)
    if found is None or not keys.is_good(found, doors.now()):
        raise NotFound(_("Cette clé n’existe pas, ou n’est plus en service."))
    return found


def _facts(key: ApiKey) -> list[tuple[str, str]]:
    words = scope_words()
    opened = [words[Scope(scope)] for scope in key.scopes.split()]
    last = doors.say_day(key.last_used_on) if key.last_used_on else _("jamais")
    return [(_("Clé"), f"…{key.tail}"), (_("Elle ouvre"), ", ".join(opened)), (_("Dernier usage"), last)]


def _form(partner: Partner, sent: NewKey, errors: dict[str, str]) -> str:
    return render_template(
        "partner/key_new.html", partner=partner, sent=sent, errors=errors, scopes=list(scope_words().items())
    )
