"""What a scan can come to: stable codes, and the words staff say. Documented in docs/errors.md.

A refusal always says why and what to do now; it never blames the person who stands at the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The closed set of outcomes of a scan, stored with it."""

    ACCEPTED = "accepted"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    UNKNOWN_VOUCHER = "unknown_voucher"
    NOT_A_VOUCHER = "not_a_voucher"
    DAMAGED = "damaged"
    FOREIGN = "foreign"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    MISTYPED = "mistyped"
    UNKNOWN_TYPED = "unknown_typed"


@dataclass(frozen=True, slots=True)
class Words:
    """One outcome in one language: a word for arm's length, a plain sentence, the next step."""

    word: str
    sentence: str
    next_step: str


_FRENCH: dict[Outcome, Words] = {
    Outcome.ACCEPTED: Words("Accepté", "Le bon est enregistré.", "La recharge part : rien d’autre à faire."),
    Outcome.USED: Words(
        "Déjà utilisé",
        "Ce bon a été utilisé le {at} à {branch}.",
        "Vérifiez avec la personne si sa recharge est arrivée ; sinon, signalez-le à la coordination.",
    ),
    Outcome.EXPIRED: Words(
        "Périmé",
        "Ce bon était valable jusqu’au {last_day}.",
        "La coordination peut en émettre un nouveau : proposez de la contacter maintenant.",
    ),
    Outcome.CANCELLED: Words(
        "Annulé", "Ce bon a été annulé le {at}.", "Demandez à la coordination pourquoi, et s’il est remplacé."
    ),
    Outcome.REPLACED: Words(
        "Remplacé",
        "Un nouveau bon a remplacé celui-ci le {at}.",
        "Demandez le nouveau bon : celui-ci ne sert plus.",
    ),
    Outcome.UNKNOWN_VOUCHER: Words(
        "À vérifier",
        "La signature est bonne, mais ce bon n’est pas dans nos registres.",
        "Gardez le bon et appelez la coordination : la personne n’y est pour rien.",
    ),
    Outcome.NOT_A_VOUCHER: Words(
        "Pas un bon", "Ce code n’est pas un bon Coup de Pouce.", "Cherchez le code carré imprimé sur le bon."
    ),
    Outcome.DAMAGED: Words(
        "Illisible",
        "Il manque une partie du code.",
        "Aplatissez le papier et recommencez, ou tapez les 16 chiffres.",
    ),
    Outcome.FOREIGN: Words(
        "Autre organisme",
        "Ce bon vient d’un autre organisme.",
        "Orientez la personne vers l’organisme qui l’a remis.",
    ),
    Outcome.UNKNOWN_KEY: Words(
        "À vérifier",
        "Ce bon est signé avec une clé que nous n’avons pas encore.",
        "Rechargez la page et recommencez ; sinon, appelez la coordination.",
    ),
    Outcome.FORGED: Words(
        "Refusé",
        "La signature de ce code n’est pas la nôtre.",
        "Gardez le papier et prévenez la coordination.",
    ),
    Outcome.MISTYPED: Words(
        "Chiffres à revoir",
        "Ces chiffres contiennent une erreur de frappe.",
        "Relisez-les par groupes de quatre.",
    ),
    Outcome.UNKNOWN_TYPED: Words(
        "Inconnu", "Aucun bon ne porte ces chiffres.", "Relisez-les sur le bon, ou scannez le code carré."
    ),
}

_ENGLISH: dict[Outcome, Words] = {
    Outcome.ACCEPTED: Words("Accepted", "The voucher is recorded.", "The top-up is on its way: nothing else to do."),
    Outcome.USED: Words(
        "Already used",
        "This voucher was used on {at} at {branch}.",
        "Check with the person whether the top-up arrived; if not, tell the coordination.",
    ),
    Outcome.EXPIRED: Words(
        "Expired",
        "This voucher was valid until {last_day}.",
        "The coordination can issue a new one: offer to contact them now.",
    ),
    Outcome.CANCELLED: Words(
        "Cancelled",
        "This voucher was cancelled on {at}.",
        "Ask the coordination why, and whether it is replaced.",
    ),
    Outcome.REPLACED: Words(
        "Replaced",
        "A new voucher replaced this one on {at}.",
        "Ask for the new voucher: this one no longer counts.",
    ),
    Outcome.UNKNOWN_VOUCHER: Words(
        "To be checked",
        "The signature is good, but this voucher is not in our books.",
        "Keep the voucher and call the coordination: it is not the person’s fault.",
    ),
    Outcome.NOT_A_VOUCHER: Words(
        "Not a voucher",
        "This is not a Coup de Pouce voucher.",
        "Look for the square code printed on the voucher.",
    ),
    Outcome.DAMAGED: Words(
        "Unreadable",
        "Part of the code is missing.",
        "Flatten the paper and try again, or type the 16 digits.",
    ),
    Outcome.FOREIGN: Words(
        "Other organisation",
        "This voucher comes from another organisation.",
        "Send the person to the organisation that gave it.",
    ),
    Outcome.UNKNOWN_KEY: Words(
        "To be checked",
        "This voucher is signed with a key we do not have yet.",
        "Reload the page and try again; if not, call the coordination.",
    ),
    Outcome.FORGED: Words(
        "Refused", "The signature of this code is not ours.", "Keep the paper and tell the coordination."
    ),
    Outcome.MISTYPED: Words("Check the digits", "There is a typing error in these digits.", "Read them in fours."),
    Outcome.UNKNOWN_TYPED: Words(
        "Unknown", "No voucher has these digits.", "Read them again on the voucher, or scan the square code."
    ),
}


def words(outcome: Outcome, language: str = "fr", **facts: str) -> Words:
    """Return the words for `outcome`; `facts` fill in when and where (at, branch, last_day)."""
    chosen = (_ENGLISH if language == "en" else _FRENCH)[outcome]
    if not facts:
        return chosen
    return Words(chosen.word, chosen.sentence.format(**facts), chosen.next_step)
