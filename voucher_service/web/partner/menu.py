"""The menu of the partner's door."""

from __future__ import annotations

from flask import request, url_for
from flask_babel import gettext as _

from voucher_service.web import doors

_OF_GIFTS = ("partner_books.gift", "partner_books.giver")


def menu() -> list[dict[str, object]]:
    """Return the rooms of the partner whose page is shown; nothing where none is chosen yet."""
    partner_id, staff = (request.view_args or {}).get("partner_id"), doors.signed_in()
    if partner_id is None or staff is None:
        return []
    rooms = [
        (_("Dons et relevés"), "partner.overview", {"partner", "partner_intake", *_OF_GIFTS}),
        (_("Écarts"), "partner_breaks.index", {"partner_breaks"}),
        (_("Soldes"), "partner_balances.index", {"partner_balances"}),
        (_("Clôture des mois"), "partner_closing.index", {"partner_closing"}),
        (_("Preuves"), "partner_books.checkpoints", {"partner_books.checkpoints"}),
        (_("Clés d’API"), "partner_keys.index", {"partner_keys"}),
        (_("Webhooks"), "partner_hooks.index", {"partner_hooks"}),
    ]
    here = {request.blueprint, request.endpoint}
    shown: list[dict[str, object]] = [
        {"label": label, "href": url_for(endpoint, partner_id=partner_id), "current": bool(here & inside)}
        for label, endpoint, inside in rooms
    ]
    if staff.partner_id is None:
        shown.insert(0, {"label": _("Tous les opérateurs"), "href": url_for("partner.home"), "current": False})
    return shown
