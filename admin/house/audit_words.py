"""The rules of the books in plain French. The audit itself speaks English and stands apart on purpose."""

from __future__ import annotations

from flask_babel import gettext as _

_WHOLE = "a gift was received whole, and received = available + reserved + in delivery + delivered + returned + lost"


def _articles() -> dict[str, str]:
    return {
        "an article lies at the branch that its lot came to, or that its last journey led to": _(
            "Chaque article est dans l’antenne où son lot est arrivé, ou celle de son dernier transfert."
        ),
        "what is in transit is in one parcel under way, from where it left": _(
            "Ce qui est en transfert est dans un seul envoi en cours."
        ),
        "an article set aside or given is that of its order, at the order's branch": _(
            "Un article mis de côté ou remis est celui de son bon, dans la même antenne."
        ),
        "a parcel has booked what it holds: sent, then arrived or lost; received by another person": _(
            "Un transfert a écrit ce qu’il porte, et une autre personne l’a reçu."
        ),
        "a stock-take has booked what it found missing or found back, signed by two people": _(
            "Un inventaire a écrit ce qui manquait et ce qui a été retrouvé, signé par deux personnes."
        ),
    }


def _offline() -> dict[str, str]:
    """Return the words of the rules about acceptances without a network."""
    return {
        "a confirmed acceptance of a device is one accepted scan, of the voucher it names, in its branch and shift": _(
            "Ce qu’un appareil a accepté sans réseau est un scan accepté : même bon, même antenne, même service."
        ),
        "an acceptance that was not confirmed has redeemed nothing": _(
            "Ce qui a été accepté sans réseau et n’a pas été confirmé n’a utilisé aucun bon."
        ),
        "the acceptances of a device follow from one another": _(
            "Ce qu’un appareil a accepté se suit, sans trou ni doublon."
        ),
        "what a device accepted lies within what it was leased": _(
            "Un appareil n’a rien accepté au-delà de ce qui lui était permis."
        ),
        "what a person has yet to settle is kept whole": _("Ce qui reste à régler par une personne est gardé entier."),
    }


def rule_words(rule: str) -> str:
    """Return the rule for a reader who is no engineer; a rule without words here stands as it is."""
    return str(
        {
            "a transfer stays within one book and one unit": _("Un mouvement reste dans un livre et une unité."),
            "the kept balance equals its transfers": _("Le solde disponible est la somme des mouvements."),
            "no account inside the programme is below zero": _("Aucun compte du programme n’est négatif."),
            "a transfer that ends a hold moves exactly what was held, from where it was held": _(
                "Ce qui lève une réserve déplace exactement ce qui était réservé."
            ),
            "a hold is ended once at most": _("Une réserve n’est levée qu’une fois."),
            "what leaves reserved or in delivery names the hold it ends": _("Ce qui quitte une réserve dit laquelle."),
            "a live voucher has its own reservation, unspent": _("Chaque bon utilisable a sa propre réserve, intacte."),
            "a voucher that is no longer live holds nothing": _("Un bon fini ne retient plus rien."),
            "every reservation belongs to one live voucher": _("Chaque réserve appartient à un bon utilisable."),
            "a redeemed voucher has one accepted scan, one order and one visit": _(
                "Un bon utilisé a un scan accepté, une recharge et un passage."
            ),
            "every order was made by one accepted scan": _("Chaque recharge vient d’un scan accepté."),
            "every accepted scan is one visit": _("Chaque scan accepté est un passage."),
            "every visit of a redemption comes from an accepted scan": _(
                "Chaque passage avec un bon vient d’un scan accepté."
            ),
            "an order holds the value that its voucher had reserved": _("Une recharge vaut ce que son bon réservait."),
            "everything in delivery belongs to an order": _("Tout ce qui est en livraison a sa recharge."),
            "the state of an order agrees with its transfers": _("L’état d’une recharge est celui de ses mouvements."),
            "a late delivery is booked once, out of variance, and variance is made good when it is closed": _(
                "Une livraison tardive est écrite une fois, et l’écart qu’elle ouvre est comblé quand elle est réglée."
            ),
            _WHOLE: _("Reçu = disponible + réservé + en livraison + livré + rendu + perdu, pour chaque dotation."),
            "a batch has issued as many vouchers as it says": _("Un lot a émis autant de bons qu’il le dit."),
            "a lot was received whole, and received = held + in transit + delivered + expired + returned + lost": _(
                "Reçu = en stock + en transfert + remis + périmé + rendu + perdu, pour chaque lot."
            ),
            "each code and article of stock lies where the books say": _(
                "Chaque code et chaque article est là où le disent les livres."
            ),
            "what expired, and what was lost and not found, is booked for that reason": _(
                "Ce qui est périmé et ce qui est perdu, et pas retrouvé, est écrit chacun pour sa raison."
            ),
            **_articles(),
            **_offline(),
            "the price paid at a visit went into the till": _("Le prix payé à un passage est entré en caisse."),
            "a visit undone by whom had scanned gave back its value and its price": _(
                "Un passage annulé a rendu sa valeur et son prix."
            ),
            "what was given back for an undone visit has its visit marked undone": _(
                "Ce qui a été rendu pour un passage annulé a son passage annulé."
            ),
        }.get(rule, rule)
    )
