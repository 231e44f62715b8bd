"""The coordination's door, put together."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from flask_babel import gettext as _

from admin import (
    allocations,
    batches,
    books,
    branches,
    campaigns,
    menu,
    offers,
    orders,
    partners,
    people,
    room,
    stock,
    team,
    thresholds,
    today,
    visits,
    vouchers,
    words,
)

ROOMS = (
    today,
    orders,
    visits,
    vouchers,
    batches,
    allocations,
    partners,
    stock,
    campaigns,
    offers,
    people,
    team,
    branches,
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
