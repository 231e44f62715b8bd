"""The forms of connections: their fields come from the kind of partner. A secret is asked for and never shown."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from admin import room
from voucher_service.fulfilment.connection_models import Connection
from voucher_service.fulfilment.connections import Answers
from voucher_service.fulfilment.kinds import Kind, Question


def new_form(kind: Kind, partners: Sequence[room.Choice]) -> room.Form:
    """Return the form of a new connection of this kind."""
    return room.Form(
        title=_("Raccorder %(kind)s", kind=_(kind.label)),
        lead=_("Rien ne part tant que le raccordement n’est pas mis en service. Les identifiants sont scellés."),
        fields=[
            room.Field(
                name="partner_id",
                label=_("Opérateur"),
                kind=room.Kind.SELECT,
                options=partners,
                empty=_("Choisir…"),
                hint=_("Celui dont les dons passeront par là."),
            ),
            room.Field(
                name="route",
                label=_("Nom court"),
                hint=_("Il désigne ce raccordement dans les offres et ne change plus : « ondine », par exemple."),
                width="short",
            ),
            *_shared(kind, None),
        ],
        action=url_for("admin.connections.create", kind=kind.name),
        submit=_("Enregistrer"),
        cancel=url_for("admin.connections.index"),
    )


def edit_form(kind: Kind, held: Connection) -> room.Form:
    """Return the form of a connection as it is; its secrets stay empty."""
    return room.Form(
        title=_("Modifier le raccordement %(route)s", route=held.route),
        lead=_("Un identifiant laissé vide reste ce qu’il était."),
        fields=_shared(kind, held),
        action=url_for("admin.connections.update", connection_id=held.id),
        submit=_("Enregistrer"),
        cancel=url_for("admin.connections.show", connection_id=held.id),
        hidden={"version": held.version},
    )


def try_form(connection_id: UUID, route: str) -> room.Form:
    """Return the form of an order that is checked and not delivered."""
    return room.Form(
        title=_("Vérifier une recharge sans l’envoyer : %(route)s", route=route),
        lead=_("Tout ce qui précède l’envoi est fait pour de vrai. Rien n’est commandé, le numéro n’est pas gardé."),
        fields=[
            room.Field(name="number", label=_("Numéro de téléphone"), hint=_("Comme 06 12 34 56 78."), inputmode="tel"),
            room.Field(name="product_code", label=_("Code du produit chez l’opérateur")),
            room.unit_field(),
            room.Field(name="quantity", label=_("Quantité"), inputmode="decimal", width="short"),
        ],
        action=url_for("admin.connections.dry_run", connection_id=connection_id),
        submit=_("Vérifier sans envoyer"),
        cancel=url_for("admin.connections.show", connection_id=connection_id),
    )


def sent(kind: Kind) -> Answers:
    """Return what the form told."""
    told = {one.name: request.form[one.name].strip() for one in kind.questions if one.name in request.form}
    return Answers(
        base=request.form.get("base", "").strip()[:200],
        trial=request.form.get("trial") == "yes",
        settings={one.name: told[one.name] for one in kind.questions if one.name in told and not one.secret},
        secrets={one.name: told[one.name] for one in kind.questions if one.name in told and one.secret},
    )


def _shared(kind: Kind, held: Connection | None) -> list[room.Field]:
    known = ", ".join(kind.bases)
    base = room.Field(
        name="base",
        label=_("Adresse du service"),
        value=held.base if held else next(iter(kind.bases), ""),
        hint=_("Connues : %(known)s", known=known) if known else _("Celle que l’opérateur a donnée, en https://."),
        inputmode="url",
    )
    trial = room.Field(
        name="trial",
        label=_("Est-ce un essai ?"),
        kind=room.Kind.RADIOS,
        options=[("no", _("Non : de vraies recharges")), ("yes", _("Oui : un service d’essai du partenaire"))],
        value="yes" if held and held.trial else "no",
    )
    return [base, trial, *(_question(one, held) for one in kind.questions)]


def _question(one: Question, held: Connection | None) -> room.Field:
    value = "" if one.secret else (held.settings.get(one.name, "") if held else one.default)
    kind = room.Kind.HIDDEN if one.secret else room.Kind.AREA if one.long else room.Kind.LINE
    if one.options:
        kind = room.Kind.RADIOS
    return room.Field(
        name=one.name,
        label=_(one.label),
        kind=kind,
        hint=_(one.hint) if one.hint else "",
        value=value,
        options=[(value, _(label)) for value, label in one.options],
        required=one.required and not (one.secret and held is not None),
    )
