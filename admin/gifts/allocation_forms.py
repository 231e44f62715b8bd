"""The forms of allocations."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room, words
from voucher_service.ledger.models import AccountKind
from voucher_service.partners import gifts, lists
from voucher_service.staff import branches as staff_branches
from voucher_service.staff.lists import branch_names
from voucher_service.units import Unit
from voucher_service.web import doors


class NewGift(BaseModel):
    """What the form of an allocation sends. `quantity` is as people write it; its unit says how to read it."""

    agreement_id: UUID
    label: str = Field(min_length=1, max_length=120)
    unit: Unit
    quantity: str = Field(max_length=40)
    valid_from: date
    valid_until: date
    priority: int = Field(default=100, ge=1, le=999)
    branches: list[int] = Field(default_factory=list, max_length=500)
    cities: list[str] = Field(default_factory=list, max_length=500)

    def pieces(self) -> int:
        """Return the quantity in its smallest piece. Raises BadInput."""
        return doors.read_quantity(self.quantity, self.unit, field="quantity")


class Leaving(BaseModel):
    """What the forms of a return and of a write-off send."""

    quantity: str = Field(max_length=40)
    reason: str = Field(min_length=3, max_length=200)


def leaving_form(allocation_id: int, *, returned: bool) -> room.Form:
    """Return the form that gives value back to the donor, or writes it off."""
    with doors.services().database.read() as session:
        gift = lists.gifts(session, [gifts.fresh(session, allocation_id)])[0]
    here = "admin.allocations.return_to_donor" if returned else "admin.allocations.write_off"
    left = doors.say_quantity(gift.at(AccountKind.AVAILABLE), Unit(gift.allocation.unit))
    return room.Form(
        title=_("Rendre au donateur") if returned else _("Passer en perte"),
        lead=_("Un mouvement des comptes ne s’efface pas : vérifiez la quantité."),
        fields=[
            room.Field(
                name="quantity",
                label=_("Quantité (%(unit)s)", unit=words.unit(gift.allocation.unit).lower()),
                hint=_("Disponible : %(left)s.", left=left),
                inputmode="decimal",
                width="short",
            ),
            room.Field(
                name="reason",
                label=_("Pourquoi ?"),
                kind=room.Kind.AREA,
                hint=_("Cette raison reste à côté du mouvement. N’écrivez aucun nom de personne."),
            ),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for(here, allocation_id=allocation_id),
        submit=_("Rendre") if returned else _("Passer en perte"),
        tone="primary" if returned else "danger",
        cancel=url_for("admin.allocations.show", allocation_id=allocation_id),
    )


def gift_form() -> room.Form:
    """Return the form of an allocation."""
    with doors.services().database.read() as session:
        partners = lists.names(session).partners
        signed = lists.agreements(session)
        places, cities = branch_names(session), staff_branches.cities(session)
    return room.Form(
        title=_("Nouvelle dotation"),
        lead=_("Ce qu’un opérateur donne : une quantité, des dates, et à qui c’est réservé."),
        fields=[
            room.Field(
                name="agreement_id",
                label=_("Convention"),
                kind=room.Kind.SELECT,
                options=[(one.id, f"{partners[one.partner_id]} · {one.reference}") for one in signed],
                empty=_("Choisir…"),
            ),
            room.Field(name="label", label=_("Nom de la dotation"), hint=_("Par exemple : Recharges d’hiver 2026.")),
            room.unit_field(),
            room.Field(
                name="quantity",
                label=_("Quantité"),
                hint=_("En euros avec une virgule (1 250,50), en Mo ou Go, en minutes, en SMS ou en pièces."),
                inputmode="decimal",
                width="short",
            ),
            room.Field(name="valid_from", label=_("À partir du"), kind=room.Kind.DATE, value=room.today()),
            room.Field(
                name="valid_until",
                label=_("Jusqu’au"),
                kind=room.Kind.DATE,
                hint=_("Ce jour-là, chaque unité est livrée, rendue ou passée en perte."),
            ),
            room.Field(
                name="priority",
                label=_("Priorité"),
                value=100,
                width="short",
                inputmode="numeric",
                hint=_("De 1 (d’abord) à 999. Sert aux campagnes qui puisent par priorité."),
            ),
            *_earmark_fields(places, cities),
        ],
        action=url_for("admin.allocations.create"),
        submit=_("Continuer"),
        cancel=url_for("admin.allocations.index"),
    )


def _earmark_fields(places: dict[int, str], cities: list[str]) -> list[room.Field]:
    """Where the gift may be used; nothing to ask before there is a branch."""
    if not places:
        return []
    return [
        room.Field(
            name="cities",
            label=_("Réservée à ces villes"),
            kind=room.Kind.CHECKS,
            options=[(city, city) for city in cities],
            required=False,
            value=[],
            hint=_("Rien de coché : toutes."),
        ),
        room.Field(
            name="branches",
            label=_("Réservée à ces antennes"),
            kind=room.Kind.CHECKS,
            options=list(places.items()),
            required=False,
            value=[],
        ),
    ]
