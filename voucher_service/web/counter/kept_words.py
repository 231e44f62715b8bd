"""What the counter says without the server: each verdict of offline/decide.js, and the line of every page."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from voucher_service.visits.outcomes import Outcome, words
from voucher_service.web import doors
from voucher_service.web.counter.words import TONES

# Verdicts that are the same with and without the server say the same.
_SHARED = (
    Outcome.NOT_A_VOUCHER,
    Outcome.DAMAGED,
    Outcome.FOREIGN,
    Outcome.UNKNOWN_KEY,
    Outcome.FORGED,
    Outcome.MISTYPED,
    Outcome.EXPIRED,
)


def offline_words() -> dict[str, dict[str, str]]:
    """Return `{tone, word, sentence, next_step}` by verdict; `{at}` and `{last_day}` are filled in by the page."""
    shared = {}
    for outcome in _SHARED:
        said = words(outcome, doors.language(), last_day="{last_day}", at="{at}", branch="")
        shared[outcome.value] = _said(TONES[outcome], said.word, said.sentence, said.next_step)
    return {**shared, **_good(), **_of_the_voucher(), **_of_the_device()}


def _said(tone: str, word: str, sentence: str, next_step: str) -> dict[str, str]:
    return {"tone": tone, "word": word, "sentence": sentence, "next_step": next_step}


def _good() -> dict[str, dict[str, str]]:
    return {
        "ok": _said(
            "info",
            _("Valable ici"),
            _("D’après les listes de cet appareil, ce bon n’a pas encore servi."),
            _("Rien n’est enregistré : c’était un simple regard."),
        ),
        "accepted_here": _said(
            "here",
            _("Accepté ici"),
            _("À confirmer : le passage est gardé sur cet appareil et part dès que le réseau revient."),
            _("Dites à la personne que sa recharge arrivera plus tard. Elle n’a rien d’autre à faire."),
        ),
    }


def _of_the_voucher() -> dict[str, dict[str, str]]:
    paper = _("Attendez le réseau, ou notez le passage sur papier et prévenez la coordination.")
    return {
        "used_here": _said(
            "bad",
            _("Déjà présenté"),
            _("Ce bon a été accepté sur cet appareil le {at}."),
            _("Vérifiez avec la personne si sa recharge est arrivée ; sinon, signalez-le à la coordination."),
        ),
        "gone": _said(
            "bad",
            _("Ne sert plus"),
            _("D’après les listes de cet appareil, ce bon est déjà utilisé, annulé ou remplacé."),
            _("Représentez-le quand le réseau revient : l’écran dira quand et où."),
        ),
        "not_home": _said(
            "check",
            _("Réseau nécessaire"),
            _("Ce bon est signé, mais il est d’une autre antenne ou trop récent pour cet appareil."),
            paper,
        ),
        "revoked_key": _said(
            "check", _("Réseau nécessaire"), _("La clé de ce bon a été retirée : seul le serveur peut le juger."), paper
        ),
        "unknown_offer": _said(
            "check", _("Réseau nécessaire"), _("Cet appareil ne connaît pas encore l’offre de ce bon."), paper
        ),
        "typed_offline": _said(
            "check",
            _("Scannez le code carré"),
            _("Sans réseau, les 16 chiffres ne peuvent pas être vérifiés."),
            _("Scannez le code carré du même bon. Sans caméra, notez le passage sur le journal papier."),
        ),
    }


def _of_the_device() -> dict[str, dict[str, str]]:
    wait = _("Attendez le réseau, ou notez le passage sur papier et prévenez la coordination.")
    limit = _("Limite atteinte")
    return {
        "not_enrolled": _said(
            "check",
            _("Pas de réseau"),
            _("Cet appareil n’est pas enregistré : il ne peut rien accepter sans réseau."),
            wait,
        ),
        "device_stopped": _said(
            "check",
            _("Appareil arrêté"),
            _("Cet appareil ne doit plus rien accepter sans réseau : il a été retiré, copié ou restauré."),
            _("Appelez la coordination : elle l’enregistre de nouveau. Ce qui attend part quand même."),
        ),
        "no_shift": _said(
            "check",
            _("Aucun service ouvert"),
            _("Sans service ouvert, cet appareil n’accepte rien."),
            _(
                "Un service s’ouvre avec le réseau, dans « Appareil ». D’ici là, prenez le journal papier du carnet "
                "de secours."
            ),
        ),
        "clock": _said(
            "check",
            _("Heure à vérifier"),
            _("L’horloge de cet appareil a reculé : il lui faut le réseau avant d’accepter."),
            _("Mettez l’appareil à l’heure, puis attendez le réseau."),
        ),
        "no_lease": _said("check", limit, _("Le serveur n’a rien permis à cet appareil sans réseau."), wait),
        "lease_over": _said(
            "check", limit, _("Cet appareil est sans nouvelles du serveur depuis trop longtemps."), wait
        ),
        "lease_spent": _said("check", limit, _("Cet appareil a accepté tout ce qu’il pouvait sans réseau."), wait),
    }


def line_words() -> dict[str, Any]:
    """Return the words of the line that stands on every page of the counter."""
    return {
        "away": _("Pas de réseau : les bons de cette antenne s’acceptent ici."),
        "away_closed": _("Pas de réseau et aucun service ouvert : prenez le journal papier du carnet de secours."),
        "away_spent": _("Pas de réseau, et cet appareil ne peut plus accepter seul : prenez le journal papier."),
        "away_plain": _("Le serveur ne répond pas."),
        "waiting_none": _("Rien n’attend d’être envoyé."),
        "waiting_one": _("1 passage attend d’être envoyé."),
        "waiting_many": _("{count} passages attendent d’être envoyés."),
        "unsettled_one": _("1 passage est à régler par la coordination."),
        "unsettled_many": _("{count} passages sont à régler par la coordination."),
        "halted": _("Cet appareil ne peut plus rien accepter sans réseau : appelez la coordination."),
    }


def device_words() -> dict[str, Any]:
    """Return the words of the pages *Appareil* and *État*."""
    return {
        "camera_ok": _("La caméra donne une image."),
        "camera_none": _("Pas d’image : autorisez la caméra, ou branchez-la."),
        "reader_own": _("Le navigateur lit lui-même les codes."),
        "reader_ours": _("Notre lecteur de codes est chargé."),
        "reader_none": _("Aucun lecteur de codes : rechargez la page avec le réseau."),
        "sound_played": _("Un son vient d’être joué : l’avez-vous entendu ?"),
        "sound_muted": _("Le son est coupé sur cet appareil."),
        "show_qr": _("Présentez le QR de la coordination"),
        "show_qr_next": _("Il est sur son écran, à « Appareils »."),
        "other_qr": _("Ce n’est pas le QR d’un appareil"),
        "other_qr_next": _("Demandez à la coordination le QR de cet appareil, ou tapez les dix caractères."),
        "type_code": _("Tapez les dix caractères que donne la coordination."),
        "away": _("Le serveur ne répond pas : réessayez quand le réseau revient."),
        "unsent": _("Des passages attendent encore d’être envoyés : ils partent d’abord."),
        "enrolled": _("Cet appareil est enregistré : {name}, {branch}."),
        "not_enrolled": _("Cet appareil n’est pas enregistré."),
        "stopped": _("Cet appareil ne sert plus : demandez un nouveau code à la coordination."),
        "opening_away": _(
            "Un service ne s’ouvre qu’avec le réseau. D’ici là, prenez le carnet de secours : sa première page dit "
            "quoi faire. Cette page voit d’elle-même quand le réseau revient."
        ),
        "closing_away": _(
            "Ce service reste ouvert sans réseau, même si la page ou l’appareil se ferme. Fermé, il ne se rouvre "
            "qu’avec le réseau."
        ),
        "passkey_stopped": _(
            "Rien n’a été lu : la demande a été arrêtée, ou aucune clé d’accès n’est sur cet appareil."
        ),
        "passkey_away": _("Le service ne répond pas : vérifiez le réseau, puis recommencez."),
        "passkey_failed": _("L’appareil n’a pas pu lire de clé d’accès : ouvrez votre service par code PIN."),
        "shift_open": _("Un service est ouvert jusqu’au {until}."),
        "shift_none": _("Aucun service n’est ouvert."),
        "lease": _("Sans réseau, encore {count} bons au plus, jusqu’au {until}."),
        "lease_none": _("Rien n’est permis sans réseau pour l’instant."),
        "keys": _("{count} clés reconnues."),
        "lists_age": _("Listes reçues {age}."),
        "lists_none": _("Aucune liste reçue."),
        "oldest": _("Le plus ancien attend depuis {age}."),
        "storage_kept": _("Le navigateur promet de garder ces données."),
        "storage_may_go": _("Le navigateur peut effacer ces données : ajoutez la page à l’écran d’accueil."),
        "storage_used": _("{used} utilisés sur cet appareil."),
        "worker_ok": _("La page s’ouvre sans réseau."),
        "worker_none": _("La page ne s’ouvre pas encore sans réseau."),
        "standings": {
            "waiting": _("attend le réseau"),
            "confirmed": _("confirmé"),
            "conflict": _("à régler par la coordination"),
            "refused": _("à régler par la coordination"),
            "invalid": _("à montrer à la coordination"),
        },
        "entry": _("Bon accepté le {at}"),
        "none_here": _("Rien n’a été accepté ici sans réseau."),
    }
