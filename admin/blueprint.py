"""The coordination's door, put together."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from flask_babel import gettext as _

from admin import menu, room, words
from admin.counter import devices, on_paper, unsettled
from admin.delivery import breaks, orders, pairings, routes
from admin.delivery import one as order
from admin.gifts import allocations, connections, endings, listing, partners, selling, tolerances
from admin.house import books, branches, team, thresholds, today
from admin.messages import gateways, messages, send, texts
from admin.people import people, visits
from admin.programmes import campaigns, offers
from admin.stock import acts as stock_acts
from admin.stock import articles, counts, entries, parcels
from admin.stock import codes as stock
from admin.vouchers import batches, vouchers

ROOMS = (
    today,
    orders,
    order,
    breaks,
    pairings,
    routes,
    unsettled,
    on_paper,
    visits,
    vouchers,
    batches,
    allocations,
    endings,
    partners,
    tolerances,
    stock,
    stock_acts,
    articles,
    entries,
    parcels,
    counts,
    connections,
    listing,
    selling,
    campaigns,
    offers,
    people,
    messages,
    send,
    texts,
    gateways,
    team,
    branches,
    devices,
    thresholds,
    books,
)

blueprint = Blueprint("admin", __name__, url_prefix="/admin", template_folder="templates")
for one in ROOMS:
    blueprint.register_blueprint(one.blueprint)


@blueprint.context_processor
def _shared() -> dict[str, Any]:
    return {
        "door_name": _("Coordination"),
        "home_href": url_for("admin.today.index"),
        "nav": menu.menu(),
        "section": menu.section(),
        "may_write": room.may_write(),
        "words": words,
    }
