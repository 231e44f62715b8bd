"""Messages in words."""

from __future__ import annotations

from flask_babel import gettext as _

from voucher_service.messages.encoding import Alphabet, Encoded
from voucher_service.messages.gateways import Channel, GatewayKind
from voucher_service.messages.models import MessageState

Tagged = tuple[str, str]


def state(value: str) -> Tagged:
    """Return the word and tone of a message's state."""
    return {
        MessageState.WAITING: (_("Va partir"), "wait"),
        MessageState.SENDING: (_("En cours d’envoi"), "wait"),
        MessageState.SENT: (_("Parti"), "wait"),
        MessageState.DELIVERED: (_("Reçu"), "ok"),
        MessageState.UNKNOWN: (_("Sans réponse"), "check"),
        MessageState.FAILED: (_("Non remis"), "bad"),
        MessageState.BLOCKED: (_("Retenu"), "none"),
    }[MessageState(value)]


def why(code: str | None) -> str:
    """Return what an outcome code means, for who must decide; a network's own word stands as it is."""
    if not code:
        return ""
    return str(
        {
            "opted_out": _("La personne ne veut plus de messages."),
            "erased": _("La personne a été effacée."),
            "voucher_not_live": _("Le bon ne servait plus."),
            "no_gateway": _("Aucune passerelle n’est réglée."),
            "no_connection": _("La passerelle ne répond pas : nouvel essai bientôt."),
            "bind_refused": _("La passerelle refuse notre identifiant : voyez ses réglages."),
            "sign_in_refused": _("La passerelle refuse notre identifiant : voyez ses réglages."),
            "lease_passed": _("Peut-être reçu : demandez à la personne avant de renvoyer."),
            "TimeoutError": _("Peut-être reçu : demandez à la personne avant de renvoyer."),
            "ConnectionError": _("Peut-être reçu : demandez à la personne avant de renvoyer."),
            "UNDELIV": _("Le réseau n’a pas pu le remettre : vérifiez le numéro."),
            "EXPIRED": _("Le téléphone est resté éteint trop longtemps."),
            "REJECTD": _("Le réseau l’a refusé : vérifiez le numéro."),
        }.get(code, _("Réponse de la passerelle : %(code)s", code=code))
    )


def channel(value: str) -> str:
    """Return how a message travels."""
    return str({Channel.SMS: _("SMS"), Channel.EMAIL: _("Courriel")}[Channel(value)])


def kind(value: str) -> str:
    """Return what a gateway is."""
    return str(
        {
            GatewayKind.SMPP: _("Centre de messages (SMPP 3.4)"),
            GatewayKind.SMTP: _("Serveur de courriel (SMTP)"),
            GatewayKind.CONSOLE: _("Console : rien ne part, le texte s’affiche dans le terminal"),
        }[GatewayKind(value)]
    )


def how_long(encoded: Encoded) -> str:
    """Return a text's length as it is billed."""
    alphabet = _("alphabet court") if encoded.alphabet is Alphabet.GSM else _("alphabet long")
    return str(_("%(n)s SMS, %(units)s signes, %(alphabet)s", n=encoded.parts, units=encoded.units, alphabet=alphabet))
