"""The words of a top-up's page: attempts, what came back, reasons, ways to end."""

from __future__ import annotations

from flask_babel import gettext as _

from voucher_service.fulfilment.around import Ending
from voucher_service.fulfilment.decide import LATE_DELIVERY
from voucher_service.fulfilment.models import AttemptKind, AttemptOutcome, Order, OrderState


def kinds() -> dict[str, str]:
    """What an attempt did."""
    return {
        AttemptKind.SUBMIT.value: _("Envoi"),
        AttemptKind.CONFIRM.value: _("Confirmation"),
        AttemptKind.QUERY.value: _("Question à l’opérateur"),
        AttemptKind.REVERSE.value: _("Demande d’annulation"),
    }


def outcomes() -> dict[str, tuple[str, str]]:
    """What came back: words and a tone."""
    return {
        AttemptOutcome.DELIVERED.value: (_("Livrée"), "ok"),
        AttemptOutcome.HELD.value: (_("Code mis de côté"), "ok"),
        AttemptOutcome.ACCEPTED.value: (_("Acceptée, réponse plus tard"), "wait"),
        AttemptOutcome.REFUSED.value: (_("Refusée"), "check"),
        AttemptOutcome.NOT_SENT.value: (_("Pas partie"), "none"),
        AttemptOutcome.UNKNOWN.value: (_("Pas de réponse claire"), "check"),
        AttemptOutcome.NOT_FOUND.value: (_("Inconnue de l’opérateur, trop tôt pour conclure"), "wait"),
        AttemptOutcome.ABSENT.value: (_("Inconnue de l’opérateur"), "check"),
        AttemptOutcome.REVERSED.value: (_("Reprise par l’opérateur"), "check"),
        AttemptOutcome.NEVER_HAPPENED.value: (_("Rien à annuler, et plus rien ne viendra"), "ok"),
        AttemptOutcome.TOO_LATE.value: (_("Trop tard pour annuler"), "check"),
        AttemptOutcome.STOCK_EMPTY.value: (_("Plus de code en stock"), "check"),
        AttemptOutcome.INTERNAL.value: (_("Panne chez nous, rien n’est parti"), "bad"),
        AttemptOutcome.LOST.value: (_("Travail interrompu, on redemande"), "check"),
    }


def codes() -> dict[str, str]:
    """Why an order waits for people."""
    return {
        "cut_off": _("Sans réponse claire jusqu’au relevé de l’opérateur : il décide, sinon deux personnes."),
        "absent": _(
            "L’opérateur dit qu’il n’a rien reçu. Renvoyer encore pourrait être payé deux fois :"
            " deux personnes décident."
        ),
        "to_confirm": _("Commandée chez l’opérateur, pas encore confirmée : il ne livre rien d’ici là."),
        "code_missing": _("L’opérateur dit avoir vendu le code, mais ne le donne pas : on le redemande."),
        "contradiction": _("L’opérateur ne retrouve pas la recharge et dit ne plus pouvoir l’annuler."),
        "late_delivery": _("Livrée après que la valeur a été rendue : un écart urgent à régler."),
        "internal_failures": _("Cinq pannes de suite chez nous : l’ordre est mis de côté. Rien n’est perdu."),
        "undone_at_counter": _("La personne qui avait scanné a annulé le passage avant tout envoi."),
        "reversed": _("Livrée, puis reprise par l’opérateur."),
    }


def endings(order: Order) -> dict[Ending, str]:
    """What each way to end means for this order."""
    if order.state == OrderState.REVERSED:
        back = _("Rendue : la valeur revient à la dotation, la personne n’a rien")
    elif order.outcome_code == LATE_DELIVERY:
        back = _("Reprise par l’opérateur : il ne la compte plus")
    else:
        back = _("Rendue au bon : la personne n’a rien reçu, elle peut le présenter de nouveau")
    kept = _("Livrée : la personne a reçu sa recharge")
    if order.outcome_code == LATE_DELIVERY:
        kept = _("Livrée : la personne garde tout, la dotation paie les deux")
    return {Ending.DELIVERED: kept, Ending.GIVEN_BACK: back, Ending.LOST: _("Abandonnée : la valeur est perdue")}
