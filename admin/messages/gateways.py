"""The gateways: one for each channel, set with a sealed password, tried with a button."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import room
from admin.messages import words
from voucher_service.errors import NotFound
from voucher_service.messages.gateways import CHANNEL_OF, SECRET, SETTINGS, Channel, GatewayKind
from voucher_service.messages.settings import gateways, set_gateway, settings_of
from voucher_service.web import doors

blueprint = Blueprint("gateways", __name__, url_prefix="/messages/gateways")


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show the gateway of each channel: where it leads, never its password."""
    services = doors.services()
    with services.database.read() as session:
        rows = gateways(session)
        who = room.who(session, [row.created_by for row in rows.values()])
    known = {channel: settings_of(services.vault, row) for channel, row in rows.items()}
    shown = {
        channel: " · ".join(value for name, value in values.items() if value and name in {"host", "port", "sender"})
        for channel, values in known.items()
    }
    ways = {channel: [kind for kind in GatewayKind if channel in CHANNEL_OF[kind]] for channel in Channel}
    return room.page("messages/message_gateways", rows=rows, shown=shown, who=who, ways=ways, say=words)


@blueprint.get("/<channel>/<kind>")
@room.WRITE
def edit(channel: str, kind: str) -> ResponseReturnValue:
    """Show the form of a gateway."""
    return _form(*_named(channel, kind)).page()


@blueprint.post("/<channel>/<kind>")
@room.WRITE
def save(channel: str, kind: str) -> ResponseReturnValue:
    """Use this gateway from now on."""
    of_channel, of_kind = _named(channel, kind)
    form = _form(of_channel, of_kind)

    def act() -> ResponseReturnValue:
        services = doors.services()
        values = {name: request.form.get(name, "")[:200] for name in SETTINGS[of_kind]}
        services.database.run(
            set_gateway,
            services.vault,
            services.gateways,
            channel=of_channel,
            kind=of_kind,
            values=values,
            actor=room.actor(),
            now=doors.now(),
        )
        room.log("gateway_set", channel=channel, kind=kind)
        return room.done(_("La passerelle est enregistrée : essayez-la."), "admin.gateways.index")

    return room.submitted(form, act)


@blueprint.post("/<channel>/check")
@room.WRITE
def check(channel: str) -> ResponseReturnValue:
    """Connect and sign in, send nothing, and say in plain words how it went."""
    services = doors.services()
    with services.database.read() as session:
        row = gateways(session).get(_channel(channel))
    if row is None:
        raise NotFound(_("Cette passerelle n’est pas réglée."))
    gateway = services.gateways[row.kind](settings_of(services.vault, row))
    try:
        wrong = gateway.check()
    finally:
        gateway.close()
    if wrong:
        flash(_("L’essai n’a pas réussi. %(why)s", why=words.why(wrong)), "bad")
    else:
        flash(_("La passerelle répond et nous reconnaît."), "ok")
    return redirect(url_for("admin.gateways.index"), 303)


def _channel(text: str) -> Channel:
    if text not in {one.value for one in Channel}:
        raise NotFound(_("Cette page n’existe pas."))
    return Channel(text)


def _named(channel: str, kind: str) -> tuple[Channel, GatewayKind]:
    of_channel = _channel(channel)
    if kind not in {one.value for one in GatewayKind} or of_channel not in CHANNEL_OF[GatewayKind(kind)]:
        raise NotFound(_("Cette page n’existe pas."))
    return of_channel, GatewayKind(kind)


def _form(channel: Channel, kind: GatewayKind) -> room.Form:
    services = doors.services()
    with services.database.read() as session:
        row = gateways(session).get(channel)
    known = settings_of(services.vault, row) if row is not None and row.kind == kind.value else {}
    labels = {
        "host": (_("Serveur"), _("Son nom ou son adresse.")),
        "port": (_("Port"), _("2775 d’ordinaire pour SMPP, 587 pour le courriel.")),
        "system_id": (_("Identifiant (system_id)"), ""),
        "user": (_("Identifiant"), _("Laissez vide si le serveur n’en demande pas.")),
        "password": (_("Mot de passe"), _("Laissez vide pour garder celui qui est enregistré.")),
        "sender": (_("Expéditeur"), _("Le numéro, le nom ou l’adresse que la personne voit : jamais le dispositif.")),
    }
    choices = {
        "tls": (
            _("Connexion chiffrée"),
            [("start", _("STARTTLS")), ("yes", _("TLS")), ("no", _("Non : serveur de cette machine"))]
            if kind is GatewayKind.SMTP
            else [("yes", _("TLS")), ("no", _("Non : réseau privé avec l’opérateur"))],
        ),
        "alphabet": (
            _("Alphabet"),
            [("gsm", _("Court quand c’est possible")), ("ucs2", _("Toujours long : le centre abîme les accents"))],
        ),
        "receipt_ids": (
            _("Numéros des accusés de réception"),
            [
                ("same", _("Les mêmes qu’à l’envoi")),
                ("decimal", _("En décimal, alors que l’envoi répond en hexadécimal")),
                ("hex", _("En hexadécimal, alors que l’envoi répond en décimal")),
            ],
        ),
    }
    fields = []
    for name in SETTINGS[kind]:
        if name in choices:
            label, options = choices[name]
            fields.append(
                room.Field(
                    name=name, label=label, kind=room.Kind.SELECT, options=options, value=known.get(name, options[0][0])
                )
            )
        else:
            label, hint = labels[name]
            value = "" if name in SECRET else known.get(name, "")
            attrs = {"type": "password"} if name in SECRET else {}
            needed = name not in {"password", "user"}
            fields.append(room.Field(name=name, label=label, hint=hint, value=value, required=needed, attrs=attrs))
    return room.Form(
        title=_("%(channel)s : passerelle", channel=words.channel(channel)),
        lead=words.kind(kind),
        fields=fields,
        action=url_for("admin.gateways.save", channel=channel.value, kind=kind.value),
        submit=_("Utiliser cette passerelle"),
        cancel=url_for("admin.gateways.index"),
    )
