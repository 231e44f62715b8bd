"""Why an acceptance without a network waits for a person, in plain words, and what to do about it."""

from __future__ import annotations

from flask_babel import gettext as _

from voucher_service.visits.offline.rules import Reason


def why(reason: str | None) -> str:
    """Return the reason in a few words, for a list; None: it was confirmed, and something of it was kept."""
    if reason is None:
        return str(_("Réponses gardées à part"))
    return str(
        {
            Reason.USED: _("Bon déjà utilisé"),
            Reason.CANCELLED: _("Bon annulé entre-temps"),
            Reason.REPLACED: _("Bon remplacé entre-temps"),
            Reason.EXPIRED: _("Bon périmé"),
            Reason.FORK: _("Appareil copié ou restauré"),
            Reason.DEVICE_REVOKED: _("Appareil retiré"),
            Reason.OUTSIDE_LEASE: _("Au-delà du crédit hors ligne"),
            Reason.OUTSIDE_SHIFT: _("Hors d’un service ouvert"),
            Reason.NOT_HOME: _("Bon d’une autre antenne"),
            Reason.UNREADABLE: _("Contenu illisible"),
            Reason.FORGED: _("Code non signé par nous"),
            Reason.INCOMPLETE: _("Renseignement manquant"),
        }[Reason(reason)]
    )


def explained(reason: str | None) -> str:
    """Return what happened, in a sentence or two."""
    if reason is None:
        return str(_("Le passage est confirmé. Ce qui n’allait pas dans le formulaire du jour est gardé ici, fermé."))
    return str(
        {
            Reason.USED: _(
                "Le même bon a été accepté ailleurs, et nos livres l’ont appris d’abord. Il n’a payé qu’une fois."
            ),
            Reason.CANCELLED: _(
                "Le bon a été annulé pendant que l’appareil était sans réseau : il ne pouvait pas le savoir."
            ),
            Reason.REPLACED: _(
                "Le bon a été remplacé pendant que l’appareil était sans réseau. Son remplaçant reste utilisable."
            ),
            Reason.EXPIRED: _("Au moment de l’accepter, le dernier jour du bon était passé."),
            Reason.FORK: _(
                "L’appareil avait déjà envoyé un autre passage sous ce numéro : il a été copié, ou ses données "
                "restaurées. L’un des deux récits est faux."
            ),
            Reason.DEVICE_REVOKED: _("Le passage est arrivé après que l’appareil a été retiré."),
            Reason.OUTSIDE_LEASE: _(
                "L’appareil a accepté plus que ce qui lui était confié, ou à un moment qui ne va pas avec ce crédit."
            ),
            Reason.OUTSIDE_SHIFT: _("Aucun service n’était ouvert sur l’appareil à ce moment."),
            Reason.NOT_HOME: _(
                "Sans réseau, un appareil n’accepte que les bons de son antenne ; celui-ci est d’une autre."
            ),
            Reason.UNREADABLE: _("Ce que l’appareil a gardé ne s’ouvre pas, ou désigne un autre bon."),
            Reason.FORGED: _("Le code présenté ne porte pas notre signature : il est faux ou abîmé."),
            Reason.INCOMPLETE: _("Il manquait un numéro valable, ou le prix noté dépassait celui du bon."),
        }[Reason(reason)]
    )


def remedy(reason: str) -> str:
    """Return what the coordination can do now."""
    if reason == Reason.USED.value:
        return str(
            _(
                "La personne est repartie avec une promesse. Si ce n’était pas une fraude, émettez-lui un autre bon ; "
                "puis réglez avec un mot sur ce qui a été fait."
            )
        )
    if reason in {Reason.FORK.value, Reason.DEVICE_REVOKED.value, Reason.FORGED.value}:
        return str(
            _(
                "Demandez à l’antenne si une vraie personne a été reçue. Si oui, émettez-lui un autre bon ; "
                "sinon, écrivez ce que vous avez constaté."
            )
        )
    return str(
        _(
            "Rien n’est parti et le bon n’a pas bougé. S’il est encore bon, faites-le présenter de nouveau en ligne ; "
            "sinon émettez-en un autre. Puis réglez."
        )
    )
