"""Why a line and an order may be the same top-up, in the words of either side's page."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _

from voucher_service.reconciliation.work.suggest import Suggestion


def say_alike(one: Suggestion) -> str:
    """Return what the two have in common: "même numéro finissant par 42, même produit, 3 h d’écart"."""
    said = [_("même numéro finissant par %(tail)s", tail=one.tail)] if one.tail else []
    said.append(_("même produit") if one.same_product else _("même quantité"))
    if one.same_product and not one.same_quantity:
        said.append(_("autre quantité"))
    return ", ".join([*said, _say_apart(one.apart)])


def _say_apart(apart: timedelta) -> str:
    minutes = round(apart.total_seconds() / 60)
    if minutes < 60:
        return str(_("%(n)s min d’écart", n=minutes))
    return str(_("%(n)s h d’écart", n=round(minutes / 60)))
