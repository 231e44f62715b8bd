"""Articles, transfers and stock-takes in words, each state with its tone."""

from __future__ import annotations

from flask_babel import gettext as _

from voucher_service.fulfilment.articles.count_models import CountState, Finding
from voucher_service.fulfilment.articles.models import ArticleKind, ArticleState
from voucher_service.fulfilment.articles.parcel_models import ParcelState

Tagged = tuple[str, str]


def kind(value: str) -> str:
    """Return what an article is called."""
    return str(
        {
            ArticleKind.SIM: _("Carte SIM"),
            ArticleKind.HANDSET: _("Téléphone"),
            ArticleKind.SEAT: _("Place d’atelier"),
        }[ArticleKind(value)]
    )


def state(value: str) -> Tagged:
    """Return the word and tone of an article's state."""
    return {
        ArticleState.IN_STOCK: (_("En stock"), "ok"),
        ArticleState.HELD: (_("Mis de côté"), "wait"),
        ArticleState.GIVEN: (_("Remis"), "none"),
        ArticleState.IN_TRANSIT: (_("En transfert"), "wait"),
        ArticleState.EXPIRED: (_("Périmé"), "none"),
        ArticleState.RETURNED: (_("Rendu à l’opérateur"), "none"),
        ArticleState.LOST: (_("Perdu"), "bad"),
    }[ArticleState(value)]


def parcel_state(value: str) -> Tagged:
    """Return the word and tone of a transfer's state."""
    return {
        ParcelState.SENT: (_("En route"), "wait"),
        ParcelState.RECEIVED: (_("Reçu"), "ok"),
        ParcelState.RECALLED: (_("Rappelé"), "none"),
    }[ParcelState(value)]


def count_state(value: str) -> Tagged:
    """Return the word and tone of a stock-take's state."""
    return {
        CountState.OPEN: (_("Comptage en cours"), "wait"),
        CountState.SUBMITTED: (_("Attend une deuxième personne"), "check"),
        CountState.CLOSED: (_("Clos"), "ok"),
        CountState.DROPPED: (_("Abandonné"), "none"),
    }[CountState(value)]


def finding(value: str) -> tuple[str, str, str]:
    """Return the word and tone of a difference, and what closing does about it."""
    nothing = _("Rien n’est écrit.")
    return {
        Finding.MISSING: (_("Manque"), "bad", _("Sera passé en perte.")),
        Finding.FOUND: (_("Retrouvé"), "ok", _("Revient en stock dans cette antenne.")),
        Finding.ELSEWHERE: (_("D’une autre antenne"), "check", _("Passe au stock de cette antenne.")),
        Finding.SET_ASIDE: (_("Mis de côté, pas vu"), "check", _("Cherchez-le : une personne l’attend.")),
        Finding.MISPLACED: (_("Ne devrait pas être là"), "check", _("Regardez son histoire, puis décidez.")),
        Finding.EXPLAINED: (_("A bougé pendant le comptage"), "none", nothing),
        Finding.PRESENT: (_("Présent"), "ok", nothing),
    }[Finding(value)]


def condition(value: str) -> str:
    """Return how a handset is."""
    return str({"new": _("Neuf"), "good": _("Bon état"), "worn": _("Usagé, il fonctionne")}[value])
