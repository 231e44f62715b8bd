"""What a difference means, in plain French, and what to do next. The sentences are the translation keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from voucher_service.errors import N_
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.models import BreakClass
from voucher_service.units import Unit, display


@dataclass(frozen=True, slots=True)
class Theirs:
    """The partner's line. `quantity` counts pieces of `unit`; `sums_up` top-ups, where it stands for those of a day.

    `ordered` is the product of the order it claimed, where the line states a `product`. `tail`: the last two digits of
    the telephone it names; `cost` what they count for it, in cents.
    """

    line: int
    our_ref: str | None
    partner_ref: str | None
    serial: str | None
    status: str
    quantity: int
    unit: Unit
    at: datetime
    product: str | None = None
    ordered: str | None = None
    sums_up: int | None = None
    tail: str | None = None
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Ours:
    """Our order. `at` is when it became final, or was made while it is open."""

    order_id: UUID
    partner_ref: str | None
    state: str
    quantity: int
    unit: Unit
    at: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What a break without line and order is about: numbers that no statement has, or what is left of a gift.

    `as_of` is the last day of the balance; `declared` is the partner's figure, `ours` that of the books.
    """

    numbers: str = ""
    gift: str = ""
    as_of: date | None = None
    declared: int = 0
    ours: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A break with both sides. `quantity` is theirs minus ours. Nothing here tells who the person is."""

    id: UUID
    kind: BreakClass
    priority: int
    quantity: int
    unit: Unit
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    note: str | None
    theirs: Theirs | None
    ours: Ours | None
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, one sentence with the figures, and the next step: ours, and the partner's."""

    title: str
    sentence: str
    next_step: str
    partner_step: str


PRIORITIES = {1: N_("Urgent"), 2: N_("Important"), 4: N_("À suivre")}
LINE_WORDS = {"delivered": N_("livrée"), "refused": N_("refusée"), "reversed": N_("reprise")}
ORDER_WORDS = {
    "waiting": N_("à envoyer"),
    "sending": N_("envoi en cours"),
    "accepted": N_("acceptée, pas encore confirmée"),
    "unknown": N_("sort inconnu"),
    "held": N_("code réservé, pas encore montré"),
    "delivered": N_("livrée"),
    "given_back": N_("refusée, valeur rendue au bon"),
    "reversed": N_("reprise après livraison"),
    "manual": N_("examinée par l’équipe"),
    "reversing": N_("annulation demandée"),
    "lost": N_("abandonnée"),
}

TEXTS: dict[BreakClass, Explanation] = {
    BreakClass.AMOUNT_DIFFERS: Explanation(
        N_("Montant différent"),
        N_("La ligne %(line)s dit %(theirs)s ; nous avons commandé %(ours)s."),
        N_("Demandez à l’opérateur le montant réellement livré, puis corrigez d’un côté ou de l’autre."),
        N_("Vérifiez le montant réellement livré ; s’il est faux, envoyez un relevé corrigé."),
    ),
    BreakClass.PRODUCT_DIFFERS: Explanation(
        N_("Autre produit"),
        N_("La ligne %(line)s porte un autre produit (%(theirs)s) que celui que nous avons commandé (%(ours)s)."),
        N_("Demandez à l’opérateur quel produit a été livré, puis retenez son chiffre ou faites-le corriger."),
        N_("Vérifiez quel produit a été livré ; s’il est faux, envoyez un relevé corrigé."),
    ),
    BreakClass.DELIVERED_HERE_REFUSED_THERE: Explanation(
        N_("Livrée chez nous, refusée chez l’opérateur"),
        N_("Chez nous, %(ours)s livrés le %(our_day)s ; la ligne %(line)s dit la recharge refusée."),
        N_("Vérifiez avec l’antenne si la personne a reçu sa recharge ; sinon, redonnez-lui un bon."),
        N_("Dites-nous pourquoi elle a été refusée : vous aviez répondu qu’elle était livrée."),
    ),
    BreakClass.REFUSED_HERE_DELIVERED_THERE: Explanation(
        N_("Refusée chez nous, livrée chez l’opérateur"),
        N_("La ligne %(line)s dit %(theirs)s livrés le %(their_day)s ; chez nous, elle ne compte pas comme livrée."),
        N_("Vérifiez que le bon n’a pas été utilisé une seconde fois, puis demandez une contre-passation."),
        N_("Confirmez la livraison, ou contre-passez-la : vous aviez dit qu’elle n’avait pas abouti."),
    ),
    BreakClass.MISSING_AT_PARTNER: Explanation(
        N_("Absente du relevé"),
        N_("Nous avons noté une recharge de %(ours)s livrée le %(our_day)s ; aucune ligne ne la porte."),
        N_("Le délai d’attente est passé : demandez à l’opérateur ce qu’elle est devenue."),
        N_("Retrouvez cette recharge : portez-la dans un relevé, ou dites-nous qu’elle n’a pas eu lieu."),
    ),
    BreakClass.AWAITED_AT_PARTNER: Explanation(
        N_("Attendue dans le relevé suivant"),
        N_("Une recharge de %(ours)s livrée le %(our_day)s, qu’aucun relevé ne porte encore ; le suivant le peut."),
        N_("Rien à faire encore. Si le relevé suivant ne la porte pas, elle devient un écart à traiter."),
        N_("Rien à faire encore : portez-la dans votre relevé suivant."),
    ),
    BreakClass.UNEXPECTED_AT_PARTNER: Explanation(
        N_("Inconnue chez nous"),
        N_("La ligne %(line)s porte %(theirs)s le %(their_day)s sous une référence qui n’est pas à nous."),
        N_("Demandez à l’opérateur d’où vient cette ligne : elle ne doit pas être prise sur le don."),
        N_("Vérifiez la référence ; si la recharge n’est pas pour nous, retirez la ligne du relevé."),
    ),
    BreakClass.DUPLICATE_AT_PARTNER: Explanation(
        N_("Comptée deux fois"),
        N_("La ligne %(line)s (%(theirs)s) porte une recharge qu’une autre ligne porte déjà."),
        N_("Demandez à l’opérateur de retirer la ligne en trop, ou la preuve de deux livraisons."),
        N_("Retirez la ligne en trop, ou envoyez-nous la preuve de deux livraisons."),
    ),
    BreakClass.DELIVERED_THERE_OPEN_HERE: Explanation(
        N_("Livrée chez l’opérateur, encore en cours chez nous"),
        N_("La ligne %(line)s dit %(theirs)s livrés le %(their_day)s ; chez nous, l’envoi est en cours."),
        N_("Ne renvoyez rien : ouvrez la recharge dans « À traiter », puis relancez le rapprochement."),
        N_("Rien à faire de votre côté : nous enregistrons la livraison, puis refaisons le rapprochement."),
    ),
    BreakClass.REFUSED_THERE_OPEN_HERE: Explanation(
        N_("Non livrée chez l’opérateur, encore en cours chez nous"),
        N_("La ligne %(line)s dit la recharge de %(ours)s non livrée ; chez nous, son sort n’est pas connu."),
        N_("Deux personnes décident dans « À traiter » : rien n’est rendu automatiquement."),
        N_("Confirmez que rien n’a été livré : nous rendrons alors la valeur au bon."),
    ),
    BreakClass.REVERSED_AFTER_DELIVERY: Explanation(
        N_("Reprise après livraison"),
        N_("La ligne %(line)s dit la recharge reprise le %(their_day)s ; chez nous, elle est livrée."),
        N_("Vérifiez avec l’antenne ce que la personne a gardé, puis faites corriger le don."),
        N_("Dites-nous pourquoi la recharge a été reprise, et rendez sa valeur au don."),
    ),
    BreakClass.CODE_USED_BEFORE_REVEAL: Explanation(
        N_("Code utilisé avant d’être remis"),
        N_("La ligne %(line)s dit le code %(serial)s utilisé ; nous ne l’avons montré à personne."),
        N_("Bloquez ce code et le reste de son lot, et prévenez l’opérateur : le code a pu fuiter."),
        N_("Bloquez ce code, et vérifiez avec nous le reste de son lot : le code a pu fuiter."),
    ),
    BreakClass.CODE_REVEALED_NEVER_USED: Explanation(
        N_("Code remis, pas encore utilisé"),
        N_("Un code de %(ours)s a été remis le %(our_day)s ; l’opérateur ne l’a pas vu passer."),
        N_("Rien d’urgent : proposez d’aider la personne à l’utiliser à son prochain passage."),
        N_("Rien à faire : la personne n’a pas encore utilisé son code."),
    ),
    BreakClass.LATE_DELIVERY: Explanation(
        N_("Livrée après coup"),
        N_("%(ours)s ont été livrés alors que leur valeur était déjà rendue au bon : le don la paierait deux fois."),
        N_("Ouvrez la recharge : deux personnes décident si le don la paie, ou si l’opérateur l’a reprise."),
        N_("Dites-nous si cette livraison tardive est reprise ou maintenue."),
    ),
    BreakClass.TOTAL_DIFFERS: Explanation(
        N_("Total du jour différent"),
        N_(
            "La ligne %(line)s regroupe les recharges du %(their_day)s (leur nombre : %(number)s), "
            "%(theirs)s en tout. Écart avec nos livres : %(gap)s."
        ),
        N_("Demandez à l’opérateur le détail de ce jour : un relevé avec une ligne par recharge remplace celui-ci."),
        N_("Envoyez le détail de ce jour : un relevé corrigé, avec une ligne par recharge."),
    ),
    BreakClass.BALANCE_DIFFERS: Explanation(
        N_("Solde différent"),
        N_("Au soir du %(as_of)s, l’opérateur dit qu’il reste %(declared)s sur « %(gift)s » ; nos livres : %(held)s."),
        N_("Réglez d’abord les écarts de lignes ; ce qui reste se règle par une écriture ou un solde corrigé."),
        N_("Vérifiez ce solde ; s’il est faux, déclarez-le à nouveau avec la raison, dans « Soldes des dotations »."),
    ),
    BreakClass.STATEMENT_MISSING: Explanation(
        N_("Relevé manquant"),
        N_("La suite des numéros saute : n° %(numbers)s n’est jamais arrivé."),
        N_("Demandez ce relevé à l’opérateur. S’il n’existe pas, l’opérateur le dit ici, et vous donnez votre accord."),
        N_("Envoyez ce relevé. Si ce numéro n’a jamais servi, dites-le ci-dessous avec la raison."),
    ),
    BreakClass.UNCLASSIFIED: Explanation(
        N_("À démêler"),
        N_("La ligne %(line)s (%(theirs)s) porte une référence commune à plusieurs de nos recharges."),
        N_("Demandez à l’opérateur notre référence client pour cette ligne."),
        N_("Donnez-nous la référence client de cette ligne : elle seule désigne une recharge."),
    ),
}


def explain(difference: Difference, translate: Callable[[str], str] = str, language: str = "fr") -> Explanation:
    """Return the words for `difference`; `translate` turns the French key into the reader's `language`."""
    text = TEXTS[difference.kind]
    theirs, ours = difference.theirs, difference.ours
    facts = {
        "line": theirs.line if theirs else "–",
        "serial": (theirs and theirs.serial) or "–",
        "number": (theirs and theirs.sums_up) or "–",
        "theirs": display(theirs.quantity, theirs.unit, language) if theirs else "–",
        "their_day": _day(theirs.at) if theirs else "–",
        "ours": display(ours.quantity, ours.unit, language) if ours else "–",
        "our_day": _day(ours.at) if ours else "–",
        "gap": display(difference.quantity, difference.unit, language),
    } | _about(difference, language)
    if difference.kind is BreakClass.PRODUCT_DIFFERS and theirs and theirs.product:
        facts["theirs"] = f"{theirs.product}, {facts['theirs']}"
        facts["ours"] = f"{theirs.ordered}, {facts['ours']}" if theirs.ordered else facts["ours"]
    return Explanation(
        translate(text.title),
        translate(text.sentence) % facts,
        translate(text.next_step),
        translate(text.partner_step),
    )


def _about(difference: Difference, language: str) -> dict[str, str]:
    about = difference.about or About()
    return {
        "numbers": about.numbers or "–",
        "gift": about.gift or "–",
        "as_of": f"{about.as_of:%d/%m/%Y}" if about.as_of else "–",
        "declared": display(about.declared, difference.unit, language),
        "held": display(about.ours, difference.unit, language),
    }


def _day(at: datetime) -> str:
    return f"{at.astimezone(PROGRAMME_ZONE):%d/%m/%Y}"
