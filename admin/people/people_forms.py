"""The forms of a person."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from admin import room
from voucher_service.people.models import Person
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

LANGUAGES = {
    "fr": "français",
    "en": "English",
    "ar": "العربية",
    "uk": "українська",
    "ti": "ትግርኛ",
    "ps": "پښتو",
    "fa": "دری",
    "ro": "română",
    "es": "español",
}
"""What a beneficiary may be spoken to in; each in its own words."""


def person_form() -> room.Form:
    """Return the form that registers a person."""
    with doors.services().database.read() as session:
        places = branch_names(session)
    return room.Form(
        title=_("Nouvelle personne"),
        lead=_("Seule la langue est demandée. Une référence remplace le nom partout ailleurs."),
        fields=[
            room.Field(name="name", label=_("Nom ou surnom"), required=False),
            room.Field(
                name="phone",
                label=_("Mobile"),
                required=False,
                hint=_("06 12 34 56 78, ou +44… pour un numéro étranger."),
                inputmode="tel",
                width="medium",
            ),
            room.Field(
                name="birth_year", label=_("Année de naissance"), required=False, inputmode="numeric", width="short"
            ),
            room.Field(
                name="language",
                label=_("Langue"),
                kind=room.Kind.SELECT,
                options=list(LANGUAGES.items()),
                value="fr",
            ),
            room.Field(
                name="branch_id",
                label=_("Antenne"),
                kind=room.Kind.SELECT,
                options=list(places.items()),
                empty=_("Aucune en particulier"),
                required=False,
            ),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.people.create"),
        submit=_("Enregistrer"),
        cancel=url_for("admin.people.index"),
    )


def phone_form(person: Person) -> room.Form:
    """Return the form of another telephone number."""
    return room.Form(
        title=_("Changer le numéro de %(reference)s", reference=person.reference),
        lead=_("Les prochaines recharges partiront vers ce numéro : relisez-le deux par deux avec la personne."),
        fields=[
            room.Field(
                name="phone",
                label=_("Nouveau mobile"),
                required=False,
                hint=_("Laissez vide si la personne n’a plus de téléphone."),
                inputmode="tel",
                width="medium",
            )
        ],
        action=url_for("admin.people.change_phone", person_id=person.id),
        submit=_("Changer le numéro"),
        cancel=url_for("admin.people.show", person_id=person.id),
    )


def erase_form(person: Person) -> room.Form:
    """Return the form that erases a person."""
    return room.Form(
        title=_("Effacer %(reference)s ?", reference=person.reference),
        lead=_(
            "Nom, téléphone et année de naissance deviennent illisibles, partout, pour toujours. Les comptes ne "
            "changent pas ; les bons encore utilisables le restent."
        ),
        fields=[
            room.Field(
                name="reference", label=_("Écrivez sa référence pour confirmer"), width="short", hint=person.reference
            )
        ],
        action=url_for("admin.people.erase", person_id=person.id),
        submit=_("Effacer pour toujours"),
        tone="danger",
        cancel=url_for("admin.people.show", person_id=person.id),
    )
