"""The rooms, as the menu and the tabs show them."""

from __future__ import annotations

from flask import request, url_for
from flask_babel import gettext as _

Item = dict[str, object]
Group = tuple[str, list[tuple[str, str, str]]]


def _groups() -> list[Group]:
    """Return each group with its rooms: words, the endpoint to open, the beginning of its endpoints."""
    return [*_daily(), *_planned(), *_house()]


def _daily() -> list[Group]:
    return [
        (_("Aujourd’hui"), [(_("Aujourd’hui"), "admin.today.index", "admin.today.")]),
        (
            _("À traiter"),
            [
                (_("À traiter"), "admin.orders.index", "admin.order"),
                (_("Écarts"), "admin.breaks.index", "admin.breaks"),
                (_("Envoi aux opérateurs"), "admin.routes.index", "admin.routes."),
                (_("Acceptés sans réseau"), "admin.offline.index", "admin.offline."),
                (_("Acceptés sur papier"), "admin.paper.index", "admin.paper."),
                (_("Passages"), "admin.visits.index", "admin.visits."),
            ],
        ),
        (
            _("Bons"),
            [
                (_("Bons"), "admin.vouchers.index", "admin.vouchers."),
                (_("Lots de bons"), "admin.batches.index", "admin.batches."),
            ],
        ),
    ]


def _planned() -> list[Group]:
    return [
        (
            _("Dotations"),
            [
                (_("Dotations"), "admin.allocations.index", "admin.allocations."),
                (_("Fins de dotation"), "admin.endings.index", "admin.endings."),
                (_("Opérateurs et conventions"), "admin.partners.index", "admin.partners."),
                (_("Raccordements"), "admin.connections.index", "admin.connections."),
            ],
        ),
        (
            _("Stock"),
            [
                (_("Codes en stock"), "admin.stock.index", "admin.stock"),
                (_("Cartes, téléphones, places"), "admin.articles.index", "admin.articles."),
                (_("Transferts entre antennes"), "admin.parcels.index", "admin.parcels."),
                (_("Inventaires"), "admin.counts.index", "admin.counts."),
            ],
        ),
        (_("Programmes"), _programmes()),
        (_("Personnes"), [(_("Personnes"), "admin.people.index", "admin.people.")]),
    ]


def _house() -> list[Group]:
    return [
        (
            _("Messages"),
            [
                (_("Envois"), "admin.messages.index", "admin.messages."),
                (_("Textes"), "admin.texts.index", "admin.texts."),
                (_("Passerelles"), "admin.gateways.index", "admin.gateways."),
            ],
        ),
        (
            _("Équipe"),
            [
                (_("Comptes"), "admin.team.index", "admin.team."),
                (_("Antennes"), "admin.branches.index", "admin.branches."),
                (_("Appareils"), "admin.devices.index", "admin.devices."),
                (_("Accord à deux"), "admin.thresholds.index", "admin.thresholds."),
            ],
        ),
        (
            _("Journal"),
            [
                (_("Mouvements"), "admin.books.index", "admin.books.index"),
                (_("Contrôle des comptes"), "admin.books.check", "admin.books.check"),
            ],
        ),
    ]


def _programmes() -> list[tuple[str, str, str]]:
    return [
        (_("Campagnes"), "admin.campaigns.index", "admin.campaigns."),
        (_("Offres"), "admin.offers.index", "admin.offers."),
    ]


def menu() -> list[Item]:
    """Return the main menu."""
    return [
        {"label": label, "href": url_for(rooms[0][1]), "current": any(_is_here(room[2]) for room in rooms)}
        for label, rooms in _groups()
    ]


def section() -> list[Item]:
    """Return the rooms of the present group as tabs; none when there is only one."""
    for _label, rooms in _groups():
        if len(rooms) > 1 and any(_is_here(start) for _words, _endpoint, start in rooms):
            return [
                {"label": words, "href": url_for(endpoint), "current": _is_here(start)}
                for words, endpoint, start in rooms
            ]
    return []


_OF_CONNECTIONS = ("admin.listing.", "admin.selling.")
"""Rooms that are entered from a connection."""


def _is_here(start: str) -> bool:
    here = request.endpoint or ""
    return here.startswith(start) or (start == "admin.connections." and here.startswith(_OF_CONNECTIONS))
