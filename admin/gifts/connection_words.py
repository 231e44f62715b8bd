"""What a connection can do, what was done to it and what a test found, in words."""

from __future__ import annotations

from decimal import Decimal

from flask_babel import format_currency, format_decimal
from flask_babel import gettext as _

from voucher_service.fulfilment.abilities import Trial
from voucher_service.fulfilment.connection_models import ChangeKind
from voucher_service.fulfilment.providers import Idempotency, Lookup, Provider


def abilities(provider: Provider) -> list[tuple[str, str]]:
    """Return what a partner can do as pairs of words."""
    can = provider.capabilities
    return [
        (
            _("Une référence déjà utilisée"),
            {
                Idempotency.ENFORCED: _("est refusée, nous l’avons vu"),
                Idempotency.ADVERTISED: _("serait refusée, dit le partenaire"),
                Idempotency.NONE: _("n’est pas reconnue"),
                Idempotency.CONTRADICTED: _("serait refusée, mais a déjà été payée deux fois"),
            }[can.idempotency],
        ),
        (
            _("Retrouver une recharge"),
            {
                Lookup.BY_REFERENCE: _("par notre référence"),
                Lookup.WEAK: _("par la sienne seulement : ne pas la trouver ne prouve rien"),
                Lookup.NONE: _("impossible : le relevé décide"),
            }[can.lookup],
        ),
        (_("Annuler"), _("possible, s’il n’est pas trop tard") if can.reversal else _("impossible")),
        (_("Répond au plus tard après"), _("%(n)s secondes", n=round(can.sync_limit.total_seconds()))),
        (_("Fuseau horaire"), can.time_zone),
    ]


def change(kind: str) -> str:
    """Return the word for a line of the journal."""
    return str(
        {
            ChangeKind.CREATED: _("Enregistré"),
            ChangeKind.EDITED: _("Modifié"),
            ChangeKind.ENABLED: _("Mis en service"),
            ChangeKind.DISABLED: _("Arrêté"),
            ChangeKind.TURNED: _("Adresse de rappel changée"),
            ChangeKind.TESTED: _("Connexion testée"),
            ChangeKind.TRIED: _("Recharge vérifiée sans envoi"),
        }[ChangeKind(kind)]
    )


def result(code: str) -> str:
    """Return the plain sentence of what a test found."""
    known = {
        "connected": _("La connexion marche : le partenaire nous reconnaît."),
        "ready_to_send": _("Cette recharge pourrait partir. Rien n’a été envoyé."),
        "unit_sold": _("L’unité convient. Ce partenaire n’offre aucun moyen d’essayer davantage sans recharger."),
        "credentials_refused": _("Le partenaire refuse nos identifiants : recopiez-les depuis son site."),
        "answer_unexpected": _("Une machine répond, mais pas comme ce partenaire : vérifiez l’adresse."),
        "connect_failed": _("Personne ne répond à cette adresse : vérifiez-la."),
        "connect_timeout": _("L’adresse ne répond pas : vérifiez-la, ou réessayez dans une heure."),
        "name_unknown": _("Cette adresse n’existe pas : vérifiez l’orthographe."),
        "tls_failed": _("Le certificat de cette adresse n’est pas valable : ne continuez pas, appelez le partenaire."),
        "address_refused": _("Cette adresse mène à un réseau privé : elle est interdite ici."),
        "timeout": _("Le partenaire a pris trop de temps : réessayez plus tard."),
        "hung_up": _("Le partenaire a raccroché sans répondre : réessayez plus tard."),
        "unit_not_sold": _("Ce partenaire ne vend pas cette unité."),
        "product_unreadable": _("Ce code de produit n’est pas de ceux du partenaire."),
        "country_unknown": _("Le pays de ce numéro n’est pas reconnu."),
        "connection_unusable": _("Ce raccordement ne peut pas être utilisé : modifiez-le et retapez les identifiants."),
    }
    return str(known.get(code) or _("Réponse du partenaire : %(code)s.", code=code))


def said(trial: Trial) -> str:
    """Return the plain answer to a test, with the facts that may be shown."""
    balance = trial.facts.get("balance")
    if not isinstance(balance, int):
        return result(trial.code)
    currency = str(trial.facts.get("currency") or "")
    left = (
        format_currency(Decimal(balance) / 100, currency)
        if len(currency) == 3
        else format_decimal(Decimal(balance) / 100)
    )
    return " ".join((result(trial.code), _("Il reste %(left)s sur notre compte.", left=left)))
