"""The forms that issue, cancel and replace a voucher."""

from __future__ import annotations

from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.errors import BadInput
from voucher_service.partners import catalogue
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors


class NewVoucher(BaseModel):
    """What the form of a single voucher sends. `what` is a campaign and one of its offers."""

    what: str = Field(max_length=80)
    person: str = Field(default="", max_length=20)
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)

    def chosen(self) -> tuple[UUID, UUID]:
        """Return campaign and offer. Raises BadInput."""
        return read_what(self.what)


class Why(BaseModel):
    """What a form that only asks for a reason sends."""

    reason: str = Field(min_length=3, max_length=200)


def read_what(text: str) -> tuple[UUID, UUID]:
    """Return the campaign and the offer that one choice of the list means. Raises BadInput."""
    campaign, _colon, offer = text.partition(":")
    try:
        return UUID(campaign), UUID(offer)
    except ValueError:
        raise BadInput(_("Choisissez une des offres proposées."), field="what") from None


def what_field() -> room.Field:
    """Ask for an offer of a campaign that runs today: only what can be issued is offered."""
    with doors.services().database.read() as session:
        options = [
            (f"{campaign.id}:{offer.id}", f"{campaign.name} · {offer.name_fr}")
            for campaign in catalogue.list_campaigns(session, on=room.today())
            for offer in catalogue.offers_of(session, campaign.id)
        ]
    hint = "" if options else _("Aucune campagne en cours ne propose d’offre : voyez d’abord Programmes.")
    return room.Field(
        name="what",
        label=_("Campagne et offre"),
        kind=room.Kind.SELECT,
        options=options,
        empty=_("Choisir…"),
        hint=hint,
    )


def branch_field(hint: str) -> room.Field:
    """Ask for a branch, or none."""
    with doors.services().database.read() as session:
        places = branch_names(session)
    return room.Field(
        name="branch_id",
        label=_("Antenne"),
        kind=room.Kind.SELECT,
        options=list(places.items()),
        empty=_("Toutes les antennes"),
        required=False,
        hint=hint,
    )


def issue_form() -> room.Form:
    """Return the form of a single voucher."""
    return room.Form(
        title=_("Nouveau bon"),
        lead=_("Un bon pour une personne, ou au porteur : qui le présente s’en sert."),
        fields=[
            what_field(),
            room.Field(
                name="person",
                label=_("Référence de la personne"),
                required=False,
                width="short",
                hint=_("Comme 7K4M-2XQ9. Laissez vide pour un bon au porteur."),
                attrs={"autocapitalize": "characters", "spellcheck": "false"},
            ),
            branch_field(_("Certaines dotations sont réservées à une antenne ou à une ville.")),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.vouchers.create"),
        submit=_("Émettre le bon"),
        cancel=url_for("admin.vouchers.index"),
    )


def cancel_form(voucher_id: UUID) -> room.Form:
    """Return the form that cancels a voucher."""
    return room.Form(
        title=_("Annuler ce bon ?"),
        lead=_("Son code ne servira plus, et sa valeur revient à la dotation. Cela ne se défait pas."),
        fields=[_why()],
        action=url_for("admin.vouchers.cancel", voucher_id=voucher_id),
        submit=_("Annuler le bon"),
        tone="danger",
        leave=_("Garder le bon"),
        cancel=url_for("admin.vouchers.show", voucher_id=voucher_id),
    )


def reissue_form(voucher_id: UUID) -> room.Form:
    """Return the form that replaces a voucher."""
    return room.Form(
        title=_("Remplacer ce bon ?"),
        lead=_("Un nouveau bon est émis aux conditions d’aujourd’hui ; l’ancien code ne sert plus dès maintenant."),
        fields=[_why()],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.vouchers.reissue", voucher_id=voucher_id),
        submit=_("Remplacer le bon"),
        cancel=url_for("admin.vouchers.show", voucher_id=voucher_id),
    )


def _why() -> room.Field:
    return room.Field(
        name="reason",
        label=_("Pourquoi ?"),
        kind=room.Kind.AREA,
        hint=_("Par exemple : papier perdu. Cette raison reste dans le journal ; n’écrivez aucun nom."),
    )
