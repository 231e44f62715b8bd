"""What staff can show the person on the result screen, in each language a person reads."""

from __future__ import annotations

from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _

from voucher_service.visits.outcomes import Outcome
from voucher_service.web.house import PERSON_LANGUAGES, RIGHT_TO_LEFT

HERE = "here"
"""Accepted without a network, to be confirmed."""

OTHER = "other"
"""Everything that staff must look into: never the person's fault."""


def person_words() -> dict[str, list[dict[str, Any]]]:
    """Return, by outcome or `here` or `other`, `{lang, dir, title, text}` for each language."""
    found: dict[str, list[dict[str, Any]]] = {}
    for code in PERSON_LANGUAGES:
        direction = "rtl" if code in RIGHT_TO_LEFT else "ltr"
        with force_locale(code):
            for name, (title, text) in _said().items():
                found.setdefault(name, []).append({"lang": code, "dir": direction, "title": title, "text": text})
    return found


def words_for(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what the person is told of an outcome."""
    known = person_words()
    return known.get(outcome.value, known[OTHER])


def _said() -> dict[str, tuple[str, str]]:
    return {
        Outcome.ACCEPTED.value: (
            _("Votre recharge est en route"),
            _("Elle arrive parfois en quelques minutes, parfois en quelques heures. Vous n’avez rien à faire."),
        ),
        HERE: (
            _("Votre bon est accepté ici"),
            _("La recharge partira dès que le réseau revient. Vous n’avez rien à faire."),
        ),
        Outcome.USED.value: (
            _("Ce bon a déjà servi"),
            _("Nous regardons avec vous quand et où. Votre recharge est peut-être déjà arrivée."),
        ),
        Outcome.EXPIRED.value: (
            _("Ce bon n’est plus valable"),
            _("Sa date est passée. Nous cherchons une solution avec vous."),
        ),
        Outcome.CANCELLED.value: (
            _("Ce bon a été annulé"),
            _("Nous demandons pourquoi, et s’il y en a un autre pour vous."),
        ),
        Outcome.REPLACED.value: (_("Un nouveau bon remplace celui-ci"), _("Montrez-nous le nouveau, si vous l’avez.")),
        OTHER: (_("Nous devons vérifier ce bon"), _("Vous n’y êtes pour rien. Un instant, s’il vous plaît.")),
    }
