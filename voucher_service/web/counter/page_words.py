"""The fixed words of the counter's page, for its script: said once here, translated with all others."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from voucher_service.web.person_words import person_words


def page_words() -> dict[str, Any]:
    """Return the words by name; `scanner` holds those of each phase of the camera: what is so, what to do.

    `told` holds what the person is told of each result, in each language.
    """
    parts: tuple[dict[str, Any], ...] = (
        {"scanner": scanner_words(), "told": person_words()},
        _talk(),
        _visit(),
        _result(),
    )
    joined = {name: words for part in parts for name, words in part.items()}
    assert len(joined) == sum(len(part) for part in parts), "two parts of the page say something by one name"
    return joined


def scanner_words() -> dict[str, list[str]]:
    """Return what each phase of the camera says: what is so, what to do."""
    type_it = _("Tapez le code à 16 chiffres écrit sous le QR.")

    def first(remedy: str) -> str:
        return " ".join((remedy, _("Sinon, tapez le code à 16 chiffres écrit sous le QR.")))

    return {
        "starting": [_("La caméra démarre…"), _("Autorisez la caméra si l’appareil le demande.")],
        "reading": [_("Présentez le QR du bon"), _("Tenez-le à plat, à une main de distance.")],
        "paused": [_("Lecture en pause"), _("Terminez ce passage, la lecture reprendra ensuite.")],
        "stopped": [_("Caméra arrêtée"), type_it],
        "insecure": [
            _("Adresse non protégée : la caméra est bloquée"),
            first(_("Ouvrez l’adresse qui commence par https.")),
        ],
        "unsupported": [_("Ce navigateur ne sait pas ouvrir la caméra"), type_it],
        "refused": [
            _("La caméra n’est pas autorisée"),
            first(_("Autorisez-la dans les réglages du navigateur pour ce site, puis touchez « Réessayer ».")),
        ],
        "missing": [_("Aucune caméra trouvée"), first(_("Branchez-en une, puis touchez « Réessayer »."))],
        "busy": [
            _("La caméra est prise par une autre application"),
            first(_("Fermez cette application, puis touchez « Réessayer ».")),
        ],
        "reader": [_("La lecture des QR n’a pas pu démarrer"), first(_("Rechargez la page avec le réseau."))],
    }


def _talk() -> dict[str, str]:
    return {
        "reading": _("Lecture du bon…"),
        "sending": _("Enregistrement…"),
        "away_look": _("Le serveur ne répond pas"),
        "away_look_next": _("Rien n’est enregistré. Gardez le bon : nouvel essai tout seul."),
        "away_scan": _("Le serveur ne répond pas"),
        "away_scan_next": _("Ce passage est gardé ici et repart tout seul. Laissez la page ouverte."),
        "signed_out": _("Votre session a pris fin"),
        "signed_out_next": _("Reconnectez-vous dans un autre onglet : ce passage est gardé et repart tout seul."),
        "sign_in": _("Se reconnecter"),
        "cancel": _("Annuler"),
        "retry": _("Réessayer maintenant"),
        "next": _("Suivant"),
        "use_now": _("Utiliser ce bon"),
        "mistyped": _("Il y a une erreur dans ces chiffres : relisez-les par groupes de quatre."),
        "problem": _("À corriger"),
    }


def _visit() -> dict[str, str]:
    return {
        "number": _("Numéro à recharger"),
        "number_known": _("Numéro connu :"),
        "number_other": _("Un autre numéro"),
        "number_hint": _("Tapez-le, puis relisez-le à voix haute, deux chiffres à la fois."),
        "number_read": _("Relu avec la personne : c’est le bon numéro"),
        "number_confirmed": _("La personne le confirme : c’est toujours son numéro"),
        "number_old": _("Ce numéro n’a pas été confirmé depuis deux mois : vérifiez-le avec la personne."),
        "number_away": _("Sans réseau, le numéro connu ne peut pas servir : demandez-le à la personne et relisez-le."),
        "number_short": _("Un mobile a dix chiffres et commence par 06 ou 07."),
        "price": _("Prix solidaire : {price}"),
        "paid": _("{price} payés"),
        "unpaid": _("Rien payé"),
        "paid_other": _("Autre montant"),
        "amount": _("Montant payé, en euros"),
        "visit": _("Le passage"),
        "optional": _("(facultatif)"),
        "later": _("Peut se compléter plus tard, depuis « Passages »."),
        "note": _("Note"),
        "note_hint": _("Rien d’intime : cette note se lit à l’antenne."),
        "next_visit": _("Prochain passage"),
        "accept": _("Valider"),
    }


def _result() -> dict[str, str]:
    return {
        "valid_until": _("Valable jusqu’au {day}"),
        "person": _("Référence {reference}"),
        "last_visit": _("Dernier passage : {when}"),
        "show_code": _("Afficher le code"),
        "hand_over": _("Remettre l’article"),
        "code_once": _("Ce code ne s’affiche librement qu’une fois : faites-le noter ou taper maintenant."),
        "show_person": _("À montrer à la personne"),
        "receipt": _("Reçu de paiement"),
        "serial": _("Numéro de série : {serial}"),
        "torch_on": _("Éteindre la lampe"),
        "torch_off": _("Lampe"),
        "sound_on": _("Son : oui"),
        "sound_off": _("Son : non"),
    }
