"""The words for work on breaks, in French: the keys of the catalogue."""

from __future__ import annotations

from voucher_service.errors import N_
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.work.models import Side, Step, Way
from voucher_service.reconciliation.work.worklist import Age, Life, Sort

AGES = {
    Age.TODAY: N_("0 ou 1 jour"),
    Age.WEEK: N_("2 à 7 jours"),
    Age.MONTH: N_("8 à 30 jours"),
    Age.OLD: N_("plus de 30 jours"),
}
LIVES = {
    Life.NEW: (N_("Nouveau"), "check"),
    Life.PERSISTING: (N_("Persiste"), "wait"),
    Life.RESOLVED: (N_("Réglé"), "ok"),
}
SORTS = {
    Sort.PRIORITY: N_("Les plus urgents d’abord"),
    Sort.AGE: N_("Les plus anciens d’abord"),
    Sort.VALUE: N_("Les plus gros d’abord"),
}
SIDES = {Side.PROGRAMME: N_("L’association"), Side.PARTNER: N_("L’opérateur"), Side.SYSTEM: N_("Le service")}
STEPS = {
    Step.NOTE: N_("Note"),
    Step.TAKEN: N_("Pris en charge"),
    Step.GIVEN_BACK: N_("Rendu à l’équipe"),
    Step.CLASS: N_("Nature changée"),
    Step.RETURNED: N_("De nouveau ouvert"),
    Step.GONE: N_("N’est plus constaté"),
    Step.PROPOSED: N_("Règlement proposé"),
    Step.WITHDRAWN: N_("Proposition retirée"),
    Step.BOOKED: N_("Réglé par une écriture"),
    Step.PAIR_ASKED: N_("Rapprochement à la main proposé"),
    Step.PAIR_REFUSED: N_("Rapprochement à la main retiré"),
    Step.PAIRED: N_("Rapproché à la main"),
    Step.UNPAIRED: N_("Rapprochement à la main annulé"),
    Step.APART: N_("Noté : ce n’est pas la même recharge"),
    Step.APART_UNDONE: N_("De nouveau proposé comme la même recharge"),
}
WAYS = {
    Way.THEIRS: N_("Retenir le chiffre de l’opérateur"),
    Way.WRITE_OFF: N_("Passer en perte sur la dotation"),
    Way.NO_VALUE: N_("Constater qu’aucune valeur n’est en jeu"),
    Way.UNDO: N_("Annuler le règlement par une contre-écriture"),
    Way.TOLERANCE: N_("Tolérance convenue avec l’opérateur"),
    Way.NOTED: N_("Expliqué par une note"),
}
_LESS = N_("La valeur revient à la dotation : elle pourra payer d’autres bons.")
_LOST = N_("La dotation porte la perte ; l’opérateur garde la valeur.")
_MORE = N_("La dotation paie la différence.")
_LEFT = N_("La dotation est mise au solde de l’opérateur ; les comptes montrent la différence comme inexpliquée.")
_LATE = N_("La livraison tardive est inscrite, et la dotation la paie.")
_NOTHING = N_("Rien ne bouge dans les comptes : deux personnes le constatent.")


def effect(way: Way, kind: BreakClass, quantity: int) -> str:
    """Return what a booking does, in one sentence."""
    if way is Way.NO_VALUE:
        return _NOTHING
    if way is Way.WRITE_OFF:
        return _LOST
    if kind is BreakClass.BALANCE_DIFFERS:
        return _LEFT
    if kind in {BreakClass.LATE_DELIVERY, BreakClass.REFUSED_HERE_DELIVERED_THERE}:
        return _LATE
    return _LESS if quantity < 0 else _MORE
